"""Batches: the next part of the log for a peer, with the bodies of its events."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from pydantic_core import to_json

from app.database import AlteredRow, own_rows
from app.database.file import read_somehow
from app.state.tables.row_sql import within
from app.sync.log import cursors, outbox
from app.sync.log.recent_cuts import Cut, RecentCuts
from app.sync.rules.batch_size import SMALLEST, BatchSize
from app.sync.wire.errors import Trimmed
from app.sync.wire.kinds import KINDS, read_together
from app.sync.wire.messages import SCHEMA_VERSION, Head, Span

MOST_BYTES = 7 << 20
"""Of the events in a batch, where it has more than one command: less than a receiver takes as one message."""

MOST_PARTS = 10_000
"""Of a batch with more than one command: lines of orders, and rows and grants of stock."""

_NODE = "SELECT name, epoch, seq, lamport FROM node"
_EVENTS = (
    f"SELECT {own_rows.selected('events')} FROM events WHERE epoch = ? AND seq > ? AND seq <= ? ORDER BY seq"
)
_COMMAND_END = "SELECT MIN(seq) FROM events WHERE epoch = ? AND seq >= ? AND command_end = 1"
_PARTS = """
    SELECT (SELECT COUNT(*) FROM order_lines WHERE order_id = value)
        + (SELECT COUNT(*) FROM stock WHERE product_id = value)
        + (SELECT COUNT(*) FROM stock_grants WHERE product_id = value)
    FROM json_each(?)
"""


def next_cut(
    connection: sqlite3.Connection,
    *,
    peer: str,
    peer_epoch: str,
    size: BatchSize = SMALLEST,
    behind: Span | None = None,
    recent: RecentCuts | None = None,
) -> Cut | None:
    """The next batch for a peer's life, read in this one transaction; None when the peer lacks nothing. It
    begins at the life's cursor, or behind a batch that is under way to it. It may be one of the `recent`,
    which were read for other peers.

    Raises Trimmed when the log no longer has what the peer lacks, AlteredRow for a missing or altered row. A
    batch ends at the end of a command, so it may exceed its size by one. An entity's state that appears
    several times is sent once: its newest form, at its first place. However many events there are, the bodies
    take a few statements.
    """
    name, epoch, head_seq, lamport = connection.execute(_NODE).fetchone()
    if behind is None:
        start = cursors.acknowledged(connection, peer, peer_epoch, epoch)
    elif behind.epoch == epoch:
        start = behind.through.seq
    else:
        return None
    if start >= head_seq:
        return None
    if start < outbox.oldest(connection):
        raise Trimmed(peer)
    if recent is not None:
        found = recent.find(epoch=epoch, start=start, head=head_seq, to_epoch=peer_epoch, size=size)
        if found is not None:
            return found
    after = outbox.event_at(connection, epoch, start)
    rows = _whole_commands(connection, epoch, start, head_seq, most=size.events)
    if after is None or not rows:
        return None
    events, last = _events(connection, rows, most_bytes=size.bytes)
    span = Span(
        origin=name,
        epoch=epoch,
        to_epoch=peer_epoch,
        after=after,
        through=last,
        lamport=lamport,
    )
    cut = Cut(span, events, more=last.seq < head_seq)
    if recent is not None:
        recent.keep(cut, size=size)
    return cut


def _events(
    connection: sqlite3.Connection, rows: Sequence[sqlite3.Row], *, most_bytes: int
) -> tuple[bytes, Head]:
    """The JSON of the events that say what these of the log do, or of the first of them up to the end of a
    command; and where they end."""
    rows, needed = _not_too_many_parts(connection, rows)
    told = _with_bodies(connection, needed)
    events: list[bytes] = []
    size = whole = 0
    last: Head | None = None
    for row in rows:
        event = told.get(row["seq"])
        if event is not None:
            events.append(event)
            size += len(event)
        if row["command_end"]:
            if last is not None and size > MOST_BYTES:
                break
            last, whole = Head(seq=row["seq"], event_id=row["event_id"]), len(events)
            if size >= most_bytes:
                break
    assert last is not None, "the range ends at the end of a command"
    return b",".join(events[:whole]), last


def _whole_commands(
    connection: sqlite3.Connection, epoch: str, after: int, head_seq: int, *, most: int
) -> list[sqlite3.Row]:
    end = None
    if head_seq > after + most:
        end = connection.execute(_COMMAND_END, (epoch, after + most)).fetchone()[0]
    last = head_seq if end is None else end
    rows = read_somehow(connection, lambda: connection.execute(_EVENTS, (epoch, after, last)).fetchall())
    for seq, row in enumerate(rows, after + 1):
        if not own_rows.is_sound_event(row):
            outbox.written(row)
        if row["seq"] != seq:
            raise AlteredRow("events", f"{epoch}/{seq}")
    if len(rows) < last - after:
        raise AlteredRow("events", f"{epoch}/{after + len(rows) + 1}")
    return rows


def _not_superseded(rows: Iterable[sqlite3.Row]) -> list[sqlite3.Row]:
    """The events that need a body: of states, the first of each entity, which gets the newest."""
    found: list[sqlite3.Row] = []
    sent: set[tuple[str, str]] = set()
    for row in rows:
        kind, state = KINDS.get(row["kind"]), (row["kind"], row["entity"])
        if state not in sent or not (kind is None or kind.coalesces):
            found.append(row)
            sent.add(state)
    return found


def _not_too_many_parts(
    connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]
) -> tuple[Sequence[sqlite3.Row], list[sqlite3.Row]]:
    """The first of these events, up to the end of a command, whose bodies have no more than MOST_PARTS: at
    least one command. And those of them that need a body."""
    told = _not_superseded(rows)
    parts = connection.execute(_PARTS, (json.dumps([row["entity"] for row in told]),))
    few = within(parts.fetchall(), most=MOST_PARTS)
    if few == len(told):
        return rows, told
    ends = [number for number, row in enumerate(rows, 1) if row["command_end"]]
    most = told[few]["seq"] - rows[0]["seq"]  # the log has no holes
    fewer = rows[: max([ends[0], *(end for end in ends if end <= most)])]
    return fewer, _not_superseded(fewer)


def _with_bodies(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> dict[int, bytes]:
    """The events with their bodies, as the JSON of a WireEvent, by seq."""
    bodies = read_together(connection, [(row["kind"], row["entity"]) for row in rows])
    found: dict[int, bytes] = {}
    for row, (body, revisions) in zip(rows, bodies, strict=True):
        _, seq, event_id, kind, entity, lamport, *_ = row
        event = {
            "seq": seq,
            "event_id": event_id,
            "kind": kind,
            "entity": entity,
            "schema_version": SCHEMA_VERSION,
            "lamport": lamport,
            "revisions": revisions,
            "body": body,
        }
        found[seq] = to_json(event)
    return found
