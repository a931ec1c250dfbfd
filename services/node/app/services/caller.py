"""The client that a command is done for, as far as commands need it."""

from typing import Protocol


class Caller(Protocol):
    """A client that waits for an answer."""

    @property
    def gone(self) -> bool:
        """Whether it hung up. May be read from any thread."""

    def step_aside(self) -> None:
        """Give its place up: from now on it waits for something else than this node's work."""


class _Staying:
    """Somebody who waits for the answer in any case."""

    gone = False

    def step_aside(self) -> None:
        """There is no place to give up."""


STAYING: Caller = _Staying()
