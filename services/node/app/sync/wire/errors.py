"""What a node answers a peer whose message it cannot take, as data."""

from dataclasses import dataclass

from app.sync.wire.messages import Head


class ReplicaError(Exception):
    """Base of all refusals between nodes."""


@dataclass(eq=False)
class WrongEpoch(ReplicaError):
    """The message is meant for another life of this node; `epoch` is the present one."""

    epoch: str


@dataclass(eq=False)
class Gap(ReplicaError):
    """The batch does not continue what is known; `position` says where this node is."""

    position: Head


@dataclass(eq=False)
class Fork(ReplicaError):
    """The sender's history differs from what it told before: another event at the same seq."""

    origin: str
    seq: int


@dataclass(eq=False)
class StaleIncarnation(ReplicaError):
    """A later process of this very life has said hello: the sender runs on a copy or on an older state."""

    node: str


@dataclass(eq=False)
class Incompatible(ReplicaError):
    """The peer belongs to another cluster or speaks no common protocol; `reason` is a snake_case word."""

    reason: str


@dataclass(eq=False)
class NotTheSender(ReplicaError):
    """The message speaks for somebody else than its X-Replica-Token does, or the sender is no peer of
    this node."""

    sender: str


@dataclass(eq=False)
class Trimmed(ReplicaError):
    """The outbox no longer holds what this peer lacks: it has to fetch whole rows."""

    peer: str


class Unreachable(ReplicaError):
    """No answer came: refused, reset, or timed out. The message may or may not have arrived."""
