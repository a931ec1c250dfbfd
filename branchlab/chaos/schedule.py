"""Which node is broken when, and how: decided by a seed before anything happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from branchlab.chaos.words import said

Kind = Literal["pause", "stop"]

_PAUSE_BETWEEN_SECONDS = (1.0, 5.0)
_FAULT_SECONDS = (2.0, 8.0)


@dataclass(frozen=True)
class Fault:
    """One node broken from `begins` to `ends`, in seconds since the schedule's start."""

    node: str
    kind: Kind
    begins: float
    ends: float

    def __str__(self) -> str:
        return said("fault", kind=said(self.kind), node=self.node, seconds=self.ends - self.begins)


def plan(nodes: Sequence[str], *, seconds: float, seed: int) -> tuple[Fault, ...]:
    """Faults one after the other, so that the other nodes can always sell; all have ended after `seconds`.

    The same nodes, seconds and seed give the same schedule everywhere.
    """
    random = Random(seed)
    faults: list[Fault] = []
    ends = 0.0
    while True:
        begins = ends + random.uniform(*_PAUSE_BETWEEN_SECONDS)
        ends = begins + random.uniform(*_FAULT_SECONDS)
        fault = Fault(random.choice(nodes), random.choice(get_args(Kind)), begins, ends)
        if ends > seconds:
            return tuple(faults)
        faults.append(fault)
