"""Whether a peer's batch is the next one: a pure decision, made before any of it is applied."""

from enum import Enum, auto

from app.sync.rules.position import Position


class Admission(Enum):
    """What to do with a batch."""

    APPLY = auto()
    """Apply it: it begins at the known position of its origin's epoch."""
    DUPLICATE = auto()
    """Change nothing: all of it was applied before."""
    GAP = auto()
    """Refuse it: it does not begin at the known position."""
    FORK = auto()
    """Refuse it: its origin has another event at a known seq, which is another history."""
    DEAD_EPOCH = auto()
    """Refuse it: its origin's epoch is over."""
    WRONG_EPOCH = auto()
    """Refuse it: it is meant for another epoch of this node."""


def admit(
    after: Position, through: Position, *, known: Position, is_over: bool, to_epoch: str, present: str
) -> Admission:
    """What to do with a batch that holds the events after the position `after`, up to `through`.

    `known` is the position of this node at the origin's epoch, and `is_over` whether that epoch is known to
    be over. The batch was made for this node's `to_epoch`; its epoch now is `present`. The end is compared
    first: a repeated batch is a duplicate wherever it begins.
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
