"""Runs a history in virtual time, where threads and real waiting are errors and not surprises."""

import asyncio
import gc
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Never, TypeVar
from unittest import mock

from tests.support.virtual import VirtualLoop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, which begins at 0, and return what it returns.

    Nothing waits for real, and nothing may start a thread meanwhile: who is first among threads is no
    function of the seed. Nor is garbage collected before the main coroutine asks for it.
    """
    with (
        _uncollected(),
        mock.patch.object(threading.Thread, "start", _refuse_thread),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(main)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A history makes few circles, and looking for them after every few thousand objects takes a part of its
    time. When they go is then no matter of how many objects there were, either."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _refuse_thread(thread: threading.Thread) -> Never:
    raise AssertionError(f"{thread.name} would be a thread: take the injected Executor")
