"""Mending rows that are not what this node wrote: by the rows of a peer, one digest bucket at a time.

The seals show which rows differ, the bucket's recorded total shows whether one is missing. A peer's row is
taken only if it is proven. A row that fits the seal stored here is the very row that was written. A peer with
every event known here has a row at least as new, and so has the branch whose own cell it is. A row that no
peer can confirm stays, and is listed.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.database import Actor, Transaction, digest
from app.database.file import reading_somehow
from app.database.seals import UNREADABLE, Stored
from app.state import replicated
from app.state.entity import Entity
from app.state.errors import Invalid
from app.state.forms import Row
from app.state.stock import Life

NOT_WRITTEN = (Invalid, *UNREADABLE)
"""What checking a row fails with that no node could have written."""


@dataclass(frozen=True)
class Trouble:
    """A bucket whose rows are not what was written. `keys` are those of the rows that differ from their
    seals; `miscounted` says that the recorded total is not that of the rows as they stand. `pages` are the
    page keys of all its rows up to the row number `after`: nobody reads all keys again while the writer
    waits."""

    relation: str
    bucket: int
    keys: tuple[str, ...]
    miscounted: bool
    pages: tuple[str, ...] = field(default=(), compare=False, repr=False)
    after: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        what = f"{len(self.keys)} rows differ" if self.keys else "the digest is not that of the rows"
        return f"{self.relation}/{self.bucket}: {what}"


@dataclass(frozen=True)
class Given:
    """A bucket's rows as a peer wrote them, each of them sound there. `dominates` says that the peer has
    every event known here in its rows; `life` is the peer's own."""

    rows: Sequence[Row]
    life: Life
    dominates: bool


@dataclass(frozen=True)
class Plan:
    """What to do to a bucket: the rows to put, how many of them were missing, whether to count the bucket
    anew, and the keys of the rows that stay as they are."""

    put: Sequence[Row] = ()
    missing: int = 0
    recount: bool = False
    left: Sequence[str] = ()


@dataclass
class Mended:
    """What was done to a bucket: how many rows were restored, how many of them were missing, and whether its
    total was counted anew. `left` are the keys of rows that are still not what was written. `settled` says
    that nothing is left to do."""

    restored: int = 0
    missing: int = 0
    recounted: bool = False
    left: list[str] = field(default_factory=list)
    settled: bool = False


def find_troubles(connection: sqlite3.Connection) -> list[Trouble]:
    """The buckets that are not what was written, after reading every replicated row and total as they stand.
    A row with a text that is not UTF-8 differs, too."""
    with reading_somehow(connection):
        return [trouble for entity in replicated.entities() for trouble in _troubles_of(connection, entity)]


_STRANGE = (
    "FROM digest_buckets {by} WHERE relation NOT IN (SELECT relation FROM canonical_forms)"
    " AND relation NOT IN (SELECT value FROM json_each(?))"
)
_BY_TABLE, _BY_INDEX = "NOT INDEXED", "INDEXED BY sqlite_autoindex_digest_buckets_1"
"""A damaged name stands in one of the two only; the digest is read by either."""


def has_strange_totals(connection: sqlite3.Connection) -> bool:
    """Whether there are bucket totals of relations that no version of this file's code ever named. Such a
    name is damaged: no peer has the bucket, so nobody could mend it, and digests would differ for good."""
    known = json.dumps(replicated.relations())
    return any(
        connection.execute(f"SELECT 1 {_STRANGE.format(by=by)}", (known,)).fetchone()
        for by in (_BY_TABLE, _BY_INDEX)
    )


def forget_strange_totals(tx: Transaction) -> int:
    """Remove those totals; how many. What only the index says is damage of the file."""
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
        actual[bucket] = actual.get(bucket, 0) + _fingerprint(entity, stored)
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


