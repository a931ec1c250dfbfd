"""Waits for a condition: asks again and again until it holds or the time is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")
EVERY_SECONDS = 0.2
"""The default pause. Nodes answer in milliseconds, and polling must not keep them busy."""


async def poll(
    ask: Callable[[], Awaitable[Answer]],
    *,
    seconds: float,
    every: float | None = None,
    until: Callable[[Answer], bool] = bool,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Return the first answer that `until` accepts, or the last one when `seconds` are over; the caller
    checks which.

    It asks at least once, and once more after the time is over, because the condition may have become true
    during the last pause.
    """
    deadline = clock() + seconds
    while True:
        answer = await ask()
        if until(answer) or clock() >= deadline:
            return answer
        await sleep(EVERY_SECONDS if every is None else every)


def poll_blocking(
    ask: Callable[[], Answer],
    *,
    seconds: float,
    every: float | None = None,
    until: Callable[[Answer], bool] = bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """As `poll`, for callers without an event loop."""
    deadline = clock() + seconds
    while True:
        answer = ask()
        if until(answer) or clock() >= deadline:
            return answer
        sleep(EVERY_SECONDS if every is None else every)
