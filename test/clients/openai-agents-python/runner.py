"""The official agents SDK for Python: `RealtimeRunner` over its own WebSocket model."""

import os
from contextlib import asynccontextmanager

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from scenarios import NotApplicable, expect, pieces, recording, run
from strict import StrictEvents

set_tracing_disabled(True)
strict = StrictEvents(RealtimeServerEvent, "ga")
URL = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
LONG = "Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


class Session:
    def __init__(self, session) -> None:
        self.session = session
        self.events = aiter(session)
        self.raw: list[dict] = []
        self.history: list = []

    async def next(self, type: str):
        """The next event of the SDK of a type. Fails on an unexpected error."""
        while True:
            event = await anext(self.events)
            if event.type == "raw_model_event" and event.data.type == "raw_server_event":
                strict.check(event.data.data)
                self.raw.append(event.data.data)
            if event.type == "history_updated":
                self.history = event.history
            if event.type == type:
                return event
            expect(event.type != "error", f"error: {event}")

    async def next_raw(self, type: str) -> dict:
        """The next event of the server of a type."""
        while True:
            event = await self.next("raw_model_event")
            if event.data.type == "raw_server_event" and event.data.data["type"] == type:
                return event.data.data

    async def send_raw(self, type: str, **fields) -> None:
        message = {"type": type, "other_data": fields}
        await self.session.model.send_event(RealtimeModelSendRawMessage(message=message))

    async def speak(self, name: str) -> None:
        for piece in pieces(recording(name)):
            await self.session.send_audio(piece)

    async def answer(self) -> str:
        """Text or transcript of the response that is completed next."""
        response = (await self.next_raw("response.done"))["response"]
        expect(response["status"] == "completed", f"the response is {response}")
        part = response["output"][0]["content"][0]
        return part.get("text") or part.get("transcript")


@asynccontextmanager
async def session(*, tools=(), api_key="any", **settings):
    agent = RealtimeAgent(name="Assistant", tools=list(tools))
    runner = RealtimeRunner(agent, config={"model_settings": {"model_name": "gpt-realtime", **settings}})
    async with await runner.run(model_config={"url": URL, "api_key": api_key}) as opened:
        s = Session(opened)
        await s.next_raw("session.updated")
        yield s


async def text_turn() -> None:
    async with session(output_modalities=["text"]) as s:
        await s.session.send_message("What is twelve times seven?")
        expect("84" in await s.answer(), "the answer is not 84")


async def spoken_turn() -> None:
    async with session() as s:
        await s.speak("question")
        audio = await s.next("audio")
        expect(audio.audio.data, "the first audio is empty")
        answer = await s.answer()
        expect("84" in answer or "eighty" in answer.lower(), f"the answer is {answer!r}")
        user, assistant = s.history
        expect("times seven" in user.content[0].transcript, f"the user's item is {user}")
        expect(assistant.content[0].transcript == answer, f"the assistant's item is {assistant}")


async def tool_call() -> None:
    asked = []

    @function_tool
    def get_weather(city: str) -> str:
        """Get the current weather in a city."""
        asked.append(city)
        return "It is 21 degrees and sunny."

    async with session(tools=[get_weather], output_modalities=["text"]) as s:
        await s.session.send_message("What is the weather in Paris?")
        await s.next("tool_end")
        expect(asked == ["Paris"], f"the tool was called with {asked}")
        await s.next_raw("response.created")
        expect("21 degrees" in await s.answer(), "the output of the tool is not in the answer")


async def interruption() -> None:
    async with session() as s:
        await s.session.send_message(LONG)
        await s.next("audio")
        await s.speak("stop")
        await s.next("audio_interrupted")
        done = await s.next_raw("response.done")
        expect(done["response"]["status"] == "cancelled", f"the response is {done}")
        if not any(event["type"] == "conversation.item.truncated" for event in s.raw):
            await s.next_raw("conversation.item.truncated")


async def push_to_talk() -> None:
    async with session(output_modalities=["text"], turn_detection=None) as s:
        await s.session.send_audio(recording("question"), commit=True)
        await s.next_raw("input_audio_buffer.committed")
        await s.send_raw("response.create")
        expect("84" in await s.answer(), "the answer is not 84")


async def transcription_session() -> None:
    raise NotApplicable("the SDK opens realtime sessions only")


async def out_of_band() -> None:
    async with session(output_modalities=["text"]) as s:
        content = [{"type": "input_text", "text": "Say exactly: billing."}]
        await s.send_raw(
            "response.create",
            response={
                "conversation": "none",
                "metadata": {"purpose": "routing"},
                "input": [{"type": "message", "role": "user", "content": content}],
            },
        )
        done = (await s.next_raw("response.done"))["response"]
        expect(done["metadata"] == {"purpose": "routing"}, f"the metadata is {done['metadata']}")
        expect("billing" in done["output"][0]["content"][0]["text"].lower(), f"the output is {done['output']}")
        expect(all(e["type"] != "conversation.item.added" for e in s.raw), "an item was added to the conversation")


async def bad_event() -> None:
    async with session(output_modalities=["text"]) as s:
        await s.send_raw("conversation.item.delete", item_id="no_such_item", event_id="mine")
        error = (await s.next("error")).error
        expect((error.code, error.event_id) == ("item_delete_invalid_item_id", "mine"), f"the error is {error}")
        await s.session.send_message("Say exactly: still here.")
        expect("still here" in (await s.answer()).lower(), "the session does not continue")


async def client_secret() -> None:
    secret = await AsyncOpenAI().realtime.client_secrets.create(
        session={"type": "realtime", "output_modalities": ["text"]}
    )
    async with session(api_key=secret.value, output_modalities=["text"]) as s:
        await s.session.send_message("Say exactly: by secret.")
        expect("by secret" in (await s.answer()).lower(), "the answer is not the requested one")


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
