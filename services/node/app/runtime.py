"""A node's interfaces to time, chance and threads, and the real implementations.

Everything that differs between two runs of the same history comes in through these interfaces, so that a
simulator can control all of it. `main.py` wires the real ones.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import SystemRandom
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")

Lane = Literal["writer", "reader", "crypto"]


class Clock(Protocol):
    """Time as one node sees it."""

    def wall(self) -> float:
        """Seconds since 1970. For people and for token expiry; no rule of stock or replication reads it."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""


class Executor(Protocol):
    """Where blocking work (SQLite, bcrypt) runs, so that it never blocks the event loop."""

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        """Run `work` in a lane and return what it returns, or raise what it raises.

        The `writer` lane runs one piece of work at a time, in order of arrival.
        """

    def close(self) -> None:
        """Wait for running work and free the threads."""


class SystemClock:
    """The machine's clock; `offset` seconds are added to the wall clock to show what skew does."""

    def __init__(self, *, offset: float = 0.0) -> None:
        self._offset = offset

    def wall(self) -> float:
        return time.time() + self._offset

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ThreadExecutor:
    """Real threads: one for the writer, a few for readers and for bcrypt (about 0.2 s of CPU a call)."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, ThreadPoolExecutor] = {
            "writer": ThreadPoolExecutor(1, "writer"),
            "reader": ThreadPoolExecutor(4, "reader"),
            "crypto": ThreadPoolExecutor(2, "crypto"),
        }

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work)

    def close(self) -> None:
        for pool in self._lanes.values():
            pool.shutdown(wait=True)


class Notifier:
    """Wakes all tasks that wait for something to change. A task takes `next` before it looks at what may
    change, so that no change between its look and its wait is missed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """The event that the next `notify` sets."""
        return self._next

    def notify(self) -> None:
        """Wake every task that waits now. A task that comes later waits for the next call."""
        self._next.set()
        self._next = asyncio.Event()


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Return when the event is set, or after `seconds`; and whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def system_random() -> SystemRandom:
    """The operating system's random source: for ids, jitter and secrets alike."""
    return SystemRandom()
