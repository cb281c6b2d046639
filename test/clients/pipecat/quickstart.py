import asyncio
import os

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

# OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
# The service does not read OPENAI_BASE_URL by itself.
URL = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime"
OWN_VAD = False  # True: Pipecat detects turns, instead of the server


async def main() -> None:
    audio = AudioInput(transcription=InputAudioTranscription(), turn_detection=False if OWN_VAD else None)
    properties = SessionProperties(audio=AudioConfiguration(input=audio))
    llm = OpenAIRealtimeLLMService(
        api_key=os.environ["OPENAI_API_KEY"],
        base_url=URL,
        settings=OpenAIRealtimeLLMService.Settings(session_properties=properties),
    )
    context = LLMContext([{"role": "user", "content": "What is twelve times seven?"}])
    own_vad = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()) if OWN_VAD else None
    user, assistant = LLMContextAggregatorPair(context, user_params=own_vad)
    # A bot adds transport.input() in front, and transport.output() behind the service.
    worker = PipelineWorker(Pipeline([user, llm, assistant]))
    runner = WorkerRunner()
    await runner.add_workers(worker)

    @assistant.event_handler("on_assistant_turn_stopped")
    async def on_answer(_aggregator, message) -> None:
        print(message.content)
        await worker.cancel()

    await worker.queue_frame(LLMRunFrame())
    await runner.run()


asyncio.run(main())
