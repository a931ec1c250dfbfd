"""Pure decisions about a position that a peer reports in a hello or a receipt: did this disk write that
event, and where does the peer's cursor go?"""

from enum import Enum, auto
from typing import NamedTuple

from app.domain.ranges import Ranges


class Reported(NamedTuple):
    """The position that one life of a peer reports in the log of `epoch`. The peer has every event up to
    `seq`, and keeps `parked` of them parked. With `event_id` or `parked` None, it did not report that."""

    epoch: str
    seq: int
    event_id: str | None = None
    parked: Ranges | None = None


class Log(NamedTuple):
    """This node's log at the moment of the comparison. `epoch` is the present one, `end` the seq of its last
    event.

    `event_id` is the id of this node's event at the reported seq, or None if it has none. Events below
    `oldest` were trimmed; 0 means that none was, or that it makes no difference.
    """

    epoch: str
    end: int
    event_id: str | None = None
    oldest: int = 0


class Finding(Enum):
    """How a reported position fits this node's log."""

    WRITTEN = auto()
    """This disk wrote that event."""
    STALE = auto()
    """The position is in the log of another epoch. It says nothing about this one."""
    BEYOND = auto()
    """The log ends before the position: the peer has events that this disk does not have."""
    OTHER = auto()
    """This disk wrote another event at that seq."""
    TRIMMED = auto()
    """The log no longer keeps that event, so it cannot be compared."""
    MISSING = auto()
    """The log should have that event and does not."""


ANOTHER_HISTORY = (Finding.BEYOND, Finding.OTHER)
"""The findings that prove two histories: the peer stored events that this disk, as it is now, did not write.
The disk went back to an older copy of itself, or it was copied."""


def compare(reported: Reported, log: Log) -> Finding:
    """Whether this disk wrote the event that a peer reports."""
    if reported.epoch != log.epoch:
        return Finding.STALE
    if reported.seq > log.end:
        return Finding.BEYOND
    if reported.seq < log.oldest:
        return Finding.TRIMMED
    if log.event_id is None:
        return Finding.MISSING
    return Finding.WRITTEN if reported.event_id in (None, log.event_id) else Finding.OTHER


class Cursor(NamedTuple):
    """One life of a peer in the present epoch's log: it acknowledged every event up to `acknowledged`, and
    keeps `parked` of them parked."""

    acknowledged: int
    parked: Ranges = ()


def move(cursor: Cursor, reported: Reported, log: Log) -> Cursor | None:
    """The cursor after a report: at the reported position, which may be further back, but never beyond the
    log's end.

    None means that there is nothing to store: the position is in another epoch, or nothing changed. (A cursor
    at 0 may not be stored yet.) If the peer does not report what it keeps parked, all events between the old
    and the new position count as parked until it reports.
    """
    if reported.epoch != log.epoch:
        return None
    seq = min(reported.seq, log.end)
    before = [*cursor.parked]
    if reported.parked is not None:
        after = [*reported.parked]
    elif seq > cursor.acknowledged:
        after = [*before, (cursor.acknowledged + 1, seq)]
    else:
        after = before
    known = seq > 0 and (seq, after) == (cursor.acknowledged, before)
    return None if known else Cursor(seq, after)
