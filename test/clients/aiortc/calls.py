"""aiortc as the peer of calls that the official Python SDK opens; events are validated strictly."""

import asyncio
import io
import json
import time
import wave
from contextlib import asynccontextmanager
from fractions import Fraction

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from scenarios import expect, pieces, recording, run
from strict import StrictEvents

client = AsyncOpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY
strict = StrictEvents(RealtimeServerEvent, "ga")

RATE = 24_000
FRAME_MS = 20
SILENCE = bytes(RATE // 1000 * FRAME_MS * 2)
NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Microphone(MediaStreamTrack):
    """Plays what is spoken in real time, and silence otherwise."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.silent = asyncio.Event()
        self._pieces: list[bytes] = []
        self._frames = 0
        self._started = time.monotonic()

    def speak(self, name: str) -> None:
        self._pieces += pieces(recording(name), FRAME_MS)
        self.silent.clear()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(self._started + self._frames * FRAME_MS / 1000 - time.monotonic())
        if not self._pieces:
            self.silent.set()
        samples = self._pieces.pop(0) if self._pieces else SILENCE
        frame = AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.planes[0].update(samples)
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = self._frames * RATE * FRAME_MS // 1000
        self._frames += 1
        return frame


class Call:
    def __init__(self) -> None:
        self.seen: list[dict] = []
        self.microphone = Microphone()
        self.received = b""
        self.closed = asyncio.Event()
        self._arrived: asyncio.Queue[dict] = asyncio.Queue()
        self._peer = RTCPeerConnection()
        self._peer.addTrack(self.microphone)
        self._peer.on("track", self._listen)
        self._channel = self._peer.createDataChannel("oai-events")
        self._channel.on("message", lambda message: self._arrived.put_nowait(json.loads(message)))
        self._channel.on("close", self.closed.set)

    async def open(self, api: AsyncOpenAI, session: dict | None) -> None:
        await self._peer.setLocalDescription(await self._peer.createOffer())
        sdp = self._peer.localDescription.sdp
        options = {} if session is None else {"session": session}
        answer = await api.realtime.calls.create(sdp=sdp, **options)
        self.id = answer.response.headers["location"].split("/")[-1]
        await self._peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await self.next("session.created")

    async def close(self) -> None:
        await self._peer.close()

    def send(self, type: str, **fields) -> None:
        self._channel.send(json.dumps({"type": type, **fields}))

    async def next(self, type: str) -> dict:
        """The next event of a type. Fails on an unexpected error."""
        while True:
            event = await self._arrived.get()
            strict.check(event)
            self.seen.append(event)
            if event["type"] == type:
                return event
            expect(event["type"] != "error", f"error: {event}")

    def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def answer(self) -> str:
        """Text or transcript of the response that is completed next."""
        response = (await self.next("response.done"))["response"]
        expect(response["status"] == "completed", f"the response is {response}")
        part = response["output"][0]["content"][0]
        return part.get("text") or part.get("transcript")

    async def heard(self) -> str:
        """The words of the audio that was received."""
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setparams((1, 2, RATE, 0, "NONE", ""))
            wav.writeframes(self.received)
        upload = ("received.wav", file.getvalue())
        return (await client.audio.transcriptions.create(file=upload, model="whisper-1")).text

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        try:
            while True:
                for frame in resampler.resample(await track.recv()):
                    self.received += bytes(frame.planes[0])[: frame.samples * 2]
        except MediaStreamError:
            pass  # The call has ended.


@asynccontextmanager
async def call(api: AsyncOpenAI = client, configured: bool = False, **session):
    """`configured`: the client secret of `api` has the configuration."""
    opened = Call()
    try:
        await opened.open(api, None if configured else {"type": "realtime", "model": "gpt-realtime", **session})
        yield opened
    finally:
        await opened.close()


async def text_turn() -> None:
    async with call(output_modalities=["text"]) as c:
        c.say("What is twelve times seven?")
        c.send("response.create")
        delta = await c.next("response.output_text.delta")
        expect(delta["delta"], "the first delta is empty")
        expect("84" in await c.answer(), "the answer is not 84")


async def spoken_turn() -> None:
    async with call(audio={"input": {"transcription": {"model": "whisper-1"}}}) as c:
        c.microphone.speak("question")
        transcribed = await c.next("conversation.item.input_audio_transcription.completed")
        expect("times seven" in transcribed["transcript"], f"the transcript is {transcribed['transcript']}")
        expect("84" in await c.answer(), "the answer is not 84")
        if not any(event["type"] == "output_audio_buffer.stopped" for event in c.seen):
            await c.next("output_audio_buffer.stopped")
        heard = await c.heard()
        expect("eighty" in heard.lower() or "84" in heard, f"{heard!r} was received")


async def tool_call() -> None:
    """A sideband of the SDK configures the session, answers the call of a tool, and hangs up."""
    async with call(output_modalities=["text"]) as c, client.realtime.connect(call_id=c.id) as sideband:
        await sideband.session.update(session={"type": "realtime", "tools": [WEATHER]})
        await c.next("session.updated")
        c.say("What is the weather in Paris?")
        c.send("response.create")
        async for event in sideband:
            if event.type == "response.function_call_arguments.done":
                made = event
            elif event.type == "response.done":
                break
        expect(json.loads(made.arguments) == {"city": "Paris"}, f"the arguments are {made.arguments}")
        output = "It is 21 degrees and sunny."
        await sideband.conversation.item.create(
            item={"type": "function_call_output", "call_id": made.call_id, "output": output}
        )
        await sideband.response.create()
        await c.next("response.done")
        expect("21 degrees" in await c.answer(), "the output of the tool is not in the answer")
        await client.realtime.calls.hangup(c.id)
        await c.closed.wait()


async def interruption() -> None:
    async with call() as c:
        c.say(f"Say exactly: {NUMBERS}")
        c.send("response.create")
        started = await c.next("output_audio_buffer.started")
        c.microphone.speak("stop")
        await c.next("input_audio_buffer.speech_started")
        done = (await c.next("response.done"))["response"]
        expect(
            (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected"),
            f"the response is {done}",
        )
        cleared = await c.next("output_audio_buffer.cleared")
        expect(cleared["response_id"] == started["response_id"], f"another response was cleared: {cleared}")
        truncated = await c.next("conversation.item.truncated")
        expect(truncated["audio_end_ms"] > 0, f"truncated at {truncated['audio_end_ms']} ms")


async def push_to_talk() -> None:
    async with call(output_modalities=["text"], audio={"input": {"turn_detection": None}}) as c:
        c.microphone.speak("question")
        await c.microphone.silent.wait()
        c.send("input_audio_buffer.commit")
        await c.next("input_audio_buffer.committed")
        c.send("response.create")
        expect("84" in await c.answer(), "the answer is not 84")


async def transcription_session() -> None:
    transcription = {"model": "gpt-4o-transcribe", "language": "en"}
    session = {"type": "transcription", "audio": {"input": {"transcription": transcription}}}
    secret = await client.realtime.client_secrets.create(session=session)
    async with call(client.with_options(api_key=secret.value), configured=True) as c:
        c.microphone.speak("question")
        completed = await c.next("conversation.item.input_audio_transcription.completed")
        expect("times seven" in completed["transcript"], f"the transcript is {completed['transcript']!r}")


async def out_of_band() -> None:
    async with call() as c:
        content = [{"type": "input_text", "text": "Say exactly: billing."}]
        c.send(
            "response.create",
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"purpose": "routing"},
                "input": [{"type": "message", "role": "user", "content": content}],
            },
        )
        done = (await c.next("response.done"))["response"]
        expect(done["metadata"] == {"purpose": "routing"}, f"the metadata is {done['metadata']}")
        expect("billing" in done["output"][0]["content"][0]["text"].lower(), f"the output is {done['output']}")
        expect(all(e["type"] != "conversation.item.added" for e in c.seen), "an item was added to the conversation")


async def bad_event() -> None:
    async with call(output_modalities=["text"]) as c:
        c.send("nope", event_id="mine")
        error = (await c.next("error"))["error"]
        expect((error["code"], error["event_id"]) == ("invalid_value", "mine"), f"the error is {error}")
        c.say("Say exactly: still here.")
        c.send("response.create")
        expect("still here" in (await c.answer()).lower(), "the session does not continue")


async def client_secret() -> None:
    session = {"type": "realtime", "output_modalities": ["text"], "instructions": "Say exactly: by secret."}
    secret = await client.realtime.client_secrets.create(session=session)
    async with call(client.with_options(api_key=secret.value), configured=True) as c:
        created = c.seen[0]["session"]
        expect(created["output_modalities"] == ["text"], f"the session is {created}")
        c.send("response.create")
        expect("by secret" in (await c.answer()).lower(), "the instructions of the secret are not used")


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
