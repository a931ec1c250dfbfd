"""Whether a peer's batch is the next one: a pure decision before anything of it is applied."""

from enum import Enum, auto

from app.sync.rules.position import Position


class Admission(Enum):
    """What becomes of a batch."""

    APPLY = auto()
    """It continues what is known of its origin's epoch."""
    DUPLICATE = auto()
    """All of it was applied before: it changes nothing."""
    GAP = auto()
    """It begins elsewhere than at the known position, before or beyond it."""
    FORK = auto()
    """Its origin has another event at a known seq: another history."""
    DEAD_EPOCH = auto()
    """Its origin's epoch is over: nothing of it counts."""
    WRONG_EPOCH = auto()
    """It is meant for another epoch of this node."""


def admit(
    after: Position, through: Position, *, known: Position, is_over: bool, to_epoch: str, present: str
) -> Admission:
    """What becomes of a batch of the events beyond `after` up to `through`, made for this node's `to_epoch`.
    `known` is the position up to which its origin's epoch is applied here, `is_over` whether that epoch is
    known to be over, `present` this node's epoch.

    The end is compared first: a batch that comes again is a duplicate wherever it begins.
    """
    if is_over:
        return Admission.DEAD_EPOCH
    if to_epoch != present:
        return Admission.WRONG_EPOCH
    if through.seq == known.seq and through != known:
        return Admission.FORK
    if through.seq <= known.seq:
        return Admission.DUPLICATE
    if after.seq != known.seq:
        return Admission.GAP
    return Admission.APPLY if after == known else Admission.FORK
