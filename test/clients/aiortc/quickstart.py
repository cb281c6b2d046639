import asyncio
import json

from aiortc import RTCPeerConnection, RTCSessionDescription
from openai import AsyncOpenAI

# OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
client = AsyncOpenAI()


async def main() -> None:
    call = RTCPeerConnection()
    call.addTransceiver("audio")  # addTrack(microphone) instead, to speak
    events = call.createDataChannel("oai-events")
    answered = asyncio.Event()

    @events.on("message")
    def on_message(message: str) -> None:
        event = json.loads(message)
        if event["type"] == "session.created":
            content = [{"type": "input_text", "text": "What is twelve times seven?"}]
            item = {"type": "message", "role": "user", "content": content}
            events.send(json.dumps({"type": "conversation.item.create", "item": item}))
            events.send(json.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}}))
        elif event["type"] == "response.output_text.done":
            print(event["text"])
            answered.set()

    await call.setLocalDescription(await call.createOffer())
    answer = await client.realtime.calls.create(sdp=call.localDescription.sdp, session={"type": "realtime"})
    await call.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    await answered.wait()
    await call.close()


asyncio.run(main())
