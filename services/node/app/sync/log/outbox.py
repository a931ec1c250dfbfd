"""The outbox: one append-only log of this node's events. Each life of a peer has a cursor into it
(app.sync.log.cursors).

Reading never deletes.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.database import AlteredRow, Transaction, own_rows
from app.database.file import read_somehow
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.sync.log import cursors
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import ANOTHER_HISTORY, Log, Reported
from app.sync.wire.messages import Head

TRIMMED_A_COMMAND = 2_000  # events; a few milliseconds of the writer

EMPTY_LOG = Head(seq=0, event_id="")
"""The head of a log that has no event."""

_LAST = "SELECT epoch, seq FROM node"

_EVENT = f"SELECT {own_rows.selected('events')} FROM events WHERE epoch = ? AND seq = ?"
_WRITTEN_AT = "SELECT created_at FROM events WHERE epoch = ? AND seq = ?"
# No join: with one, SQLite reads the whole log to find its first row.
_OLDEST = "SELECT COALESCE(MIN(seq), 0) FROM events WHERE epoch = (SELECT epoch FROM node)"
_TRIM_PRESENT = """
    DELETE FROM events WHERE rowid IN
        (SELECT rowid FROM events WHERE epoch = ? AND seq < ? ORDER BY seq LIMIT ?)
"""
_TRIM_ENDED = """
    DELETE FROM events WHERE rowid IN
        (SELECT rowid FROM events
            WHERE epoch IN (SELECT epoch FROM epochs WHERE branch = ? AND epoch != ?)
            AND seq < (SELECT MAX(last.seq) FROM events last WHERE last.epoch = events.epoch)
            ORDER BY epoch, seq LIMIT ?)
"""


@dataclass(frozen=True)
class Backlog:
    """What a peer has not acknowledged: how many events, and when (wall time) the oldest was written. With
    `trimmed` the peer must fetch whole rows, since the log no longer has that event; then `oldest_at` is
    None."""

    pending: int
    oldest_at: float | None
    acknowledged: int
    trimmed: bool = False


def head(connection: sqlite3.Connection) -> Head:
    """This node's own last event. It is the origin while that event's row is altered, until the row is
    replaced."""
    last = connection.execute(_LAST).fetchone()
    row = own_rows.find(connection, "events", "epoch = ? AND seq = ?", last)
    return Head(seq=row["seq"], event_id=row["event_id"]) if row else EMPTY_LOG


def event_at(connection: sqlite3.Connection, epoch: str, seq: int) -> Head | None:
    """This node's event at a seq: the origin for 0, None for an event that it does not have. Raises
    AlteredRow."""
    if seq == 0:
        return EMPTY_LOG
    row = read_somehow(connection, lambda: connection.execute(_EVENT, (epoch, seq)).fetchone())
    if row is None:
        return None
    return Head(seq=seq, event_id=written(row)["event_id"])


def written(row: sqlite3.Row) -> sqlite3.Row:
    """An event as it was selected, if this node wrote it so. Raises AlteredRow."""
    if not own_rows.is_sound("events", row):
        raise AlteredRow("events", f"{row['epoch']}/{row['seq']}")
    return row


def backlog(connection: sqlite3.Connection, peer: str, peer_epoch: str | None) -> Backlog:
    """What one life of a peer still lacks. A life never met has acknowledged nothing. With `peer_epoch` None
    (not met by this process yet), its last known life counts."""
    epoch, last = connection.execute(_LAST).fetchone()
    if peer_epoch is None:
        acknowledged = cursors.last_known(connection, peer, epoch)
    else:
        acknowledged = cursors.acknowledged(connection, peer, peer_epoch, epoch)
    first = connection.execute(_WRITTEN_AT, (epoch, acknowledged + 1)).fetchone()
    return Backlog(
        pending=max(0, last - acknowledged),
        oldest_at=first[0] if first else None,
        acknowledged=acknowledged,
        trimmed=acknowledged < oldest(connection),
    )


def acknowledge(
    tx: Transaction,
    peer: Life,
    position: int,
    event_id: str | None,
    *,
    epoch: str,
    parked: Ranges | None,
) -> bool:
    """Move the cursor of a peer's life. False, with nothing moved, when the peer stored another history: more
    of this node's `epoch` than was written here, or another event at that seq."""
    reported = Reported(epoch, position, event_id, parked)
    if acknowledgement.compare(reported, log_at(tx, reported)) in ANOTHER_HISTORY:
        return False
    cursors.move(tx, *peer, position, epoch=epoch, parked=parked)
    return True


def log_at(tx: Transaction, reported: Reported, *, oldest: int = 0) -> Log:
    """This node's log, with its event at a reported position. Raises AlteredRow as `event_at` does."""
    present = reported.epoch == tx.identity.epoch
    written = event_at(tx.connection, reported.epoch, reported.seq) if present else None
    return Log(tx.identity.epoch, tx.counters.seq, written.event_id if written else None, oldest)


def oldest(connection: sqlite3.Connection) -> int:
    """The lowest position from which the log can still be sent; 0 while nothing was trimmed. A peer below it
    fetches whole rows."""
    first = int(connection.execute(_OLDEST).fetchone()[0])
    return first if first > 1 else 0


def trim(tx: Transaction, lives: Sequence[tuple[str, str | None]], *, most: int) -> bool:
    """Drop events that the present life of every peer has acknowledged (`lives`; None for one never met), and
    those of ended epochs. Returns True while there may be more: each call drops a few, so that no order
    waits.

    Events older than the last `most` go even if a peer lacks them, so that a dead peer cannot fill the disk.
    The newest event that could go stays, to detect a fork, as does the last one of each ended epoch.
    """
    slowest = min((backlog(tx.connection, *life).acknowledged for life in lives), default=0)
    floor = max(slowest, tx.counters.seq - most)
    name, epoch = tx.identity.name, tx.identity.epoch
    present = tx.connection.execute(_TRIM_PRESENT, (epoch, floor, TRIMMED_A_COMMAND))
    ended = tx.connection.execute(_TRIM_ENDED, (name, epoch, TRIMMED_A_COMMAND))
    return TRIMMED_A_COMMAND in (present.rowcount, ended.rowcount)
