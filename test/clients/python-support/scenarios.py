"""Runs the scenarios of a client and prints one JSON line for each, which dev/clients/run.ts reads."""

import asyncio
import json
import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

SECONDS_PER_SCENARIO = 40


class NotApplicable(Exception):
    """The client has no way to do this; the message says why."""


def recording(name: str) -> bytes:
    """A recorded sentence with silence around it: mono 16-bit PCM at 24 kHz."""
    return Path(os.environ["PARLEY_RECORDINGS"], f"{name}.pcm").read_bytes()


def pieces(audio: bytes, milliseconds: int = 100) -> list[bytes]:
    """24 kHz audio, cut as a microphone would deliver it."""
    size = 48 * milliseconds
    return [audio[start : start + size] for start in range(0, len(audio), size)]


def expect(condition: object, problem: str) -> None:
    if not condition:
        raise AssertionError(problem)


def run(scenarios: dict[str, Callable[[], Awaitable[None]]]) -> None:
    asyncio.run(_run_all(scenarios))


async def _run_all(scenarios: dict[str, Callable[[], Awaitable[None]]]) -> None:
    for name, scenario in scenarios.items():
        line = {"scenario": name, "result": "passed"}
        try:
            async with asyncio.timeout(SECONDS_PER_SCENARIO):
                await scenario()
        except NotApplicable as reason:
            line = {"scenario": name, "result": "not applicable", "detail": str(reason)}
        except TimeoutError:
            line = {"scenario": name, "result": "failed", "detail": f"not done after {SECONDS_PER_SCENARIO} s"}
        except Exception:
            line = {"scenario": name, "result": "failed", "detail": traceback.format_exc()}
        print(json.dumps(line), flush=True)
