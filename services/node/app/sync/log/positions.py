"""This node's position at every life: up to there the life's events are applied or parked."""

import sqlite3

from app.database import Transaction, own_rows
from app.database.node_row import present_life
from app.domain.life import Life
from app.sync.log import outbox
from app.sync.log.outbox import EMPTY_LOG
from app.sync.wire.messages import Head

_SET_POSITION = f"""
    INSERT {own_rows.into("positions")}
    ON CONFLICT (origin, epoch) DO UPDATE SET
        seq = excluded.seq, event_id = excluded.event_id, checksum = excluded.checksum
"""


def at(connection: sqlite3.Connection, life: Life) -> Head:
    """This node's position at a life: up to there the life's events are applied or parked. An altered row
    counts as the origin, so the events are sent again."""
    row = own_rows.find(connection, "positions", "origin = ? AND epoch = ?", life)
    return Head(seq=row["seq"], event_id=row["event_id"]) if row else EMPTY_LOG


def store(tx: Transaction, life: Life, head: Head) -> None:
    """Store this node's position at a life."""
    head_values = (head.seq, head.event_id)
    seal = own_rows.sealed("positions", *life, *head_values)
    tx.connection.execute(_SET_POSITION, (*life, *head_values, seal))


def heads(connection: sqlite3.Connection) -> dict[str, Head]:
    """The last known event of every life that has any, this node's own included, keyed "node@epoch"."""
    me = present_life(connection)
    known = {
        Life(row["origin"], row["epoch"]).key: Head(seq=row["seq"], event_id=row["event_id"])
        for row in own_rows.every_sound(connection, "positions")
    }
    own = outbox.head(connection)
    return {**known, me.key: own} if own.seq else known
