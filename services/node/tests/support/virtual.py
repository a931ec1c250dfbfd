"""The world of `app.runtime` without waiting and without threads: a test never sleeps for real."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, TypeVar

from app.runtime import Lane

T = TypeVar("T")

BEGAN_AT = 1_700_000_000.0  # wall time at which every virtual history begins


class _VirtualSelector(selectors.DefaultSelector):
    """Waits for nobody: time jumps to the next timer as soon as nothing else can happen."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise AssertionError("every task waits for something that no timer and no other task will bring")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: a pause of an hour takes no longer than the work it waits between."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


class VirtualClock:
    """The running loop's time as a node's clock; `offset` seconds are added to its wall clock."""

    def __init__(self, *, offset: float = 0.0) -> None:
        self.offset = offset

    def wall(self) -> float:
        return BEGAN_AT + self.monotonic() + self.offset

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class InlineExecutor:
    """Runs work on the event loop, after letting others run first: for `seconds`, as a disk makes them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        await asyncio.sleep(self.seconds)
        return work()

    def close(self) -> None:
        pass


async def eventually(condition: Callable[[], Any], *, within: float = 60.0, every: float = 0.01) -> None:
    """Return once `condition()` is true (it may be a coroutine function); fail after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert asyncio.get_running_loop().time() < deadline, f"not so within {within} s: {condition}"
        await asyncio.sleep(every)
