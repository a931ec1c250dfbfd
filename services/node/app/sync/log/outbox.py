"""The outbox: one append-only log of this node's events. Each life of a peer has a cursor into it
(app.sync.log.cursors).

Reading never deletes.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.database import AlteredRow, Transaction, own_rows
from app.database.file import read_somehow
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.state.registry import replicated
from app.sync.log import cursors
from app.sync.rules import acknowledgement
from app.sync.rules.acknowledgement import ANOTHER_HISTORY, Log, Reported
from app.sync.wire.errors import Trimmed
from app.sync.wire.kinds import KINDS, read_unknown
from app.sync.wire.messages import SCHEMA_VERSION, Batch, Head, WireEvent

BATCH_EVENTS = 500
BATCH_BYTES = 1 << 20
TRIMMED_A_COMMAND = 2_000  # events; a few milliseconds of the writer

ORIGIN = Head(seq=0, event_id="")
"""The position before a log's first event."""

_NODE = "SELECT name, epoch, seq, lamport FROM node"
_LAST = "SELECT epoch, seq FROM node"

_EVENT = f"SELECT {own_rows.selected('events')} FROM events WHERE epoch = ? AND seq = ?"
_EVENTS = (
    f"SELECT {own_rows.selected('events')} FROM events WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY seq"
)
_WRITTEN_AT = "SELECT created_at FROM events WHERE epoch = ? AND seq = ?"
_COMMAND_END = "SELECT MIN(seq) FROM events WHERE epoch = ? AND seq >= ? AND command_end = 1"
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
            LIMIT ?)
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
    return Head(seq=row["seq"], event_id=row["event_id"]) if row else ORIGIN


def event_at(connection: sqlite3.Connection, epoch: str, seq: int) -> Head | None:
    """This node's event at a seq: the origin for 0, None for an event that it does not have. Raises
    AlteredRow."""
    if seq == 0:
        return ORIGIN
    row = read_somehow(connection, lambda: connection.execute(_EVENT, (epoch, seq)).fetchone())
    if row is None:
        return None
    return Head(seq=seq, event_id=_written(row)["event_id"])


def _written(row: sqlite3.Row) -> sqlite3.Row:
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


def next_batch(connection: sqlite3.Connection, *, peer: str, peer_epoch: str) -> Batch | None:
    """The next batch for a peer's life, read in this one transaction; None when the peer lacks nothing.

    Raises Trimmed when the log no longer has what the peer lacks, AlteredRow for a missing or altered row. A
    batch ends at the end of a command, so it may exceed its limits by one. An entity's state that appears
    several times is sent once: its newest form, at its first place.
    """
    name, epoch, head_seq, lamport = connection.execute(_NODE).fetchone()
    start = cursors.acknowledged(connection, peer, peer_epoch, epoch)
    if start >= head_seq:
        return None
    if start < oldest(connection):
        raise Trimmed(peer)
    after = event_at(connection, epoch, start)
    rows = _whole_commands(connection, epoch, start, head_seq)
    if after is None or not rows:
        return None
    events: list[WireEvent] = []
    sent: set[tuple[str, str]] = set()
    size = 0
    last = None
    for row in rows:
        event = _with_body(connection, row, sent)
        if event is not None:
            events.append(event)
            size += len(json.dumps(event.body))
        if row["command_end"]:
            last = Head(seq=row["seq"], event_id=row["event_id"])
            if size >= BATCH_BYTES:
                break
    assert last is not None, "the range ends at the end of a command"
    return Batch(
        origin=name,
        epoch=epoch,
        to_epoch=peer_epoch,
        after=after,
        through=last,
        lamport=lamport,
        events=[event for event in events if event.seq <= last.seq],
    )


def _whole_commands(
    connection: sqlite3.Connection, epoch: str, after: int, head_seq: int
) -> list[sqlite3.Row]:
    end = None
    if head_seq > after + BATCH_EVENTS:
        end = connection.execute(_COMMAND_END, (epoch, after + BATCH_EVENTS)).fetchone()[0]
    last = head_seq if end is None else end
    rows = read_somehow(connection, lambda: connection.execute(_EVENTS, (epoch, after, last)).fetchall())
    for seq, row in enumerate(rows, after + 1):
        if _written(row)["seq"] != seq:
            raise AlteredRow("events", f"{epoch}/{seq}")
    if len(rows) < last - after:
        raise AlteredRow("events", f"{epoch}/{after + len(rows) + 1}")
    return rows


def _with_body(
    connection: sqlite3.Connection, row: sqlite3.Row, sent: set[tuple[str, str]]
) -> WireEvent | None:
    kind = KINDS.get(row["kind"])
    state = (row["kind"], row["entity"])
    if (kind is None or kind.coalesces) and state in sent:
        return None
    sent.add(state)
    if kind is None:  # this node wrote it as a newer version, and went back
        body, revisions = read_unknown(connection, row["entity"])
    else:
        body, revisions = kind.read(connection, row["entity"]), replicated.told_revisions()
    return WireEvent(
        seq=row["seq"],
        event_id=row["event_id"],
        kind=row["kind"],
        entity=row["entity"],
        schema_version=SCHEMA_VERSION,
        lamport=row["lamport"],
        revisions=dict(revisions),
        body=body,
    )
