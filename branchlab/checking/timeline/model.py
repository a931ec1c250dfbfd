"""The parts of a timeline: what a screen shows of nodes, faults, orders and promises."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from branchlab.checking.checker.finding import Promise
from branchlab.checking.runlog import Record
from branchlab.networks.drivers import NodeState
from branchlab.nodes.contract import Status

Link = tuple[str, str]
"""(sender, receiver)"""

Outcome = Literal["created", "conflict", "unauthorized", "forbidden", "other", "broken", "unanswered"]
"""How one order request ended:

created        201
conflict       409: out of stock, or a key that was used otherwise
unauthorized   401
forbidden      403
other          another refusal, such as 422, or of a node that is not ready
broken         a 5xx: nobody can say what the node did
unanswered     no connection, a time-out, or a broken one
"""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_BY_STATUS: Mapping[int, Outcome] = {
    0: "unanswered",
    401: "unauthorized",
    403: "forbidden",
    409: "conflict",
}

NODE_FAULTS = ("stop", "pause", "kill", "wipe", "restore", "corrupt", "fill")
"""Faults whose target is a node; those of links are named by their pairs."""

Result = Literal["PASS", "FAIL", "UNKNOWN"]
PROMISES: tuple[Promise, ...] = get_args(Promise)


def outcome_of(record: Record) -> Outcome:
    """How the request of an `op.ok`, `op.fail` or `op.info` ended."""
    if record["kind"] == "op.ok":
        return "created"
    if record["kind"] == "op.fail":
        return _BY_STATUS.get(record["status"], "other")
    return "broken" if str(record.get("reason", ""))[:1] == "5" else "unanswered"


@dataclass
class Band:
    """A fault in time. `requested`, `active` and `healed` are three moments: a fault is felt some time after
    somebody asked for it, and `healed` is None while it lasts. `seen` says that the nodes told of it, not
    whoever made it. `ended` is how: by a person, or by its lease."""

    id: int
    fault: str
    target: str
    requested: float
    active: float | None = None
    healed: float | None = None
    lease_seconds: float | None = None
    seen: bool = False
    ended: Literal["healed", "lease"] = "healed"

    @property
    def links(self) -> tuple[Link, ...]:
        """The directed links that it breaks; none for a fault of a node."""
        return links_in(self.target)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it touches, the ends of its links included."""
        return tuple(dict.fromkeys(name for link in self.links for name in link)) or (self.target,)

    def is_open_at(self, moment: float) -> bool:
        """Whether it was asked for by then, and not healed."""
        return self.requested <= moment and (self.healed is None or self.healed > moment)


def links_in(target: str) -> tuple[Link, ...]:
    """The directed links of `a↔b, c→d`, as a run log names them."""
    links: list[Link] = []
    for pair in target.split(", "):
        for arrow in ("↔", "→"):
            sender, found, receiver = pair.partition(arrow)
            if found:
                links += [(sender, receiver), *([(receiver, sender)] if arrow == "↔" else [])]
                break
    return tuple(links)


@dataclass
class NodeView:
    """The last that is known of a node. `status` is its newest answer and `heard` when it came, also where it
    has been silent since; `asked` is when it was asked last, and `answers` whether it answered then."""

    name: str
    status: Status | None = None
    heard: float | None = None
    asked: float | None = None
    answers: bool | None = None
    state: NodeState | None = None

    def age(self, now: float) -> float | None:
        """How old the newest answer is; None where there never was one."""
        return None if self.heard is None else max(0.0, now - self.heard)


@dataclass(frozen=True)
class Opinion:
    """What the checker said at one moment: of the run as a whole, and of each promise. None: it was not put
    to the test."""

    at: float
    result: Result
    promises: Mapping[str, Result | None]
    problems: tuple[str, ...] = ()
    acknowledged: int = 0
    is_final: bool = False


@dataclass
class Second:
    """The order requests that ended within one second of the run."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
