"""Finds rows and digest totals that this node did not write."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.database import Transaction, digest
from app.database.file import reading_somehow
from app.database.pieces import Pieces, at_once
from app.database.seals import UNREADABLE, Stored
from app.domain.errors import Invalid
from app.state.registry import replicated
from app.state.registry.entity import Entity

NOT_WRITTEN = (Invalid, *UNREADABLE)
"""The errors that the check of a row raises if no node could have written it."""

ROWS = 200  # read in one piece: some milliseconds
KEYS = 5000  # read in one piece: as long


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
    """The buckets with a trouble, all as they are at one instant. See `look_for_troubles`."""
    return at_once(look_for_troubles(), connection)


def look_for_troubles() -> Pieces[list[Trouble]]:
    """Find the buckets with a trouble by reading every replicated row and total as they stand. A row with a
    text that is not UTF-8 counts as altered.

    What was altered when this began is found, and each trouble was so at one instant, whatever is written
    between the pieces: a bucket that only seems to have one, because it has changed before it was read, is
    read again as a whole.
    """
    troubles: list[Trouble] = []
    for entity in replicated.entities():
        suspects = yield from _suspects(entity)
        if suspects:
            troubles += yield from _confirmed(entity, suspects)
    return troubles


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


@dataclass(frozen=True)
class _Begin:
    """A relation at the instant at which a search begins: its last page key, its totals by bucket as they
    were kept up to date with every write, and the page keys of the rows that must be there."""

    last: str | None
    recorded: dict[int, int]
    due: Sequence[str]


@dataclass
class _Seen:
    """What rows add up to: the sum of their fingerprints by bucket, and the buckets with rows that do not fit
    their seals."""

    sums: dict[int, int] = field(default_factory=dict)
    differing: set[int] = field(default_factory=set)

    def add(self, other: "_Seen") -> None:
        self.differing |= other.differing
        for bucket, total in other.sums.items():
            self.sums[bucket] = self.sums.get(bucket, 0) + total


def _suspects(entity: Entity) -> Pieces[set[int]]:
    """The buckets that had a trouble when this began, and those that have changed before they were read. Rows
    written since are left to the next search: they could come as fast as they are read."""
    begin: _Begin = yield partial(_begin, entity=entity)
    seen, due = _Seen(), dict.fromkeys(begin.due)
    after: str | None = ""
    while after is not None and begin.last is not None:
        keys, some, after = yield partial(_next_page, entity=entity, after=after, last=begin.last)
        seen.add(some)
        for key in keys:
            due.pop(key, None)
    gone = list(due)  # page keys without any row
    for start in range(0, len(gone), ROWS):
        seen.add((yield partial(_see, entity=entity, keys=gone[start : start + ROWS])))
    return seen.differing | _unequal(seen.sums, begin.recorded)


def _begin(connection: sqlite3.Connection, entity: Entity) -> _Begin:
    with reading_somehow(connection):
        due = [entity.page_key_of(key) for key in entity.due(connection)]
        return _Begin(entity.last_page_key(connection), _recorded(connection, entity), due)


def _next_page(
    connection: sqlite3.Connection, entity: Entity, after: str, last: str
) -> tuple[Sequence[str], _Seen, str | None]:
    """The next page keys, what their rows add up to, and the key after which to go on."""
    with reading_somehow(connection):
        keys = entity.page_keys(connection, after=after, last=last, limit=ROWS)
    # A key that is not UTF-8 need not stand in its order once it is read, and could lead back to itself.
    goes_on = len(keys) == ROWS and keys[-1] != after
    return keys, _see(connection, entity, keys), keys[-1] if goes_on else None


def _see(connection: sqlite3.Connection, entity: Entity, keys: Sequence[str]) -> _Seen:
    seen = _Seen()
    with reading_somehow(connection):
        for stored in entity.stored(connection, keys):
            bucket = digest.bucket_of(stored.key)
            seen.sums[bucket] = seen.sums.get(bucket, 0) + fingerprint(entity, stored)
            if not stored.is_sound:
                seen.differing.add(bucket)
    return seen


def _recorded(connection: sqlite3.Connection, entity: Entity) -> dict[int, int]:
    return {
        bucket: int.from_bytes(total, "big")
        for bucket, total in connection.execute(
            "SELECT bucket, total FROM digest_buckets WHERE relation = ?", (entity.relation,)
        )
    }


def _unequal(actual: dict[int, int], recorded: dict[int, int]) -> set[int]:
    return {
        bucket
        for bucket in {*actual, *recorded}
        if (actual.get(bucket, 0) - recorded.get(bucket, 0)) % digest.MODULUS
    }


def _confirmed(entity: Entity, suspects: Collection[int]) -> Pieces[list[Trouble]]:
    """The troubles of these buckets, each as it is at the instant at which its bucket is read."""
    keys = _Keys({bucket: [] for bucket in suspects})
    yield from keys.read_on(entity)
    troubles: list[Trouble] = []
    for some in _together(keys.pages):
        yield from keys.read_on(entity)  # so that few are left to be read with the rows
        pages = {bucket: tuple(keys.pages[bucket]) for bucket in some}
        troubles += yield partial(_troubles_in, entity=entity, pages=pages, after=keys.after)
    return troubles


@dataclass
class _Keys:
    """The page keys of some buckets' rows, by bucket, up to the row number `after`."""

    pages: dict[int, list[str]]
    after: int = 0

    def read_on(self, entity: Entity) -> Pieces[None]:
        """Read the keys that came since, until a piece is no full one."""
        is_full = True
        while is_full:
            found, last = yield partial(_more_keys, entity=entity, buckets=self.pages, after=self.after)
            for bucket, keys in found.items():
                self.pages[bucket] += keys
            is_full = last - self.after >= KEYS
            self.after = last


def _more_keys(
    connection: sqlite3.Connection, entity: Entity, buckets: Collection[int], after: int
) -> tuple[dict[int, list[str]], int]:
    with reading_somehow(connection):
        return entity.pages_by_bucket(connection, buckets, after=after, limit=KEYS)


def _together(pages: dict[int, list[str]]) -> list[list[int]]:
    """The buckets in order, so many at once as have the rows of a piece together."""
    groups: list[list[int]] = []
    rows = ROWS
    for bucket in sorted(pages):
        rows += len(pages[bucket])
        if not groups or rows > ROWS:
            groups.append([])
            rows = len(pages[bucket])
        groups[-1].append(bucket)
    return groups


def _troubles_in(
    connection: sqlite3.Connection, entity: Entity, pages: dict[int, tuple[str, ...]], after: int
) -> list[Trouble]:
    with reading_somehow(connection):
        found = entity.in_buckets(connection, pages, after=after)
    recorded = _recorded(connection, entity)
    troubles = []
    for bucket, rows in found.items():
        keys = tuple(row.key for row in rows if not row.is_sound)
        total = sum(fingerprint(entity, row) for row in rows)
        miscounted = bool((total - recorded.get(bucket, 0)) % digest.MODULUS)
        if keys or miscounted:
            troubles.append(
                Trouble(entity.relation, bucket, keys, miscounted, pages=pages[bucket], after=after)
            )
    return troubles


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
