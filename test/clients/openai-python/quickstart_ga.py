import asyncio

from openai import AsyncOpenAI

# OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
client = AsyncOpenAI()


async def main() -> None:
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        content = [{"type": "input_text", "text": "What is twelve times seven?"}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_text.done":
                print(event.text)
            elif event.type == "response.done":
                break


asyncio.run(main())
