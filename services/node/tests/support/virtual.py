"""The world of `app.runtime` without waiting and without threads: a test never sleeps for real."""

import asyncio
import contextvars
import selectors
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from heapq import heappop, heappush
from itertools import count
from typing import Any, Never, TypeVar, TypeVarTuple

from app.runtime import Lane

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BEGAN_AT = 1_700_000_000.0  # wall time at which every virtual history begins


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
        loop: Any = asyncio.get_running_loop()
        loop._ready.extend(held)

    def takes(self, handle: asyncio.Handle) -> bool:
        """Keep a callback whose turn has come, if this holds back."""
        if self._held is None:
            return False
        self._held.append(handle)
        return True


_halt: contextvars.ContextVar[Halt | None] = contextvars.ContextVar("halt", default=None)


class _Handle(asyncio.Handle):
    """A callback, less what a debugger would want to know of it: there are thousands in each history."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: Any, context: contextvars.Context | None) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = contextvars.copy_context() if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = None, ()


class _Timer(_Handle, asyncio.TimerHandle):
    __slots__ = ()
    _when: float


class _Nowhere(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Never:
        raise AssertionError("a simulation asks the system for nothing")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that asks the system for nothing: no files, no threads, no time. Time jumps to the next
    timer as soon as nobody is ready to run, so a history of hours takes as long as the work in it. Timers of
    one time ring in the order in which they were set."""

    _ready: deque[Any]  # those of the class it inherits from

    def __init__(self) -> None:
        super().__init__(_Nowhere())
        self._now = 0.0
        self._timers: list[tuple[float, int, Any]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._now

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        return self._call_soon(callback, args, context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        return self._call_soon(callback, args, context)  # the loop never sleeps, so nothing has to wake it

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = _Timer(callback, args, self, context)
        timer._when = when
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _run_once(self) -> None:
        """Run all who are ready now, after those whose time has come."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not ready:
            if not timers:
                raise AssertionError("every task waits for something that no timer and no task will bring")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            halt = handle._context.get(_halt)
            if halt is None or not halt.takes(handle):
                self._call(handle)

    def _call(self, handle: Any) -> None:
        try:
            handle._context.run(handle._callback, *handle._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": f"{handle._callback!r} failed", "exception": error})

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        raise AssertionError(f"{func!r} would run in a thread: take the injected Executor")


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
        self.runs = 0

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        self.runs += 1
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
