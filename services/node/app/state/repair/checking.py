"""Finds rows and digest totals that this node did not write."""

import json
import sqlite3
from dataclasses import dataclass, field

from app.database import Transaction, digest
from app.database.file import reading_somehow
from app.database.seals import UNREADABLE, Stored
from app.domain.errors import Invalid
from app.state.registry import replicated
from app.state.registry.entity import Entity

NOT_WRITTEN = (Invalid, *UNREADABLE)
"""The errors that the check of a row raises if no node could have written it."""


@dataclass(frozen=True)
class Trouble:
    """A bucket with altered rows or a wrong total. `keys` are those of the rows that do not fit their seals.
    `miscounted` says that the recorded total is not the rows' sum.

    `pages` are the page keys of all its rows up to the row number `after`, so that the keys need not be read
    again while the writer waits.
    """

    relation: str
    bucket: int
    keys: tuple[str, ...]
    miscounted: bool
    pages: tuple[str, ...] = field(default=(), compare=False, repr=False)
    after: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        what = f"{len(self.keys)} rows differ" if self.keys else "the digest is not that of the rows"
        return f"{self.relation}/{self.bucket}: {what}"


def find_troubles(connection: sqlite3.Connection) -> list[Trouble]:
    """The buckets with a trouble, after reading every replicated row and total as they stand. A row with a
    text that is not UTF-8 counts as altered."""
    with reading_somehow(connection):
        return [trouble for entity in replicated.entities() for trouble in _troubles_of(connection, entity)]


_STRANGE = (
    "FROM digest_buckets {by} WHERE bucket NOT BETWEEN 0 AND 255"
    " OR relation NOT IN (SELECT relation FROM canonical_forms)"
    " AND relation NOT IN (SELECT value FROM json_each(?))"
)
_BY_TABLE, _BY_INDEX = "NOT INDEXED", "INDEXED BY sqlite_autoindex_digest_buckets_1"
"""A damaged name stands in one of the two only; the digest is read by either."""


def has_strange_totals(connection: sqlite3.Connection) -> bool:
    """Whether there are totals of buckets or relations that no version of this file's code ever had. Such a
    name is damaged. No peer has that bucket, so it could never be mended, and the digests would differ."""
    known = json.dumps(replicated.relations())
    return any(
        connection.execute(f"SELECT 1 {_STRANGE.format(by=by)}", (known,)).fetchone()
        for by in (_BY_TABLE, _BY_INDEX)
    )


def forget_strange_totals(tx: Transaction) -> int:
    """Remove those totals. Returns how many. If only the index shows them, the file is damaged."""
    known = json.dumps(replicated.relations())
    return tx.connection.execute(f"DELETE {_STRANGE.format(by=_BY_TABLE)}", (known,)).rowcount


def _troubles_of(connection: sqlite3.Connection, entity: Entity) -> list[Trouble]:
    recorded = {
        bucket: int.from_bytes(total, "big")
        for bucket, total in connection.execute(
            "SELECT bucket, total FROM digest_buckets WHERE relation = ?", (entity.relation,)
        )
    }
    actual: dict[int, int] = {}
    differing: dict[int, list[str]] = {}
    for stored in entity.every(connection):
        bucket = digest.bucket_of(stored.key)
        actual[bucket] = actual.get(bucket, 0) + fingerprint(entity, stored)
        if not stored.is_sound:
            differing.setdefault(bucket, []).append(stored.key)
    miscounted = {
        bucket
        for bucket in {*actual, *recorded}
        if (actual.get(bucket, 0) - recorded.get(bucket, 0)) % digest.MODULUS
    }
    troubled = sorted({*differing, *miscounted})
    pages, last = entity.pages_by_bucket(connection, troubled) if troubled else ({}, 0)
    return [
        Trouble(
            entity.relation,
            bucket,
            tuple(differing.get(bucket, ())),
            bucket in miscounted,
            pages=tuple(pages[bucket]),
            after=last,
        )
        for bucket in troubled
    ]


def rows_of(connection: sqlite3.Connection, entity: Entity, trouble: Trouble) -> list[Stored]:
    """Every row of a bucket, as it stands now."""
    with reading_somehow(connection):
        return entity.in_bucket(connection, trouble.bucket, pages=trouble.pages, after=trouble.after)


def fingerprint(entity: Entity, stored: Stored) -> int:
    if stored.row is None:
        return 0
    try:
        return digest.fingerprint_of(entity.relation, entity.encode(stored.row))
    except (ValueError, TypeError, RecursionError):
        return 0  # it has no canonical form


def recount(tx: Transaction, entity: Entity, trouble: Trouble) -> None:
    """Count a bucket's total anew. A row without a canonical form counts, too: see `Entity.placeholder`."""
    total = sum(
        fingerprint(entity, row) or entity.placeholder(row.key)
        for row in rows_of(tx.connection, entity, trouble)
    )
    tx.set_digest_total(entity.relation, trouble.bucket, total)
