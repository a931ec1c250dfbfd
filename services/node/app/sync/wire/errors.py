"""Refusals between nodes, as data: what a node answers to a message that it cannot accept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.database import StorageError
from app.database.kept_totals import Pool
from app.sync.wire.messages import Head

ANOTHER_CLUSTER, NO_COMMON_PROTOCOL = "another_cluster", "no_common_protocol"
"""The reasons of Incompatible."""


class ReplicaError(Exception):
    """Base of all refusals between nodes."""


@dataclass(eq=False)
class WrongEpoch(ReplicaError):
    """The message is meant for another epoch of this node. `epoch` is the present one."""

    epoch: str


@dataclass(eq=False)
class Gap(ReplicaError):
    """The batch does not begin at the known position. `position` is this node's."""

    position: Head


@dataclass(eq=False)
class Fork(ReplicaError):
    """The sender's history differs from the one it sent before: another event has the same seq."""

    origin: str
    seq: int


@dataclass(eq=False)
class StaleIncarnation(ReplicaError):
    """A later process of the same epoch has said hello. The sender runs on a copy of the disk, or on an older
    state."""

    node: str


@dataclass(eq=False)
class Incompatible(ReplicaError):
    """The peer belongs to another network (ANOTHER_CLUSTER), or has no protocol version in common
    (NO_COMMON_PROTOCOL). To the latter a refusal says what is known of its life: the `position` in its log,
    and the versions of its own stock rows that are newer than its hello said (`ahead`)."""

    reason: str
    position: Head | None = None
    ahead: Mapping[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class NotTheSender(ReplicaError):
    """The message names another sender than its X-Replica-Token does, or the sender is no peer of this
    node."""

    sender: str


@dataclass(eq=False)
class Trimmed(ReplicaError):
    """The log no longer has what this peer lacks. The peer must fetch whole rows."""

    peer: str


class Unreachable(ReplicaError):
    """No answer came: refused, reset, or timed out. The message may or may not have arrived."""


class KeptFull(StorageError):
    """More than `limit` bytes would be kept here for `branch` of what cannot be used yet. Nothing of the
    message was stored; its sender keeps it. It would have come to `wanted` bytes of that `pool`."""

    def __init__(self, branch: str, limit: int, *, pool: Pool = "own", wanted: int = 0) -> None:
        super().__init__(f"more than {limit} bytes would be kept for {branch} of what cannot be used yet")
        self.branch = branch
        self.limit = limit
        self.pool = pool
        self.wanted = wanted
