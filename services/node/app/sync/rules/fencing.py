"""What a node does about evidence that its epoch is over: a pure decision."""

from enum import Enum, auto


class Fencing(Enum):
    """What follows from evidence against an epoch of this node."""

    IGNORE = auto()
    """Nothing."""
    BEGIN_AGAIN = auto()
    """The epoch ends, and the node begins another one."""
    FENCE = auto()
    """The epoch ends, and the node stops serving."""


def decide(epoch: str, *, present: str, reborn: bool, fenced: bool, closed: bool) -> Fencing:
    """What follows from evidence against `epoch`, at a node whose present epoch is `present`.

    `reborn` says that this process has already begun another epoch, `fenced` that it has stopped serving, and
    `closed` that its branch is decommissioned. A process begins another epoch only once: two processes with
    one identity would end each other's epochs for ever.
    """
    if epoch != present or closed:  # old news; and a decommissioned branch has no other life to begin
        return Fencing.IGNORE
    if not reborn:
        return Fencing.BEGIN_AGAIN
    return Fencing.IGNORE if fenced else Fencing.FENCE
