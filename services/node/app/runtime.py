"""A node's interfaces to time, chance and threads, and the real implementations.

Everything that differs between two runs of the same history comes in through these interfaces, so that a
simulator can control all of it. `main.py` wires the real ones.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import SystemRandom
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")

_LEAST_PRIORITY = 19
# Steps of priority that a thread gives up for others. More would let logins starve: on a busy core with 16
# orders always under way, a hash took 4 to 5 s with 5 steps, 6 to 9 s with 10, and 8 to over 12 s with 19.
_YIELDED = 5

Lane = Literal["writer", "reader", "crypto"]

_SWITCH_SECONDS = 0.0005
_LONGEST_PIECE, _PIECES_AHEAD = 32, 128  # bytes; draws of one length


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
    """Real threads: one for the writer, a few for readers and for bcrypt (about 0.2 s of CPU a call).

    The interpreter is told to switch between threads often. Else the event loop, which wakes for each step of
    an order, would wait up to 5 ms every time while a reader works on a page.
    """

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._lanes: dict[Lane, ThreadPoolExecutor] = {
            "writer": ThreadPoolExecutor(1, "writer"),
            "reader": ThreadPoolExecutor(4, "reader"),
            "crypto": ThreadPoolExecutor(2, "crypto", initializer=_yield_to_others),
        }

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work)

    def close(self) -> None:
        for pool in self._lanes.values():
            pool.shutdown(wait=True)


def _yield_to_others() -> None:
    """Let this thread have the processor only as far as the others leave it: hashes wait, orders do not."""
    if sys.platform == "linux":  # elsewhere this would be the priority of the whole process
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(_LEAST_PRIORITY, usual + _YIELDED))


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


class _DrawnAhead(SystemRandom):
    """The operating system's random source, asked for many bytes at once: each order draws some for five ids.
    No byte is given twice, and none is kept once it was given."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: tuple[list[bytes], ...] = tuple([] for _ in range(_LONGEST_PIECE + 1))

    def randbytes(self, n: int) -> bytes:
        if not 0 < n <= _LONGEST_PIECE:
            return super().randbytes(n)
        pieces = self._pieces[n]
        try:
            return pieces.pop()  # without a lock: no two threads pop the same piece
        except IndexError:
            drawn = super().randbytes(n * _PIECES_AHEAD)
            pieces += [drawn[at : at + n] for at in range(n, len(drawn), n)]
            return drawn[:n]


def system_random() -> SystemRandom:
    """The operating system's random source: for ids, jitter and secrets alike."""
    return _DrawnAhead()
