"""Seals: they show that something other than this node's commands changed a replicated row.

A seal is 64 bits over the values of a row's columns. It is written with the row, and every use of the row
compares the two. It does not depend on canonical forms or JSON, so a change of those never looks like damage.
A row that does not fit its seal is not used (AlteredRow) until a peer's row replaces it. If no peer can
confirm another content, the row is listed in `altered_rows` as it stands.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Any, Literal

from app.database.errors import AlteredRow
from app.domain.forms import Row
from app.domain.values import value

UNSEALED = 0
"""The seal of a row that a migration wrote. The same migration seals it later (Forms.recompute)."""

_EMPTY = blake2b(digest_size=8)
_as_number = Struct(">q").unpack
BETWEEN, NOTHING = "\x1f", "\x00"  # no text that a node stores has a control character

UNREADABLE = (ValueError, TypeError, OverflowError, KeyError, AttributeError, RecursionError)
"""The errors of reading a row whose columns have values that no node writes."""


def seal(values: Iterable[Any]) -> int:
    """The seal of these column values (texts, numbers, None), in this order."""
    return seal_joined(
        BETWEEN.join(
            [value if type(value) is str else NOTHING if value is None else repr(value) for value in values]
        )
    )


def seal_joined(joined: str) -> int:
    """The seal of values that are joined already as `seal` joins them."""
    hashed = _EMPTY.copy()  # quicker than a new one with its parameters
    hashed.update(joined.encode("utf-8", "surrogatepass"))
    found: int = _as_number(hashed.digest())[0]
    return found or 1


@value(frozen=True, slots=True)
class Stored:
    """A row as it stands in the file. `key` is its key in the digest. `row` is its canonical form, or None if
    its columns cannot be read as one. `written` is the seal stored with it, `found` the seal of its present
    content."""

    relation: str
    key: str
    row: Row | None
    written: int
    found: int

    @property
    def is_sound(self) -> bool:
        """Whether the row fits its seal."""
        return self.row is not None and self.found == self.written


Use = Literal["show", "copy", "send", "spend"]
"""The purpose of a read: `show` the row to people, `copy` from it into a new row, `send` it to peers, `spend`
units by it."""


def require_written(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> Row:
    """The row, if it is sound; else raises AlteredRow. A listed row may be shown. It may be copied from if a
    node could have written it, and sent once a peer was asked. No unit is ever spent by it."""
    if stored.row is None:
        raise AlteredRow(stored.relation, stored.key)
    if stored.found != stored.written and (use == "spend" or not is_listed(connection, stored, use)):
        raise AlteredRow(stored.relation, stored.key)
    return stored.row


def is_listed(connection: sqlite3.Connection, stored: Stored, use: Use = "show") -> bool:
    """Whether the row is listed with its present content, and so may be used for some purposes."""
    found = connection.execute(
        "SELECT asked, valid FROM altered_rows WHERE relation = ? AND row_key = ? AND found = ?",
        (stored.relation, stored.key, stored.found),
    ).fetchone()
    return found is not None and {"show": True, "send": found[0] > 0, "copy": bool(found[1])}.get(use, False)


@dataclass(frozen=True)
class ListedRow:
    """An altered row that no peer could mend, with how many peers were `asked` and their answers in words
    (`why`). `bucket` is its bucket of the digest; `since` is in seconds since 1970."""

    relation: str
    row_key: str
    bucket: int
    asked: int
    why: str
    since: float


def listed(connection: sqlite3.Connection) -> list[ListedRow]:
    """The altered rows that no peer could mend, by relation and key."""
    rows = connection.execute(
        "SELECT relation, row_key, bucket, asked, why, since FROM altered_rows ORDER BY relation, row_key"
    )
    return [ListedRow(*row) for row in rows]
