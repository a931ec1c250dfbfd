"""Events that could not be applied: kept whole with the reason, tried again, shown, never skipped."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from app.database import Actor, Transaction
from app.database.digest import Relation, bucket_of
from app.state import ledger
from app.state.errors import Invalid
from app.state.stock import Life
from app.sync.events import SCHEMA_VERSION, Batch, WireEvent
from app.sync.kinds import KINDS, UNAPPLICABLE

_TOLD_BY: dict[Relation, tuple[str, ...]] = {
    "users": ("user_upserted",),
    "customers": ("customer_upserted",),
    "products": ("product_upserted",),
    "stock": ("stock_update",),
    "orders": ("order_created", "order_cancelled"),
}
"""The kinds of events that a whole row of a relation says all of."""


def apply(tx: Transaction, event: WireEvent, *, origin: str) -> ledger.Merged:
    """Merge an event's body as its kind says. Raises one of UNAPPLICABLE for what cannot be applied."""
    kind = KINDS.get(event.kind)
    if kind is None:
        raise Invalid("kind", "unknown_to_this_version")
    if event.schema_version > SCHEMA_VERSION:
        raise Invalid("schema_version", "newer_than_this_version")
    return kind.apply(tx, event.body, origin)


def is_waiting(error: Exception) -> bool:
    """Whether what could not be applied refers to what is not here: it may still come, and then it applies;
    anything else stays as it is."""
    return isinstance(error, sqlite3.IntegrityError) and "FOREIGN KEY" in str(error)


def park(tx: Transaction, batch: Batch, event: WireEvent, error: Exception) -> None:
    """Keep an event and why it could not be applied."""
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
            int(is_waiting(error)),
            tx.now,
        ),
    )


def has_any(connection: sqlite3.Connection) -> bool:
    """Whether anything is parked."""
    return connection.execute("SELECT 1 FROM parked LIMIT 1").fetchone() is not None


def forget_covered(tx: Transaction, origin: str, event: WireEvent) -> None:
    """After a whole newer state of an entity was applied: an older parked one says nothing more. Events of a
    kind it does not cover stay: a product's new name says nothing of its stock."""
    for kind in KINDS[event.kind].covers:
        tx.connection.execute(
            "DELETE FROM parked WHERE origin = ? AND kind = ? AND entity = ?", (origin, kind, event.entity)
        )


def lacked(connection: sqlite3.Connection, life: Life) -> dict[Relation, list[int]]:
    """Which digest buckets the entities are in of which a life's events are parked here: whole rows from it
    say what those could not."""
    found: dict[Relation, set[int]] = {}
    for kind, entity in connection.execute(
        "SELECT kind, entity FROM parked WHERE origin = ? AND epoch = ?", life
    ):
        for relation, kinds in _TOLD_BY.items():
            if kind in kinds:
                found.setdefault(relation, set()).add(bucket_of(entity))
    return {relation: sorted(buckets) for relation, buckets in found.items()}


def forget_told(tx: Transaction, life: Life, relation: Relation, keys: Iterable[str]) -> None:
    """After whole rows were fetched from the life itself and merged: what is parked of them says nothing
    more."""
    parked = tx.connection.execute(
        "SELECT seq, kind, entity FROM parked WHERE origin = ? AND epoch = ?", life
    ).fetchall()
    told = frozenset(keys) if parked else frozenset()
    for seq, kind, entity in parked:
        if kind in _TOLD_BY[relation] and entity in told:
            tx.connection.execute(
                "DELETE FROM parked WHERE origin = ? AND epoch = ? AND seq = ?", (*life, seq)
            )


def origins(connection: sqlite3.Connection) -> list[str]:
    """The nodes of which events are parked here."""
    return [row[0] for row in connection.execute("SELECT DISTINCT origin FROM parked ORDER BY origin")]


def retry(tx: Transaction, *, only_waiting: bool) -> ledger.Merged:
    """Try parked events again in order, each by itself; those that apply now are parked no more."""
    merged = ledger.Merged()
    rows = tx.connection.execute(
        "SELECT origin, epoch, seq, body FROM parked WHERE waiting >= ? ORDER BY origin, epoch, seq",
        (int(only_waiting),),
    ).fetchall()
    for row in rows:
        key = (row["origin"], row["epoch"], row["seq"])
        try:
            with tx.attempt():
                event = WireEvent.model_validate(json.loads(row["body"]))
                merged.absorb(apply(tx, event, origin=row["origin"]))
                tx.connection.execute("DELETE FROM parked WHERE origin = ? AND epoch = ? AND seq = ?", key)
        except UNAPPLICABLE:
            tx.connection.execute(
                "UPDATE parked SET attempts = attempts + 1 WHERE origin = ? AND epoch = ? AND seq = ?", key
            )
    return merged


def replay(tx: Transaction, *, actor: Actor) -> dict[str, int]:
    """Try every parked event again because somebody asked: `{applied, left}`."""
    before = _count(tx.connection)
    retry(tx, only_waiting=False)
    left = _count(tx.connection)
    outcome = {"applied": before - left, "left": left}
    tx.audit(
        actor,
        action="replayed_parked",
        entity="node",
        entity_id=tx.identity.name,
        before=None,
        after=outcome,
        version=tx.lamport,
    )
    return outcome


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` parked events beyond the key `after`, without their bodies."""
    rows = connection.execute(
        "SELECT printf('%s@%s/%012d', origin, epoch, seq) AS key, origin, epoch, seq, kind, entity, reason,"
        " waiting, attempts, parked_at FROM parked WHERE key > ? ORDER BY key LIMIT ?",
        (after, limit),
    )
    return [{**dict(row), "waiting": bool(row["waiting"])} for row in rows]


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM parked").fetchone()[0])


def _reason(error: Exception) -> str:
    return f"{error.field} {error.reason}" if isinstance(error, Invalid) else str(error)
