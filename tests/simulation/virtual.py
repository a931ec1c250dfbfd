"""Runs a history in virtual time, where threads and real waiting are errors and not surprises."""

import asyncio
import contextvars
import heapq
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Never, TypeVar, TypeVarTuple, cast
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


class Halt:
    """Holds back all that runs in the contexts it is put in, as SIGSTOP holds a process back: no task goes on
    and no timer rings until it is let go, when all that was due meanwhile comes at once, in its order."""

    def __init__(self) -> None:
        self._held: list[asyncio.Handle] | None = None

    @property
    def holds(self) -> bool:
        return self._held is not None

    def put_in(self, context: contextvars.Context) -> None:
        """From now on, what runs in this context and what it begins can be held back."""
        context.run(_halt.set, self)

    def hold(self) -> None:
        self._held = []

    def let_go(self) -> None:
        """Let everything go on; nothing to let go is no mistake."""
        held, self._held = self._held or [], None
        ready: Any = asyncio.get_running_loop()
        ready._ready.extend(held)

    def takes(self, handle: asyncio.Handle) -> bool:
        """Keep a callback whose turn has come, if this holds back."""
        if self._held is None:
            return False
        self._held.append(handle)
        return True


_halt: contextvars.ContextVar[Halt | None] = contextvars.ContextVar("halt", default=None)


class _Handle(asyncio.Handle):
    """A callback that runs unless its context is held back."""

    __slots__ = ()

    def _run(self) -> None:
        _run_unless_held(self)


class _Timer(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        _run_unless_held(self)


def _run_unless_held(handle: Any) -> None:
    halt = handle._context.get(_halt)
    if halt is None or not halt.takes(handle):
        asyncio.Handle._run(handle)


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

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        cast(Any, self)._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer: Any = _Timer(when, callback, args, self, context)
        heapq.heappush(cast(Any, self)._scheduled, timer)
        timer._scheduled = True
        return cast(asyncio.TimerHandle, timer)

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
