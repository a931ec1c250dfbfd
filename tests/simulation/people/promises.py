"""Clients' requests and answers in a history: everything that the verdict checks the nodes for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from branchlab.checking.evidence import Outcome


@dataclass
class OrderAsked:
    """An order as its client knows it. `outcome` is None while no answer came.

    `earlier` are the ids that it had before its branch's disk forgot it, or has at the other one of two
    disks, each with the outcome of cancelling it.
    """

    key: str
    branch: str
    customer: str
    units: Mapping[str, int]
    outcome: Outcome | None = None
    order_id: str | None = None
    cancel: Outcome | None = None
    earlier: dict[str, Outcome | None] = field(default_factory=dict)


@dataclass
class Received:
    """Units of one product that clients received or removed: acknowledged, and perhaps."""

    sure: int = 0
    perhaps: int = 0


@dataclass
class Promises:
    """Everything that clients requested, and what of it may be missing. `operations` counts requests,
    repeated ones included.

    - `left` are users who were deactivated for good, each with the branch that acknowledged it first.
    - `wiped` counts lost disks by branch, including those that went back, which `restored` counts too.
      `cloned` are those of them that were thrown away after two processes had run on copies of one.
    - `at_risk` are versions of orders that only a lost disk had, by id. `units_at_risk` are received and
      removed units that only a lost disk had, by cell and column.
    - `suppliers` are those that the next version created, by code, each with the branches that acknowledged
      them. `newer_orders` are the ids of the orders that it wrote, whether or not they were committed.
    """

    orders: dict[str, OrderAsked] = field(default_factory=dict)
    received: dict[str, Received] = field(default_factory=dict)
    removed: dict[str, Received] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    operations: int = 0
    wiped: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    cloned: dict[str, int] = field(default_factory=dict)
    at_risk: dict[str, int] = field(default_factory=dict)
    units_at_risk: dict[tuple[str, str, str], dict[str, int]] = field(default_factory=dict)
    suppliers: dict[str, set[str]] = field(default_factory=dict)
    newer_orders: set[str] = field(default_factory=set)

    def count(self, kind: str, outcome: Any) -> None:
        """Count one request by its kind and outcome."""
        self.operations += 1
        name = f"{kind} {outcome}"
        self.outcomes[name] = self.outcomes.get(name, 0) + 1
