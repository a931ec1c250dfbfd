"""Commands as the writer takes them: what became of each, and those that one function does together."""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any

from app.database.transaction import Transaction
from app.domain.values import value

Command = Callable[[Transaction], Any]
Together = Callable[[Transaction, Iterable[Any]], Sequence[Any]]
"""Does the first of several commands, as many as it can, as if they ran one after the other, and nothing of
the others. Returns the result of each that it did. A command names such a function as its `together`."""


@value(frozen=True, slots=True)
class Outcome:
    """What became of one command: its result, or the exception it ended with; and whether it left
    anything to commit."""

    value: Any = None
    error: BaseException | None = None
    wrote: bool = False


def joint(commands: Sequence[Command]) -> Command | None:
    """A command that does the first of these, as many as it can. None where the first one is done alone."""
    together: Together | None = getattr(commands[0], "together", None)
    if together is None or len(commands) == 1:
        return None

    def first_ones(tx: Transaction) -> Sequence[Any]:
        # One by one, as they are asked for: the first one may be all that is looked at.
        return together(tx, takewhile(lambda one: getattr(one, "together", None) is together, commands))

    return first_ones
