"""Which connections a node keeps when there are too many. It decides only; `watch` closes them."""

from collections.abc import Hashable
from typing import Generic, TypeVar

C = TypeVar("C", bound=Hashable)


class Connections(Generic[C]):
    """At most `most` connections at once. For one more, another one is closed: the oldest one without a valid
    token, at the address that has most of those. So a flood ends its own connections first.

    A connection that showed a token keeps its place. Where all did, the newest connection finds none.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._addresses: dict[C, str] = {}
        self._unproven: dict[str, dict[C, None]] = {}  # by address, in the order of their coming

    def __len__(self) -> int:
        return len(self._addresses)

    def admit(self, connection: C, address: str) -> C | None:
        """Count a new connection; the connection to close for it, which may be itself, or None."""
        self._addresses[connection] = address
        self._unproven.setdefault(address, {})[connection] = None
        if len(self._addresses) <= self._most:
            return None
        crowd = max(self._unproven.values(), key=len)
        return next(iter(crowd))

    def prove(self, connection: C) -> None:
        """Note that a valid token came by a connection. One that is gone is no mistake."""
        self._leave_crowd(connection)

    def forget(self, connection: C) -> None:
        """Count off a connection that is closed, or about to be."""
        self._leave_crowd(connection)
        self._addresses.pop(connection, None)

    def _leave_crowd(self, connection: C) -> None:
        address = self._addresses.get(connection)
        crowd = None if address is None else self._unproven.get(address)
        if address is not None and crowd is not None:
            crowd.pop(connection, None)
            if not crowd:
                del self._unproven[address]
