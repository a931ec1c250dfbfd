"""The cursors: how far each life of a peer has acknowledged this node's events, and which of them it parked.

Only a peer's own report moves its cursor, to the position that the peer reports.
"""

import sqlite3

from app.database import Transaction, own_rows
from app.domain.ranges import Ranges
from app.state.tables.life_table import LIVING_CURSORS
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import Cursor, Log, Reported

_PLACE = "peer = ? AND peer_epoch = ? AND epoch = ?"
_SET_CURSOR = f"""
    INSERT {own_rows.into("cursors", "updated_at")}
    ON CONFLICT (peer, peer_epoch, epoch) DO UPDATE SET
        acknowledged = excluded.acknowledged, checksum = excluded.checksum, updated_at = excluded.updated_at
"""
_LAST_KNOWN_CURSOR = f"""
    SELECT acknowledged FROM {LIVING_CURSORS} WHERE peer = ? AND epoch = ? ORDER BY updated_at DESC LIMIT 1
"""

_PARKED = f"SELECT first_seq, last_seq FROM parked_elsewhere WHERE {_PLACE} ORDER BY first_seq"
_FORGET_PARKED = f"DELETE FROM parked_elsewhere WHERE {_PLACE}"
_ADD_PARKED = """
    INSERT OR REPLACE INTO parked_elsewhere (peer, peer_epoch, epoch, first_seq, last_seq)
    VALUES (?, ?, ?, ?, ?)
"""


def acknowledged(connection: sqlite3.Connection, peer: str, peer_epoch: str, epoch: str) -> int:
    """How far one life of a peer has acknowledged this epoch's events; 0 if it never did."""
    row = own_rows.find(connection, "cursors", _PLACE, (peer, peer_epoch, epoch))
    return int(row["acknowledged"]) if row else 0


def parked_at(
    connection: sqlite3.Connection, peer: str, peer_epoch: str, epoch: str
) -> list[tuple[int, int]]:
    """The seqs of this epoch's events that one life of a peer keeps parked, as it last reported, as
    ranges."""
    rows = connection.execute(_PARKED, (peer, peer_epoch, epoch))
    return [(row[0], row[1]) for row in rows]


def move(
    tx: Transaction,
    peer: str,
    peer_epoch: str,
    position: int,
    *,
    epoch: str,
    parked: Ranges | None = (),
) -> None:
    """Set a life's cursor to the position it reported for this node's `epoch`, and store which events it
    keeps `parked`. The cursor may move back, never beyond the log's end. A report about an ended epoch moves
    nothing.

    `parked` None means that the peer did not report it: then all that it newly acknowledged may be parked.
    """
    before = Cursor(
        acknowledged(tx.connection, peer, peer_epoch, epoch),
        parked_at(tx.connection, peer, peer_epoch, epoch),
    )
    reported = Reported(epoch, position, parked=parked)
    moved = acknowledgement.move(before, reported, Log(tx.identity.epoch, tx.counters.seq))
    if moved is None:
        return  # as every hello of an idle peer says: nothing to make durable
    tx.effects.acknowledged = True
    place = (peer, peer_epoch, epoch)
    seal = own_rows.sealed("cursors", *place, moved.acknowledged)
    tx.connection.execute(_SET_CURSOR, (*place, moved.acknowledged, seal, tx.now))
    tx.connection.execute(_FORGET_PARKED, place)
    tx.connection.executemany(
        _ADD_PARKED, [(*place, first, last) for first, last in moved.parked if 1 <= first <= last]
    )


def last_known(connection: sqlite3.Connection, peer: str, epoch: str) -> int:
    """How far the last known living life of a peer has acknowledged an epoch's events; 0 if none did."""
    row = connection.execute(_LAST_KNOWN_CURSOR, (peer, epoch)).fetchone()
    return int(row[0]) if row else 0
