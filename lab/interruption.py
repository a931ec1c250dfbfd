"""Ends a verb early without leaving anything behind."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM or a closed terminal like Ctrl-C, so that the work cleans up then too."""
    with _handling(
        {
            signal.SIGINT: signal.default_int_handler,  # a shell's background job ignores it
            signal.SIGTERM: _interrupt,
            signal.SIGHUP: _interrupt,
        }
    ):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delays Ctrl-C until the block ends: a second, impatient one must not stop the clean-up."""
    with _handling(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)):
        yield


@contextmanager
def _handling(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)
