"""How many bytes of request bodies a node holds in memory at once, over all requests."""

from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self

from app.security.errors import BodiesFull

Sender = Literal["stranger", "client", "peer"]
"""Who sends a body: one without a token, which is a login, or one with a token of either kind."""

_EIGHTHS: Mapping[Sender, int] = {"stranger": 1, "client": 2, "peer": 5}


class BodyBudget:
    """One budget for the bodies of all requests, in bytes that have arrived. Strangers share an eighth of it,
    clients two and peers five. So none of them keeps out the others."""

    def __init__(self, most: int) -> None:
        self._most = {sender: most * eighths // 8 for sender, eighths in _EIGHTHS.items()}
        self._held = dict.fromkeys(self._most, 0)

    @property
    def held(self) -> int:
        """Bytes of bodies in memory now."""
        return sum(self._held.values())

    def holding(self, sender: Sender) -> "Holding":
        """An empty holding for one request's body, to be used in a `with` that ends when the request is
        answered."""
        return Holding(self, sender)

    def take(self, size: int, sender: Sender) -> None:
        """Count bytes that arrived. Raises BodiesFull, and counts nothing, where the share has no room."""
        if self._held[sender] + size > self._most[sender]:
            raise BodiesFull(self._most[sender])
        self._held[sender] += size

    def give_back(self, size: int, sender: Sender) -> None:
        """Count bytes off that are no longer held."""
        self._held[sender] -= size


class Holding:
    """What one request's body has of the budget."""

    def __init__(self, budget: BodyBudget, sender: Sender) -> None:
        self._budget = budget
        self._sender = sender
        self._size = 0

    def add(self, size: int) -> None:
        """Hold `size` bytes more. Raises BodiesFull."""
        self._budget.take(size, self._sender)
        self._size += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back."""
        self._budget.give_back(self._size, self._sender)
        self._size = 0
