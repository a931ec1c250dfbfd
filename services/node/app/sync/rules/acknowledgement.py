"""What a peer's position in this node's log says, as hello and receipts report it. Pure decisions: whether
this disk wrote that event, and where the peer's cursor goes."""

from enum import Enum, auto
from typing import NamedTuple

from app.domain.ranges import Ranges


class Reported(NamedTuple):
    """What one life of a peer reports of a log: up to which event of which `epoch` it has it, and what of
    that it keeps `parked`. None of either stands for: it does not say."""

    epoch: str
    seq: int
    event_id: str | None = None
    parked: Ranges | None = None


class Log(NamedTuple):
    """This node's log as it stands: the present `epoch`, the seq of its last event, and the id of the event
    at the seq that a peer reports, None if it has no such event. What is below `oldest` was trimmed; 0 where
    nothing was, or where that makes no difference."""

    epoch: str
    end: int
    event_id: str | None = None
    oldest: int = 0


class Finding(Enum):
    """How a reported position and this node's log go together."""

    WRITTEN = auto()
    """This disk wrote that event."""
    STALE = auto()
    """The position is one in the log of another epoch, and says nothing of this one."""
    BEYOND = auto()
    """The log ends before it: the peer has what this disk does not know that it wrote."""
    OTHER = auto()
    """This disk wrote another event there."""
    TRIMMED = auto()
    """That event is not kept any more, so it cannot be compared."""
    MISSING = auto()
    """That event should be in the log, and is not."""


ANOTHER_HISTORY = (Finding.BEYOND, Finding.OTHER)
"""What the peer stored was not written by this disk as it is now: it went back to an older copy of itself, or
it was copied."""


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
    """How far one life of a peer acknowledged the present epoch's events, and which of these it keeps
    parked."""

    acknowledged: int
    parked: Ranges = ()


def move(cursor: Cursor, reported: Reported, log: Log) -> Cursor | None:
    """Where a cursor goes: to the position that was reported, also backwards, never beyond what was written.
    None where there is nothing to store: for a position in another epoch, and where all was known. (A cursor
    at 0 may not be stored yet.)

    Of a peer that does not say what it keeps parked, all that it has more than before may be, until it says.
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
