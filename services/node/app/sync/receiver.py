"""Applying a peer's batch: everything it changes here, and the new position, in one transaction."""

import json
import sqlite3
from dataclasses import dataclass, field

from app.database import Transaction
from app.state import ledger
from app.state.errors import DeadEpoch, Invalid
from app.sync.errors import Fork, Gap, WrongEpoch
from app.sync.events import SCHEMA_VERSION, Batch, Head, WireEvent
from app.sync.kinds import KINDS, UNAPPLICABLE
from app.sync.outbox import ORIGIN


@dataclass
class Receipt:
    """What a batch did: the durable position once this commits, how many events were parked, and what
    merging stock rows found."""

    position: Head
    parked: int = 0
    merged: ledger.Merged = field(default_factory=ledger.Merged)


def receive(tx: Transaction, batch: Batch) -> Receipt:
    """Apply a batch that continues what is known of its origin's epoch; a duplicate changes nothing.

    Raises DeadEpoch, WrongEpoch (it is meant for another life of this node), Gap (with the position this
    node is at) or Fork (another history under the same seq). An event that can never be applied is parked
    with its body and reason, and holds up nothing but its own entity.
    """
    life = (batch.origin, batch.epoch)
    if life in ledger.dead_lives(tx.connection):
        raise DeadEpoch(*life)
    if batch.to_epoch != tx.identity.epoch:
        raise WrongEpoch(tx.identity.epoch)
    known = position(tx.connection, life)
    if batch.through.seq == known.seq and batch.through.event_id != known.event_id:
        raise Fork(batch.origin, known.seq)
    if batch.through.seq <= known.seq:
        return Receipt(known)
    if batch.after.seq != known.seq:
        raise Gap(known)
    if batch.after.event_id != known.event_id:
        raise Fork(batch.origin, known.seq)
    ledger.learn_life(tx, life)
    tx.witness(batch.lamport)
    receipt = Receipt(batch.through)
    for event in batch.events:
        _apply_or_park(tx, batch, event, receipt)
    _retry_waiting(tx, receipt)
    _set_position(tx, life, batch.through)
    return receipt


def position(connection: sqlite3.Connection, life: tuple[str, str]) -> Head:
    """How far this node has applied a life's events."""
    row = connection.execute(
        "SELECT seq, event_id FROM positions WHERE origin = ? AND epoch = ?", life
    ).fetchone()
    return Head(seq=row["seq"], event_id=row["event_id"]) if row else ORIGIN


def _apply_or_park(tx: Transaction, batch: Batch, event: WireEvent, receipt: Receipt) -> None:
    try:
        with tx.attempt():
            receipt.merged.absorb(_apply(tx, event, origin=batch.origin))
    except UNAPPLICABLE as error:
        _park(tx, batch, event, error)
        receipt.parked += 1
    else:
        # A whole newer state of the same entity was applied: an older parked one says nothing more. Events of
        # a kind it does not cover stay: a product's new name says nothing of its stock.
        for kind in KINDS[event.kind].covers:
            tx.connection.execute(
                "DELETE FROM parked WHERE origin = ? AND kind = ? AND entity = ?",
                (batch.origin, kind, event.entity),
            )


def _apply(tx: Transaction, event: WireEvent, *, origin: str) -> ledger.Merged:
    kind = KINDS.get(event.kind)
    if kind is None:
        raise Invalid("kind", "unknown_to_this_version")
    if event.schema_version > SCHEMA_VERSION:
        raise Invalid("schema_version", "newer_than_this_version")
    return kind.apply(tx, event.body, origin)


def _park(tx: Transaction, batch: Batch, event: WireEvent, error: Exception) -> None:
    # A foreign key that does not hold yet may still come to hold; anything else stays as it is.
    waiting = isinstance(error, sqlite3.IntegrityError) and "FOREIGN KEY" in str(error)
    tx.connection.execute(
        "INSERT OR REPLACE INTO parked (origin, epoch, seq, event_id, kind, entity, body, reason, waiting,"
        " attempts, parked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
        (
            batch.origin,
            batch.epoch,
            event.seq,
            event.event_id,
            event.kind,
            event.entity,
            event.model_dump_json(),
            f"{type(error).__name__}: {_reason(error)}",
            int(waiting),
            tx.now,
        ),
    )


def _retry_waiting(tx: Transaction, receipt: Receipt) -> None:
    rows = tx.connection.execute(
        "SELECT origin, epoch, seq, body FROM parked WHERE waiting = 1 ORDER BY origin, epoch, seq"
    ).fetchall()
    for row in rows:
        key = (row["origin"], row["epoch"], row["seq"])
        try:
            with tx.attempt():
                event = WireEvent.model_validate(json.loads(row["body"]))
                receipt.merged.absorb(_apply(tx, event, origin=row["origin"]))
                tx.connection.execute("DELETE FROM parked WHERE origin = ? AND epoch = ? AND seq = ?", key)
        except UNAPPLICABLE:
            tx.connection.execute(
                "UPDATE parked SET attempts = attempts + 1 WHERE origin = ? AND epoch = ? AND seq = ?", key
            )


def _set_position(tx: Transaction, life: tuple[str, str], head: Head) -> None:
    tx.connection.execute(
        "INSERT INTO positions (origin, epoch, seq, event_id) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (origin, epoch) DO UPDATE SET seq = excluded.seq, event_id = excluded.event_id",
        (*life, head.seq, head.event_id),
    )


def _reason(error: Exception) -> str:
    return f"{error.field} {error.reason}" if isinstance(error, Invalid) else str(error)
