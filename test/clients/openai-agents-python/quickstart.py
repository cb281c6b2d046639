import asyncio
import os

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner

# OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
# The runner does not read OPENAI_BASE_URL by itself.
URL = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
set_tracing_disabled(True)  # traces would go to the hosted service


@function_tool
def multiply(first: int, second: int) -> str:
    """Multiply two numbers."""
    return f"The product is {first * second}."


async def main() -> None:
    agent = RealtimeAgent(name="Assistant", tools=[multiply])
    runner = RealtimeRunner(agent, config={"model_settings": {"model_name": "gpt-realtime"}})
    async with await runner.run(model_config={"url": URL}) as session:
        await session.send_message("Multiply 12 and 7, please.")
        async for event in session:
            if event.type == "history_updated" and event.history:
                last = event.history[-1]
                if last.type == "message" and last.role == "assistant" and last.status == "completed":
                    print(last.content[0].transcript)
                    break


asyncio.run(main())
