"""Runs a history in virtual time, where threads and real waiting are errors and not surprises."""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Never, TypeVar, TypeVarTuple
from unittest import mock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


BEGAN_AT = 1_700_000_000.0  # the wall time, by a right clock, at which every history begins


class SimClock:
    """The running loop's time as one node's clock; its wall clock is wrong by `offset` seconds."""

    def __init__(self) -> None:
        self.offset = 0.0

    def wall(self) -> float:
        return BEGAN_AT + self.monotonic() + self.offset

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Time(selectors.DefaultSelector):
    """Where a loop asks the system for news, there is none: there is only the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("every task waits for something that no timer and no other task will bring")
        self.now += max(timeout, 0.0)
        return []


class SimulationLoop(asyncio.SelectorEventLoop):
    """An event loop that asks the system for nothing: no files, no threads, no time. Time jumps to the next
    timer as soon as nobody is ready to run, so a history of hours takes as long as the work in it."""

    def __init__(self) -> None:
        self._time = _Time()
        super().__init__(self._time)

    def time(self) -> float:
        return self._time.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        raise AssertionError(f"{func!r} would run in a thread: take the injected Executor")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, which begins at 0, and return what it returns.

    Nothing waits for real, and nothing may start a thread meanwhile: who is first among threads is no
    function of the seed.
    """
    with (
        mock.patch.object(threading.Thread, "start", _refuse_thread),
        asyncio.Runner(loop_factory=SimulationLoop) as runner,
    ):
        return runner.run(main)


def _refuse_thread(thread: threading.Thread) -> Never:
    raise AssertionError(f"{thread.name} would be a thread: take the injected Executor")
