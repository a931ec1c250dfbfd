"""This node's position at every life, and whether it belongs to a network."""

import sqlite3

from app.database import own_rows
from app.database.identity import present_life
from app.domain.life import Life
from app.sync.log import outbox
from app.sync.wire.messages import Head


def heads(connection: sqlite3.Connection) -> dict[str, Head]:
    """The last known event of every life that has any, this node's own included, keyed "node@epoch"."""
    me = present_life(connection)
    known = {
        Life(row["origin"], row["epoch"]).key: Head(seq=row["seq"], event_id=row["event_id"])
        for row in own_rows.every_sound(connection, "positions")
    }
    own = outbox.head(connection)
    return {**known, me.key: own} if own.seq else known


def is_founded(connection: sqlite3.Connection) -> bool:
    """Whether this database ever belonged to a network that serves."""
    return bool(connection.execute("SELECT founded FROM node").fetchone()[0])