def plan(entity: Entity, mine: Sequence[Stored], given: Given, *, recorded: int) -> Plan:
    """What a peer's rows prove about this node's rows of one bucket and their `recorded` total."""
    theirs = {entity.key_of(row): row for row in given.rows}
    final: dict[str, Row] = {}
    put: list[Row] = []
    left: list[str] = []
    for stored in mine:
        row = theirs.get(stored.key)
        if stored.is_sound and stored.row is not None:
            final[stored.key] = stored.row
        elif row is not None and _proves(entity, stored, row, given):
            put.append(row)
            final[stored.key] = row
        else:
            left.append(stored.key)
    if left:
        return Plan(put=put, left=left)
    lacking = (recorded - _total(entity, final.values())) % digest.MODULUS
    if not lacking:
        return Plan(put=put)
    absent = [row for key, row in theirs.items() if key not in final]
    for some in (absent, *([row] for row in absent)):
        if some and _total(entity, some) == lacking:
            return Plan(put=[*put, *some], missing=len(some))
    return Plan(put=put, recount=final == theirs)


def mend(tx: Transaction, trouble: Trouble, given: Given) -> Mended:
    """Mend a bucket as far as a peer's rows prove how, in this transaction."""
    entity = replicated.get(trouble.relation)
    mine = _rows_of(tx.connection, entity, trouble)
    recorded = tx.digest_total(trouble.relation, trouble.bucket)
    found = plan(entity, mine, given, recorded=recorded)
    mended = Mended(left=list(found.left))
    for row in found.put:
        try:
            with tx.attempt():
                entity.put(tx, row)
        except sqlite3.IntegrityError:  # it refers to what is missing here too, and that is mended first
            mended.left.append(entity.key_of(row))
        else:
            mended.restored += 1
    mended.missing = found.missing
    _forget(tx, trouble, mended.left)
    if found.recount and not mended.left:
        _recount(tx, entity, trouble)
        mended.recounted = True
    mended.settled = not mended.left and _is_settled(tx, entity, trouble)
    return mended


def give(connection: sqlite3.Connection, relation: str, bucket: int) -> list[Stored] | None:
    """The rows of a bucket, if every one of them is what was written here."""
    entity = replicated.find(relation)
    if entity is None:
        return None
    stored = _rows_of(connection, entity, Trouble(relation, bucket, (), False))
    return stored if all(row.is_sound for row in stored) else None


def list_altered(tx: Transaction, trouble: Trouble, *, asked: int, why: str) -> list[str]:
    """List the rows of a bucket that are not what was written, as they stand, and return their keys. `asked`
    counts the peers that were asked and could not mend them; `why` says what each answered."""
    entity = replicated.get(trouble.relation)
    altered = [row for row in _rows_of(tx.connection, entity, trouble) if not row.is_sound]
    _forget(tx, trouble, [])
    for stored in altered:
        valid = _is_valid(tx, entity, stored)
        tx.connection.execute(
            "INSERT OR REPLACE INTO altered_rows (relation, row_key, bucket, found, valid, asked, why, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (stored.relation, stored.key, trouble.bucket, stored.found, valid, asked, why, tx.now),
        )
    return [stored.key for stored in altered]


def forget_sound(tx: Transaction) -> None:
    """Take the rows off the list that were written anew since, and so are what was written."""
    for relation, bucket, key in tx.connection.execute(
        "SELECT relation, bucket, row_key FROM altered_rows"
    ).fetchall():
        entity = replicated.find(relation)
        trouble = Trouble(relation, bucket, (), False, pages=(entity.page_key_of(key),) if entity else ())
        stored = _known_rows(tx.connection, entity, trouble) if entity else []
        if not any(row.key == key and not row.is_sound for row in stored):
            tx.connection.execute(
                "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (relation, key)
            )


