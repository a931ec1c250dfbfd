"""Mending rows that are not what this node wrote: by the rows of a peer, one digest bucket at a time.

The seals tell which rows differ, the bucket's recorded total tells whether any is missing. Nothing is taken
from a peer but what it proves: a row that fits the seal stored here is the very row that was written; a peer
that has every event known here, or whose own cell it is, has a row at least as new. A row that no peer can
confirm stays, and is listed.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.database import Actor, Transaction, digest
from app.database.file import decoded_somehow
from app.database.seals import Stored
from app.state import replicated
from app.state.errors import Invalid
from app.state.forms import Row
from app.state.replicated import Entity
from app.state.stock import Life

_MODULUS = 1 << 256


@dataclass(frozen=True)
class Trouble:
    """A bucket whose rows are not what was written: which of them, and whether the recorded total differs
    from that of the rows as they stand."""

    relation: str
    bucket: int
    keys: tuple[str, ...]
    miscounted: bool

    def __str__(self) -> str:
        what = f"{len(self.keys)} rows differ" if self.keys else "the digest is not that of the rows"
        return f"{self.relation}/{self.bucket}: {what}"


@dataclass(frozen=True)
class Given:
    """A bucket's rows as a peer wrote them, each of them sound there. `dominates` says that the peer has
    every event that is known here; `life` is its own."""

    rows: Sequence[Row]
    life: Life
    dominates: bool


@dataclass(frozen=True)
class Plan:
    """What to do to a bucket: rows to put, those that were missing among them, whether to count the rows
    anew, and the keys of rows that stay as they are."""

    put: Sequence[Row] = ()
    missing: int = 0
    recount: bool = False
    left: Sequence[str] = ()


@dataclass
class Mended:
    """What was done to a bucket: rows restored, of which so many were missing, and whether its total was
    counted anew; `left` are rows that are still not what was written, `settled` says that nothing is left to
    do."""

    restored: int = 0
    missing: int = 0
    recounted: bool = False
    left: list[str] = field(default_factory=list)
    settled: bool = False


def find_troubles(connection: sqlite3.Connection) -> list[Trouble]:
    """Read every replicated row and total as they stand, and say which buckets are not what was written. A
    text that cannot even be decoded is a row that differs."""
    before = connection.text_factory
    connection.text_factory = decoded_somehow
    try:
        return [trouble for entity in replicated.entities() for trouble in _troubles_of(connection, entity)]
    finally:
        connection.text_factory = before


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
        if (actual.get(bucket, 0) - recorded.get(bucket, 0)) % _MODULUS
    }
    return [
        Trouble(entity.relation, bucket, tuple(differing.get(bucket, ())), bucket in miscounted)
        for bucket in sorted({*differing, *miscounted})
    ]


_STRANGE = (
    "FROM digest_buckets WHERE bucket NOT BETWEEN 0 AND 255"
    " OR relation NOT IN (SELECT relation FROM canonical_forms)"
)


def has_strange_totals(connection: sqlite3.Connection) -> bool:
    """Whether there are totals of buckets that no version keeps: they would tell peers of rows that nobody
    has."""
    return connection.execute(f"SELECT 1 {_STRANGE} LIMIT 1").fetchone() is not None


def forget_strange_totals(tx: Transaction) -> None:
    """Count no bucket that no version keeps."""
    tx.connection.execute(f"DELETE {_STRANGE}")


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
    lacking = (recorded - _total(entity, final.values())) % _MODULUS
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
    mine = _in_bucket(tx.connection, entity, trouble.bucket)
    recorded = digest.read_total(tx.connection, trouble.relation, trouble.bucket)
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
        _recount(tx, entity, trouble.bucket)
        mended.recounted = True
    mended.settled = not mended.left and _is_settled(tx.connection, entity, trouble.bucket)
    return mended


def give(connection: sqlite3.Connection, relation: str, bucket: int) -> list[Stored] | None:
    """The rows of a bucket, if every one of them is what was written here."""
    entity = replicated.find(relation)
    if entity is None:
        return None
    stored = _in_bucket(connection, entity, bucket)
    return stored if all(row.is_sound for row in stored) else None


def list_altered(tx: Transaction, trouble: Trouble, *, asked: int, why: str) -> list[str]:
    """List the rows of a bucket that are not what was written and that no peer of those `asked` could
    confirm, as they stand; their keys."""
    entity = replicated.get(trouble.relation)
    altered = [row for row in _in_bucket(tx.connection, entity, trouble.bucket) if not row.is_sound]
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
    """List no row any more that is what was written by now: it was written anew since."""
    listed = tx.connection.execute("SELECT DISTINCT relation, bucket FROM altered_rows").fetchall()
    for relation, bucket in listed:
        entity = replicated.find(relation)
        stored = _in_bucket(tx.connection, entity, bucket) if entity else []
        left = [row.key for row in stored if not row.is_sound]
        _forget(tx, Trouble(relation, bucket, (), False), left)


def accept(tx: Transaction, *, actor: Actor) -> dict[str, int]:
    """Take every listed row for what it says now, because an admin says so: `{accepted, left}`. By one of
    stock units may then be sold: a wrong number can oversell. Those that no node could have written are
    left."""
    listed = tx.connection.execute(
        "SELECT relation, row_key, bucket, why FROM altered_rows ORDER BY relation, row_key"
    ).fetchall()
    accepted = 0
    for relation, key, bucket, why in listed:
        entity = replicated.get(relation)
        for stored in _in_bucket(tx.connection, entity, bucket):
            if stored.key == key and stored.row is not None:
                try:
                    entity.put(tx, entity.checked(tx, stored.row))
                except (Invalid, sqlite3.IntegrityError):
                    continue  # no node could have written this: nobody can say what it should be
                accepted += 1
                tx.connection.execute(
                    "DELETE FROM altered_rows WHERE relation = ? AND row_key = ?", (relation, key)
                )
                _recount(tx, entity, bucket)
                tx.audit(
                    actor,
                    action="accepted_altered",
                    entity=relation,
                    entity_id=key,
                    before={"why": why},
                    after=_without_secrets(stored.row),
                    version=tx.lamport,
                )
    return {"accepted": accepted, "left": len(listed) - accepted}


def _proves(entity: Entity, stored: Stored, row: Row, given: Given) -> bool:
    """Whether a peer's row surely is what was written here, or came after it."""
    try:
        if entity.seal(row) == stored.written:
            return True
    except (Invalid, KeyError, TypeError, ValueError):
        return False
    return given.dominates or (entity.relation == "stock" and (row["branch"], row["epoch"]) == given.life)


