"""
Pipecat's OpenAI realtime service in a pipeline. The first argument says who detects turns: `server` (the server's VAD)
or `own` (Pipecat's Silero and Smart Turn, with the server's VAD switched off).
"""

import asyncio
import os
import sys
from contextlib import asynccontextmanager

from loguru import logger
from openai import AsyncOpenAI
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner
from scenarios import NotApplicable, expect, pieces, recording, run

logger.remove()
logger.add(sys.stderr, level="WARNING")

OWN_VAD = sys.argv[1] == "own"
URL = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime"
LONG = "Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


class Collector(FrameProcessor):
    """Stands behind the service, where the speaker would be."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction == FrameDirection.DOWNSTREAM:
            self.frames.put_nowait(frame)
        await self.push_frame(frame, direction)


class Call:
    def __init__(self, llm: OpenAIRealtimeLLMService, worker: PipelineWorker, collector: Collector) -> None:
        self.llm = llm
        self.worker = worker
        self.collector = collector
        self.assistant_items: list[str] = []
        self.audio_bytes = 0
        self.errors: asyncio.Queue[str] = asyncio.Queue()

    async def next(self, kind: type[Frame]):
        """The next frame of a kind behind the service. Fails on an error of the pipeline."""
        while True:
            expect(self.errors.empty(), "an error of the pipeline")
            frame = await self.collector.frames.get()
            if isinstance(frame, kind):
                return frame

    async def answer(self) -> str:
        """The words of the response that ends next with words. Counts the bytes of its audio."""
        words = ""
        self.audio_bytes = 0
        while True:
            frame = await self.next((LLMTextFrame, TTSAudioRawFrame, LLMFullResponseEndFrame))
            if isinstance(frame, LLMTextFrame):
                words += frame.text
            elif isinstance(frame, TTSAudioRawFrame):
                self.audio_bytes += len(frame.audio)
            elif words:
                return words

    async def speak(self, name: str) -> None:
        """Speaks in real time, because Pipecat's own turns discard audio by the clock."""
        for piece in pieces(recording(name), 20):
            await asyncio.sleep(0.02)
            await self.worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=24_000, num_channels=1))


@asynccontextmanager
async def call(
    text: str, *, modality="audio", tools=(), handlers=None, own_vad=OWN_VAD, turns=True, api_key="any"
):
    """A pipeline that starts with a message of the user, and the response to it."""
    llm = OpenAIRealtimeLLMService(
        api_key=api_key,
        base_url=URL,
        settings=OpenAIRealtimeLLMService.Settings(
            session_properties=events.SessionProperties(
                output_modalities=[modality],
                audio=events.AudioConfiguration(
                    input=events.AudioInput(
                        transcription=events.InputAudioTranscription(),
                        turn_detection=False if own_vad or not turns else None,
                    )
                ),
            )
        ),
    )
    for name, handler in (handlers or {}).items():
        llm.register_function(name, handler)
    context = LLMContext([{"role": "user", "content": text}], ToolsSchema(standard_tools=list(tools)))
    params = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()) if own_vad and turns else None
    user, assistant = LLMContextAggregatorPair(context, user_params=params)
    collector = Collector()
    rates = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000)
    worker = PipelineWorker(Pipeline([user, llm, collector, assistant]), params=rates)
    opened = Call(llm, worker, collector)

    @llm.event_handler("on_conversation_item_created")
    async def on_item(_service, item_id, item):
        if item.role == "assistant":
            opened.assistant_items.append(item_id)

    @worker.event_handler("on_pipeline_error")
    async def on_error(_worker, frame):
        opened.errors.put_nowait(frame.error)

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        await worker.queue_frame(LLMRunFrame())
        yield opened
    finally:
        await worker.cancel()
        await running


async def text_turn() -> None:
    async with call("What is twelve times seven?", modality="text") as c:
        expect("84" in await c.answer(), "the answer is not 84")


async def spoken_turn() -> None:
    async with call("Say exactly: hello.") as c:
        await c.answer()
        await c.speak("question")
        answer = await c.answer()
        expect("84" in answer or "eighty" in answer.lower(), f"the answer is {answer!r}")
        expect(c.audio_bytes > 24_000, "less than half a second of audio")


async def tool_call() -> None:
    asked = []

    async def get_weather(params) -> None:
        asked.append(params.arguments)
        await params.result_callback("It is 21 degrees and sunny.")

    weather = FunctionSchema(
        name="get_weather",
        description="Get the current weather in a city",
        properties={"city": {"type": "string"}},
        required=["city"],
    )
    tools = {"tools": [weather], "handlers": {"get_weather": get_weather}}
    async with call("What is the weather in Paris?", modality="text", **tools) as c:
        answer = await c.answer()
        expect(asked == [{"city": "Paris"}], f"the tool was called with {asked}")
        expect("21 degrees" in answer, f"the answer is {answer!r}")


async def interruption() -> None:
    async with call(LONG) as c:
        await c.next(TTSAudioRawFrame)
        await c.speak("stop")
        await c.next(InterruptionFrame)
        await c.next(LLMFullResponseEndFrame)
        item = await c.llm.retrieve_conversation_item(c.assistant_items[0])
        expect(item.status == "incomplete", f"the item is {item.status}")
        expect("sixteen" not in (item.content[0].transcript or ""), "the transcript is not truncated")


async def push_to_talk() -> None:
    async with call("Say exactly: hello.", modality="text", turns=False) as c:
        await c.answer()
        await c.worker.queue_frame(UserStartedSpeakingFrame())
        await c.speak("question")
        await c.worker.queue_frame(UserStoppedSpeakingFrame())
        expect("84" in await c.answer(), "the answer is not 84")


async def transcription_session() -> None:
    raise NotApplicable("the service opens realtime sessions only")


async def out_of_band() -> None:
    raise NotApplicable("the service has no response outside the conversation")


async def bad_event() -> None:
    async with call("Say exactly: hello.", modality="text") as c:
        await c.answer()
        await c.llm.send_client_event(events.ConversationItemDeleteEvent(item_id="no_such_item"))
        error = await c.errors.get()
        expect("item_delete_invalid_item_id" in error, f"the error is {error}")


async def client_secret() -> None:
    secret = await AsyncOpenAI().realtime.client_secrets.create(session={"type": "realtime"})
    async with call("Say exactly: by secret.", modality="text", api_key=secret.value) as c:
        expect("by secret" in (await c.answer()).lower(), "the answer is not the requested one")


run(
    {
        "text turn": text_turn,
        "spoken turn": spoken_turn,
        "tool call": tool_call,
        "interruption": interruption,
        "push-to-talk": push_to_talk,
        "transcription session": transcription_session,
        "out-of-band response": out_of_band,
        "error on a bad event": bad_event,
        "client secret": client_secret,
    }
)
