"""Ends a verb early without leaving anything behind: Ctrl-C, SIGTERM, a terminal that is closed.

The first press ends the verb, which then cleans up. Presses that follow within a second belong to the first;
a later one gives up the cleaning, too.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from branchlab.language import _

EXIT_CODE = 130
"""What a shell expects of a program that Ctrl-C ended."""

Result = TypeVar("Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONE_PRESS_SECONDS = 1.0  # keys repeat, and people press twice to be sure


class Heed:
    """What heeds Ctrl-C while a program runs, and what the program is at.

    `came` says whether somebody has ended it. `log` and `place` are those of the run under way, for the line
    that it then ends with. `give_up` is called when a later press ends the cleaning: it ends at once what it
    can, and returns the program's last line. Once the verb is `over`, a press changes nothing any more.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, leave: "Callable[[str], object] | None" = None
    ) -> None:
        self._clock = clock
        self._leave = leave or _leave
        self._last: float | None = None
        self._shields = 0
        self._waits = False
        self._cancel: Callable[[], object] | None = None
        self.over = False
        self.log: Path | None = None
        self.place: Path | None = None
        self.give_up: Callable[[], str] = plain_line

    @property
    def came(self) -> bool:
        return self._last is not None

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.over:
            return
        now, before = self._clock(), self._last
        self._last = now
        if before is not None:
            if now - before >= _ONE_PRESS_SECONDS:
                self._leave(self.give_up())
        elif self._cancel is not None:
            self._cancel()
        elif self._shields:
            self._waits = True
        else:
            raise KeyboardInterrupt

    def forget(self) -> None:
        """Takes the press as an answer that the verb has asked for: the next one is a first one again."""
        self._last = None

    @contextmanager
    def shielding(self) -> Iterator[None]:
        """Delays a first press until the block ends."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._waits and not self._shields:
                self._waits = False
                raise KeyboardInterrupt

    @contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Lets a first press call `cancel`, in place of raising anything where the program just is."""
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None


_heeds: list[Heed] = []  # one at most: a process has one handler for each signal


def current() -> Heed | None:
    """What heeds Ctrl-C in this thread; None where nobody asked for that, as in tests."""
    return _heeds[0] if _heeds and threading.current_thread() is threading.main_thread() else None


@contextmanager
def heeded(heed: Heed | None = None) -> Iterator[Heed]:
    """Treats SIGTERM and a closed terminal like Ctrl-C while the block runs, so that it cleans up then too.

    Within another such block, and in a thread other than the main one, it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield heed or Heed()
        return
    if _heeds:
        yield _heeds[0]
        return
    _heeds.append(heed or Heed())
    before = {number: signal.signal(number, _heeds[0]) for number in _SIGNALS if _is_wanted(number)}
    try:
        yield _heeds[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _heeds.clear()


@contextmanager
def shielded() -> Iterator[None]:
    """Delays Ctrl-C until the block ends: what is half done would be worse than either end."""
    heed = current()
    if heed is None:
        yield
        return
    with heed.shielding():
        yield


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine to its end, as `asyncio.run`. Ctrl-C cancels it, and is raised when it has ended."""
    heed = current()
    if heed is None or heed.came:  # what cleans up is not cancelled, too
        return asyncio.run(main)

    async def cancelled_by_a_press() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "it runs in a task"
        with heed.cancelling(lambda: loop.call_soon_threadsafe(task.cancel)):
            return await main

    with heed.shielding():  # of what the loop itself does before and after
        try:
            result = asyncio.run(cancelled_by_a_press())
        except BaseException as error:
            if heed.came:  # a task that was cancelled may end in many ways
                raise KeyboardInterrupt from error
            raise
    if heed.came:
        raise KeyboardInterrupt
    return result


def note_log(path: Path) -> None:
    """Names the log of the run under way, for the line that Ctrl-C ends it with."""
    if _heeds:
        _heeds[0].log = path


def note_place(path: Path) -> None:
    """Names the folder of the network that the verb made for itself, for the same line."""
    if _heeds:
        _heeds[0].place = path


def plain_line() -> str:
    """What a program ends with that has not begun yet."""
    return _("interrupted before it began; nothing was done")


def _leave(line: str) -> None:
    """Ends the program here and now, wherever in it a signal came. No other way to write is safe then."""
    below = (
        "\x1b[?25h\r\n" if os.isatty(2) else ""
    )  # what stands there: ^C, and perhaps a bar without a cursor
    os.write(2, f"{below}{line}\n".encode(errors="replace"))
    os._exit(EXIT_CODE)


def _is_wanted(number: signal.Signals) -> bool:
    """A shell's background job ignores Ctrl-C, and is ended by it here all the same: somebody sent it to this
    very program. What `nohup` keeps away stays away."""
    return number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
