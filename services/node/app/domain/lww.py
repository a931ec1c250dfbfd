"""How two versions of a product, customer or user become one. Pure.

Edits are last-writer-wins in logical time, never wall time. Activity is different: a deactivation wins over
every reactivation made without knowledge of it. Both merges are commutative, associative and idempotent, so
order and repetition of messages do not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Stamp:
    """The author of an edit, in logical time. The later lamport wins, then node and epoch by name."""

    lamport: int
    node: str
    epoch: str

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Stamp":
        """The stamp in a canonical row."""
        return cls(row["lamport"], row["stamp_node"], row["stamp_epoch"])

    def as_json(self) -> dict[str, Any]:
        """The fields of the stamp in a canonical row."""
        return {"lamport": self.lamport, "stamp_node": self.node, "stamp_epoch": self.epoch}


@dataclass(frozen=True, order=True)
class Edit:
    """An edit as merging sees it: its stamp, then its content's canonical bytes.

    No two edits of a healthy network share a stamp. If two do (a database rolled back by hand), the bytes
    decide, so that all nodes still choose the same one.
    """

    stamp: Stamp
    content: bytes


def newer(current: Edit, incoming: Edit) -> bool:
    """Whether `incoming` replaces `current`; False for the same edit."""
    return incoming > current


@dataclass(frozen=True)
class Activity:
    """Whether a user may act, as two maps epoch -> lamport.

    `deactivations` holds the last deactivation made in each epoch. `reactivations` holds the deactivations
    that a reactivating admin had seen. The user is active if every deactivation was seen.
    """

    deactivations: Mapping[str, int] = field(default_factory=dict)
    reactivations: Mapping[str, int] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return all(
            lamport <= self.reactivations.get(epoch, 0) for epoch, lamport in self.deactivations.items()
        )

    def deactivated(self, *, epoch: str, lamport: int) -> "Activity":
        """Activity after a deactivation made in `epoch` at `lamport`."""
        return Activity(_pointwise_max(self.deactivations, {epoch: lamport}), self.reactivations)

    def reactivated(self) -> "Activity":
        """The activity after a reactivation by an admin who has seen these deactivations and no others."""
        return Activity(self.deactivations, _pointwise_max(self.reactivations, self.deactivations))

    def merge(self, other: "Activity") -> "Activity":
        return Activity(
            _pointwise_max(self.deactivations, other.deactivations),
            _pointwise_max(self.reactivations, other.reactivations),
        )


def _pointwise_max(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {epoch: max(left.get(epoch, 0), right.get(epoch, 0)) for epoch in sorted({*left, *right})}