def accept(tx: Transaction, *, actor: Actor) -> dict[str, int]:
    """Take every listed row for what it says now, because an admin decided so: `{accepted, left}`. Units may
    then be sold by a row of stock, and a wrong number can oversell. Rows that no node could have written are
    left."""
    listed: dict[tuple[str, int], dict[str, str]] = {}
    for relation, key, bucket, why in tx.connection.execute(
        "SELECT relation, row_key, bucket, why FROM altered_rows ORDER BY relation, row_key"
    ):
        listed.setdefault((relation, bucket), {})[key] = why
    accepted = 0
    for (relation, bucket), reasons in listed.items():
        entity = replicated.get(relation)
        trouble = Trouble(relation, bucket, (), False)
        stored = [row for row in _rows_of(tx.connection, entity, trouble) if row.key in reasons]
        taken = [row for row in stored if _is_taken(tx, entity, row, why=reasons[row.key], actor=actor)]
        if taken:
            _forget(tx, trouble, reasons.keys() - {row.key for row in taken})
            _recount(tx, entity, trouble)
            accepted += len(taken)
    return {"accepted": accepted, "left": sum(map(len, listed.values())) - accepted}


def _is_taken(tx: Transaction, entity: Entity, stored: Stored, *, why: str, actor: Actor) -> bool:
    """Take a row for what it says now, if a node could have written that; else nobody can say what it should
    be."""
    if stored.row is None:
        return False
    try:
        with tx.attempt():
            entity.put(tx, entity.checked(tx, stored.row))
    except (*NOT_WRITTEN, sqlite3.IntegrityError):
        return False
    tx.audit(
        actor,
        action="accepted_altered",
        entity=entity.relation,
        entity_id=stored.key,
        before={"why": why},
        after=_without_secrets(stored.row),
        version=tx.lamport,
    )
    return True


def _proves(entity: Entity, stored: Stored, row: Row, given: Given) -> bool:
    """Whether a peer's row surely is what was written here, or came after it."""
    try:
        if entity.seal(row) == stored.written:
            return True
    except NOT_WRITTEN:
        return False
    return given.dominates or (entity.relation == "stock" and (row["branch"], row["epoch"]) == given.life)


def _is_valid(tx: Transaction, entity: Entity, stored: Stored) -> bool:
    """Whether a node could have written the row."""
    try:
        entity.checked(tx, stored.row)
    except NOT_WRITTEN:
        return False
    return True


def _rows_of(connection: sqlite3.Connection, entity: Entity, trouble: Trouble) -> list[Stored]:
    """Every row of a bucket as it stands by now."""
    with reading_somehow(connection):
        return entity.in_bucket(connection, trouble.bucket, pages=trouble.pages, after=trouble.after)


def _known_rows(connection: sqlite3.Connection, entity: Entity, trouble: Trouble) -> list[Stored]:
    """The rows of the pages that are known of a bucket, as they stand by now."""
    with reading_somehow(connection):
        return entity.stored(connection, trouble.pages)


def _fingerprint(entity: Entity, stored: Stored) -> int:
    if stored.row is None:
        return 0
    try:
        return digest.fingerprint_of(entity.relation, entity.encode(stored.row))
    except (ValueError, TypeError):
        return 0  # it has no canonical form


def _total(entity: Entity, rows: Any) -> int:
    return digest.total_of(entity.relation, [entity.encode(row) for row in rows])


def _is_settled(tx: Transaction, entity: Entity, trouble: Trouble) -> bool:
    stored = _rows_of(tx.connection, entity, trouble)
    if not all(row.is_sound for row in stored):
        return False
    total = sum(_fingerprint(entity, row) for row in stored)
    return (total - tx.digest_total(entity.relation, trouble.bucket)) % digest.MODULUS == 0


def _recount(tx: Transaction, entity: Entity, trouble: Trouble) -> None:
    total = sum(_fingerprint(entity, row) for row in _rows_of(tx.connection, entity, trouble))
    tx.set_digest_total(entity.relation, trouble.bucket, total)


def _forget(tx: Transaction, trouble: Trouble, left: Collection[str]) -> None:
    """Take the rows of the bucket off the list, but for those that are left."""
    listed = tx.connection.execute(
        "SELECT row_key FROM altered_rows WHERE relation = ? AND bucket = ?",
        (trouble.relation, trouble.bucket),
    ).fetchall()
    for (key,) in listed:
        if key not in left:
            tx.connection.execute(
                "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (trouble.relation, key)
            )


def _without_secrets(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "password_hash"}
