"""Seals: they show that something else than this node's commands changed a replicated row.

A seal is 64 bits over the values of a row's columns. It is written with the row, and whoever reads the row
for use compares the two. It does not depend on canonical forms or JSON, so a change of those never looks like
damage. A row that differs from its seal is not used (AlteredRow) until a peer's row replaced it. If no peer
can confirm another content, it is listed in `altered_rows` as it stands.
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
"""The errors of reading a row whose columns hold what no node wrote."""


def seal(values: Iterable[Any]) -> int:
    """The seal of these column values (texts, numbers, None), in this order."""
    joined = _BETWEEN.join(
        [value if type(value) is str else _NOTHING if value is None else repr(value) for value in values]
    )
    encoded = joined.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True) or 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as it stands in the file. `key` is its key in the digest. `row` is its canonical form, or None
    where its columns cannot be read as one. `written` is the seal stored with it, `found` the seal of what
    stands there."""

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
"""What a row is read for: to show it to people, to copy from it into a new row, to send it to peers ("tell"),
or to spend units by it."""


def require_written(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> dict[str, Any]:
    """The row, if it is what was written; else raises AlteredRow. A listed row may be shown. It may be copied
    from if a node could have written it, and sent once a peer was asked. No unit is ever spent by it."""
    if stored.row is None:
        raise AlteredRow(stored.relation, stored.key)
    if stored.found != stored.written and (use == "spend" or not is_listed(connection, stored, use)):
        raise AlteredRow(stored.relation, stored.key)
    return stored.row


def is_listed(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> bool:
    """Whether the row is listed as it stands now, and may be used so all the same."""
    found = connection.execute(
        "SELECT asked, valid FROM altered_rows WHERE relation = ? AND row_key = ? AND found = ?",
        (stored.relation, stored.key, stored.found),
    ).fetchone()
    return found is not None and {"show": True, "tell": found[0] > 0, "copy": bool(found[1])}.get(use, False)


def listed(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The rows that are not what was written and that no peer could mend, by relation and key."""
    rows = connection.execute(
        "SELECT relation, row_key, bucket, asked, why, since FROM altered_rows ORDER BY relation, row_key"
    )
    return [dict(row) for row in rows]
