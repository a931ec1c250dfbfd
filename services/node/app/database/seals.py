"""Seals: how a replicated row tells that something else than this node's commands changed it.

A seal is 64 bits over the values of a row's columns, written with the row and compared by whoever reads it
for use. It knows nothing of canonical forms or JSON, so that a change of those never looks like damage. A row
that differs from its seal is not used (AlteredRow) until it was repaired from a peer, or no peer could
confirm another content: then it stands in `altered_rows` as it is now.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from app.database.errors import AlteredRow

UNSEALED = 0
"""The seal of a row that a migration wrote: the same migration seals it (Forms.recompute)."""

_BETWEEN, _NOTHING = "\x1f", "\x00"  # no text that a node stores has a control character

UNREADABLE = (ValueError, TypeError, OverflowError, KeyError, AttributeError, RecursionError)
"""What reading a row fails with whose columns hold what no node wrote."""


def seal(values: Iterable[Any]) -> int:
    """The seal of these column values (texts, numbers, None), in this order."""
    joined = _BETWEEN.join(
        [value if type(value) is str else _NOTHING if value is None else repr(value) for value in values]
    )
    encoded = joined.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True) or 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as it stands in the file. `key` is its key in the digest, `row` its canonical form, or None where
    its columns cannot be read as one; `written` is the seal stored with it, `found` the seal of what stands
    there."""

    relation: str
    key: str
    row: dict[str, Any] | None
    written: int
    found: int

    @property
    def is_sound(self) -> bool:
        """Whether the row is what was written."""
        return self.row is not None and self.found == self.written


Use = Literal["show", "copy", "tell", "spend"]
"""What a row is read for: to show it to people, to copy of it into a new row, to tell it to peers, or to
spend units by it."""


def require_written(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> dict[str, Any]:
    """The row, if it is what was written. Raises AlteredRow for one that is not. One that is known to differ
    for good is shown all the same, copied of if a node could have written it, and told once a peer was asked;
    no unit is ever spent by it."""
    if stored.row is None:
        raise AlteredRow(stored.relation, stored.key)
    if stored.found != stored.written and (use == "spend" or not is_listed(connection, stored, use)):
        raise AlteredRow(stored.relation, stored.key)
    return stored.row


def is_listed(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> bool:
    """Whether the row is known to differ, as it stands now, and no peer could confirm another content; and
    may be used so all the same."""
    found = connection.execute(
        "SELECT asked, valid FROM altered_rows WHERE relation = ? AND row_key = ? AND found = ?",
        (stored.relation, stored.key, stored.found),
    ).fetchone()
    return found is not None and {"show": True, "tell": found[0] > 0, "copy": bool(found[1])}.get(use, False)


def listed(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The rows that differ from what was written and that no peer could confirm, by relation and key."""
    rows = connection.execute(
        "SELECT relation, row_key, bucket, asked, why, since FROM altered_rows ORDER BY relation, row_key"
    )
    return [dict(row) for row in rows]
