"""The official Python SDK, GA: every event is validated strictly, then read through the SDK."""

import base64
import json
from contextlib import asynccontextmanager

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from scenarios import expect, pieces, recording, run
from strict import StrictEvents

client = AsyncOpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY
strict = StrictEvents(RealtimeServerEvent, "ga")

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Session:
    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.seen: list = []

    async def next(self, type: str):
        """The next event of a type. Fails on an unexpected error."""
        while True:
            data = await self.connection.recv_bytes()
            strict.check(json.loads(data))
            event = self.connection.parse_event(data)
            self.seen.append(event)
            if event.type == type:
                return event
            expect(event.type != "error", f"error: {event}")

    async def configure(self, **session) -> None:
        await self.connection.session.update(session={"type": "realtime", **session})
        await self.next("session.updated")

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})

    async def speak(self, name: str) -> None:
        for piece in pieces(recording(name)):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

    async def answer(self) -> str:
        """Text or transcript of the response that is completed next."""
        response = (await self.next("response.done")).response
        expect(response.status == "completed", f"the response is {response}")
        part = response.output[0].content[0]
        return part.text or part.transcript


@asynccontextmanager
async def session(api: AsyncOpenAI = client, **target):
    async with api.realtime.connect(**(target or {"model": "gpt-realtime"})) as connection:
        opened = Session(connection)
        await opened.next("session.created")
        yield opened


async def text_turn() -> None:
    async with session() as s:
        await s.configure(output_modalities=["text"])
        await s.say("What is twelve times seven?")
        await s.connection.response.create()
        delta = await s.next("response.output_text.delta")
        expect(delta.delta, "the first delta is empty")
        expect("84" in await s.answer(), "the answer is not 84")


async def spoken_turn() -> None:
    async with session() as s:
        await s.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await s.speak("question")
        answer = await s.answer()
        expect("84" in answer or "eighty" in answer.lower(), f"the answer is {answer!r}")
        types = [event.type for event in s.seen]
        expect("input_audio_buffer.speech_stopped" in types, "no end of speech")
        heard = [e.transcript for e in s.seen if e.type == "conversation.item.input_audio_transcription.completed"]
        expect(heard and "times seven" in heard[0], f"the transcript is {heard}")
        audio = b"".join(base64.b64decode(e.delta) for e in s.seen if e.type == "response.output_audio.delta")
        expect(len(audio) > 24_000, "less than half a second of audio")


async def tool_call() -> None:
    async with session() as s:
        await s.configure(output_modalities=["text"], tools=[WEATHER])
        await s.say("What is the weather in Paris?")
        await s.connection.response.create()
        call = await s.next("response.function_call_arguments.done")
        expect(json.loads(call.arguments) == {"city": "Paris"}, f"the arguments are {call.arguments}")
        await s.next("response.done")
        await s.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "It is 21 degrees and sunny."}
        )
        await s.connection.response.create()
        expect("21 degrees" in await s.answer(), "the output of the tool is not in the answer")


async def interruption() -> None:
    async with session() as s:
        await s.say("Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen")
        await s.connection.response.create()
        delta = await s.next("response.output_audio.delta")
        await s.speak("stop")
        await s.next("input_audio_buffer.speech_started")
        await s.connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=500)
        done = (await s.next("response.done")).response
        expect((done.status, done.status_details.reason) == ("cancelled", "turn_detected"), f"the response is {done}")
        truncated = await s.next("conversation.item.truncated")
        expect(truncated.audio_end_ms == 500, f"truncated at {truncated.audio_end_ms} ms")


async def push_to_talk() -> None:
    async with session() as s:
        await s.configure(output_modalities=["text"], audio={"input": {"turn_detection": None}})
        await s.speak("question")
        await s.connection.input_audio_buffer.commit()
        await s.next("input_audio_buffer.committed")
        await s.connection.response.create()
        expect("84" in await s.answer(), "the answer is not 84")


async def transcription_session() -> None:
    async with session(extra_query={"intent": "transcription"}) as s:
        transcription = {"model": "gpt-4o-transcribe", "language": "en"}
        await s.connection.session.update(
            session={"type": "transcription", "audio": {"input": {"transcription": transcription}}}
        )
        await s.next("session.updated")
        await s.speak("question")
        completed = await s.next("conversation.item.input_audio_transcription.completed")
        expect("times seven" in completed.transcript, f"the transcript is {completed.transcript!r}")


async def out_of_band() -> None:
    async with session() as s:
        content = [{"type": "input_text", "text": "Say exactly: billing."}]
        await s.connection.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"purpose": "routing"},
                "input": [{"type": "message", "role": "user", "content": content}],
            }
        )
        done = (await s.next("response.done")).response
        expect(done.metadata == {"purpose": "routing"}, f"the metadata is {done.metadata}")
        expect("billing" in done.output[0].content[0].text.lower(), f"the output is {done.output}")
        expect(all(e.type != "conversation.item.added" for e in s.seen), "an item was added to the conversation")


async def bad_event() -> None:
    async with session() as s:
        await s.connection.send({"type": "nope", "event_id": "mine"})
        error = (await s.next("error")).error
        expect((error.code, error.event_id) == ("invalid_value", "mine"), f"the error is {error}")
        await s.configure(output_modalities=["text"])
        await s.say("Say exactly: still here.")
        await s.connection.response.create()
        expect("still here" in (await s.answer()).lower(), "the session does not continue")


async def client_secret() -> None:
    secret = await client.realtime.client_secrets.create(
        session={"type": "realtime", "output_modalities": ["text"], "instructions": "Say exactly: by secret."}
    )
    async with session(client.with_options(api_key=secret.value)) as s:
        created = s.seen[0].session
        expect(created.output_modalities == ["text"], f"the session is {created}")
        await s.connection.response.create()
        expect("by secret" in (await s.answer()).lower(), "the instructions of the secret are not used")


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