def _is_valid(tx: Transaction, entity: Entity, stored: Stored) -> bool:
    """Whether a node could have written the row."""
    try:
        entity.checked(tx, stored.row)
    except (Invalid, ValueError, TypeError, KeyError):
        return False
    return True


def _in_bucket(connection: sqlite3.Connection, entity: Entity, bucket: int) -> list[Stored]:
    before = connection.text_factory
    connection.text_factory = decoded_somehow
    try:
        return entity.in_bucket(connection, bucket)
    finally:
        connection.text_factory = before


def _fingerprint(entity: Entity, stored: Stored) -> int:
    if stored.row is None:
        return 0
    try:
        return digest.fingerprint_of(entity.relation, entity.encode(stored.row))
    except (ValueError, TypeError, RecursionError):
        return 0  # it has no canonical form


def _total(entity: Entity, rows: Any) -> int:
    return digest.total_of(entity.relation, [entity.encode(row) for row in rows])


def _is_settled(connection: sqlite3.Connection, entity: Entity, bucket: int) -> bool:
    stored = _in_bucket(connection, entity, bucket)
    if not all(row.is_sound for row in stored):
        return False
    total = sum(_fingerprint(entity, row) for row in stored)
    return (total - digest.read_total(connection, entity.relation, bucket)) % _MODULUS == 0


def _recount(tx: Transaction, entity: Entity, bucket: int) -> None:
    total = sum(_fingerprint(entity, row) for row in _in_bucket(tx.connection, entity, bucket))
    digest.write_total(tx.connection, entity.relation, bucket, total)


def _forget(tx: Transaction, trouble: Trouble, left: Sequence[str]) -> None:
    """List no row of the bucket any more but those that are left."""
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
