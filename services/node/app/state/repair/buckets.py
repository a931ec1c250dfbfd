"""Mends rows that this node did not write, with a peer's rows, one digest bucket at a time.

The seals show which rows differ; the bucket's recorded total shows whether one is missing. A peer's row is
taken only with a proof:

- It fits the seal stored here: then it is the very row that was written.
- The peer has every event known here: then its row is at least as new.
- The peer is the branch whose own cell it is: then, too, its row is at least as new.

A row that no peer can confirm stays, and is listed. A row that no command wrote is moved out; the total alone
proves that.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.database import AlteredRow, Transaction, digest
from app.database.seals import Stored
from app.domain.forms import Row
from app.domain.life import Life
from app.state.registry import replicated
from app.state.registry.entity import Entity
from app.state.repair import altered_rows, unwritten
from app.state.repair.checking import NOT_WRITTEN, Trouble, fingerprint, recount, rows_of


@dataclass(frozen=True)
class Given:
    """The rows of a bucket that a peer sent, all of them sound there. `dominates` says that the peer has
    every event known here in its rows. `life` is the peer's own."""

    rows: Sequence[Row]
    life: Life
    dominates: bool


@dataclass(frozen=True)
class Plan:
    """What to do to a bucket. `put` are the rows to write, `missing` how many of them are missing here, and
    `recount` whether to count the total anew. `left` are the keys of rows that stay as they are, `unwritten`
    those of rows that no command wrote."""

    put: Sequence[Row] = ()
    missing: int = 0
    recount: bool = False
    left: Sequence[str] = ()
    unwritten: Sequence[str] = ()


@dataclass
class Mended:
    """What was done to a bucket: how many rows were `restored`, how many of these were `missing`, how many
    unwritten ones were `moved_out`, and whether the total was `recounted`. `left` are the keys of rows that
    are still altered. `settled` says that nothing is left to do."""

    restored: int = 0
    missing: int = 0
    moved_out: int = 0
    recounted: bool = False
    left: list[str] = field(default_factory=list)
    settled: bool = False


def plan(entity: Entity, mine: Sequence[Stored], given: Given | None, *, recorded: int) -> Plan:
    """What a peer's rows (or none) prove about this node's rows of one bucket, given their `recorded` total.

    A row that a command wrote is never taken for an unwritten one. The total is the sum of the fingerprints
    of all written rows, in their last version. If a written row was altered or is missing, the sum of the
    others lacks exactly its fingerprint, a SHA-256 that is not 0. So if sound and proven rows alone make up
    the total, the rest holds no written row. A row that the peer has too stays all the same: the total itself
    may be wrong.
    """
    theirs = {} if given is None else {entity.key_of(row): row for row in given.rows}
    final: dict[str, Row] = {}
    put: list[Row] = []
    left: list[str] = []
    for stored in mine:
        row = theirs.get(stored.key)
        if stored.is_sound and stored.row is not None:
            final[stored.key] = stored.row
        elif given is not None and row is not None and _proves(entity, stored, row, given):
            put.append(row)
            final[stored.key] = row
        else:
            left.append(stored.key)
    lacking = (recorded - _total(entity, final.values())) % digest.MODULUS
    absent = [row for key, row in theirs.items() if key not in final]
    for some in ([], absent, *([row] for row in absent)):
        if _total(entity, some) == lacking:
            back = {entity.key_of(row) for row in some}
            return Plan(
                put=[*put, *some],
                missing=len(back.difference(left)),
                left=[key for key in left if key in theirs and key not in back],
                unwritten=[key for key in left if key not in theirs],
            )
    if left:
        return Plan(put=put, left=left)
    return Plan(put=put, recount=given is not None and final == theirs)


def mend(tx: Transaction, trouble: Trouble, given: Given | None) -> Mended:
    """Mend a bucket in this transaction, as far as a peer's rows or its own total prove its content."""
    entity = replicated.get(trouble.relation)
    mine = rows_of(tx.connection, entity, trouble)
    recorded = tx.digest_total(trouble.relation, trouble.bucket)
    found = plan(entity, mine, given, recorded=recorded)
    stay = unwritten.move_out(tx, entity, found.unwritten)
    mended = Mended(left=[*found.left, *stay], moved_out=len(found.unwritten) - len(stay))
    for row in found.put:
        try:
            with tx.savepoint():
                entity.put(tx, row)
        except (AlteredRow, sqlite3.IntegrityError):
            # The peer's is older than what this life wrote; or it refers to what is mended later.
            mended.left.append(entity.key_of(row))
        else:
            mended.restored += 1
    mended.missing = found.missing
    altered_rows.forget(tx, trouble, mended.left)
    if found.recount and not mended.left:
        recount(tx, entity, trouble)
        mended.recounted = True
    mended.settled = not mended.left and _is_settled(tx, entity, trouble)
    return mended


def give(connection: sqlite3.Connection, relation: str, bucket: int) -> list[Stored] | None:
    """The rows of a bucket, if all of them are sound; else None."""
    entity = replicated.find(relation)
    if entity is None:
        return None
    stored = rows_of(connection, entity, Trouble(relation, bucket, (), False))
    return stored if all(row.is_sound for row in stored) else None


def _proves(entity: Entity, stored: Stored, row: Row, given: Given) -> bool:
    """Whether a peer's row certainly is the row that was written here, or a later version of it."""
    try:
        if entity.seal(row) == stored.written:
            return True
    except NOT_WRITTEN:
        return False
    return given.dominates or (entity.relation == "stock" and (row["branch"], row["epoch"]) == given.life)


def _total(entity: Entity, rows: Iterable[Row]) -> int:
    return digest.total_of(entity.relation, [entity.encode(row) for row in rows])


def _is_settled(tx: Transaction, entity: Entity, trouble: Trouble) -> bool:
    stored = rows_of(tx.connection, entity, trouble)
    if not all(row.is_sound for row in stored):
        return False
    total = sum(fingerprint(entity, row) for row in stored)
    return (total - tx.digest_total(entity.relation, trouble.bucket)) % digest.MODULUS == 0
