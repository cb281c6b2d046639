import asyncio
import os

from openai import AsyncOpenAI

# OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
# The beta socket is always wss, unless it has its own base URL.
client = AsyncOpenAI(websocket_base_url=os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1))


async def main() -> None:
    async with client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection:
        await connection.session.update(session={"modalities": ["text"]})
        content = [{"type": "input_text", "text": "What is twelve times seven?"}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        async for event in connection:
            if event.type == "response.text.done":
                print(event.text)
            elif event.type == "response.done":
                break


asyncio.run(main())
