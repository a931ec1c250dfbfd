"""The evidence in a run log: the orders that were promised to clients, and what every node showed before,
during and after the run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from branchlab.checking.reads import NodeRead, Surplus, Units, add_read, surplus_of
from branchlab.checking.runlog import Record
from branchlab.nodes.contract import Order, Status, Stock
from branchlab.nodes.keys import same_key

Outcome = Literal["ok", "fail", "info"]
"""`ok` was acknowledged, `fail` certainly did not happen, `info` may or may not have."""

# Faults after which a node may know less than before, and lives another life.
DISK_FAULTS = ("wipe", "restore", "corrupt")


@dataclass
class Operation:
    """One request and how it ended. If its end was never recorded, it counts as unknown (`info`).

    `began` and `ended` are places in the log. An operation that ended before another one began happened
    before it.
    """

    action: str
    node: str
    key: str | None
    request: Mapping[str, Any]
    began: int
    outcome: Outcome = "info"
    response: Any = None
    code: str | None = None
    ended: int | None = None


@dataclass(frozen=True)
class Sample:
    """A node's status at a place in the log; None when it did not answer. The `stock` was read in the life
    that `status` names."""

    node: str
    at: int
    status: Status | None
    stock: Sequence[Stock] = ()


@dataclass(frozen=True)
class Evidence:
    """A run log, sorted.

    - `before` is empty when the run began on a fresh network.
    - With `may_oversell`, units sold too often are no failure if every node lists them.
    - `at_risk` are the orders that nodes declared as stored by no peer before their disks were lost, with the
      place of the last such loss in the log.
    - `disk_events` are the places where a node's disk may have lost something.
    - `alone` says that nobody else could log in to the network.
    - `late` says why the final reads may lack what was on its way; None where the nodes agreed.
    """

    nodes: tuple[str, ...]
    operations: tuple[Operation, ...]
    before: Mapping[str, NodeRead]
    final: Mapping[str, NodeRead]
    may_oversell: bool = False
    at_risk: Mapping[str, int] = field(default_factory=dict)
    disk_events: Mapping[str, Sequence[int]] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    alone: bool = False
    late: str | None = None

    def complete(self) -> dict[str, NodeRead]:
        """The complete final reads, in the network's order."""
        return {node: read for node in self.nodes if (read := self.final.get(node)) and read.complete}

    def gone(self) -> dict[str, Order]:
        """Acknowledged orders that were declared at risk on a lost disk, and that no node shows.

        The declaration alone excuses nothing. Their branch must have lost its disk since they were
        acknowledged, and no branch that kept its disk may have stored them.
        """
        shown = {order["id"] for read in self.final.values() for order in read.orders}
        told = self.acknowledged()
        missing = sorted(self.at_risk.keys() & told.keys() - shown)
        kept = self._kept() if missing else set()
        return {
            id_: told[id_][0].response
            for id_ in missing
            if id_ not in kept and self.lost_disk_after(told[id_][0])
        }

    def _kept(self) -> set[str]:
        """Orders that an answer showed as stored by a node whose disk was not harmed since they were placed.
        After a loss, their branch reports that until it learns of the loss."""
        taken = {id_: answers[0].began for id_, answers in self.acknowledged().items()}
        return {
            order["id"]
            for operation in self.operations
            if operation.action in ("order", "read") and operation.outcome == "ok"
            if (order := operation.response)["id"] in taken
            for node in order["stored_by"]
            if not any(at > taken[order["id"]] for at in self.disk_events.get(node, ()))
        }

    def found(self) -> Units:
        """The most units that clients found on the shelf in counts, and that no row had; those that came back
        before the run without a cancelled order to explain them included."""
        found = self.surplus_before().back
        for operation in self.operations:
            if operation.action == "count" and operation.outcome != "fail":
                found[same_key(operation.request["sku"])] += max(0, -operation.request["gone"])
        return found

    def lost_disk_after(self, operation: Operation) -> bool:
        """Whether a disk event at its node may have destroyed an operation."""
        return any(at > operation.began for at in self.disk_events.get(operation.node, ()))

    def uncancelled(self) -> set[str]:
        """Orders at risk whose acknowledged cancellation may be lost with the disk."""
        return {
            operation.request["order"]
            for operation in self.operations
            if operation.action == "cancel" and operation.outcome == "ok"
            if operation.began < self.at_risk.get(operation.request["order"], 0)
        }

    def acknowledged(self) -> dict[str, list[Operation]]:
        """Order id → the requests that were answered with it."""
        orders: dict[str, list[Operation]] = {}
        for operation in self.operations:
            if operation.action == "order" and operation.outcome == "ok":
                orders.setdefault(operation.response["id"], []).append(operation)
        return orders

    def unresolved(self) -> list[Operation]:
        """One request of each key whose order may exist although no client got an answer."""
        answered = {op.key for op in self.operations if op.action == "order" and op.outcome == "ok"}
        seen: set[str] = set()
        unresolved = []
        for operation in self.operations:
            if operation.action != "order" or operation.outcome != "info" or operation.key in answered:
                continue
            if operation.key is not None and operation.key in seen:
                continue
            seen.add(operation.key or "")
            unresolved.append(operation)
        return unresolved

    def cancellations(self, outcome: Outcome) -> set[str]:
        """Ids of the orders whose cancellation ended so at least once."""
        return {
            operation.request["order"]
            for operation in self.operations
            if operation.action == "cancel" and operation.outcome == outcome
        }

    def spelled(self, sku: str) -> str:
        """A `same_key` in the spelling of some node."""
        reads = [*self.final.values(), *self.before.values()]
        return next((read.stock[sku]["sku"] for read in reads if sku in read.stock), sku)

    def surplus_before(self) -> Surplus:
        """What earlier counts and lost disks left in the stock rows, per sku: the most that any node showed
        at the start beyond what its orders explain."""
        back: Units = Counter()
        sold: Units = Counter()
        for read in self.before.values():
            if read.complete:
                surplus = surplus_of(read)
                back |= surplus.back
                sold |= surplus.sold
        return Surplus(back, sold)

    def marks(self) -> set[str]:
        """The notes by which the run's own orders are told from others; none where it did not mark them."""
        orders = (one.request.get("note") for one in self.operations if one.action == "order")
        return {note for note in orders if note is not None}

    def ids_before(self) -> set[str]:
        return {order["id"] for read in self.before.values() for order in read.orders}

    def final_orders(self) -> dict[str, Order]:
        """Every order that any node showed at the end, once."""
        return {order["id"]: order for read in self.final.values() for order in read.orders}


def collect(records: Iterable[Record]) -> Evidence:
    """Sorts the records of one run log. Faults other than those of disks prove nothing and are left out."""
    collected = _Collected()
    for place, record in enumerate(records):
        collected.add(place, record)
    return Evidence(
        collected.nodes,
        tuple(collected.operations.values()),
        collected.reads["before"],
        collected.reads["final"],
        may_oversell=collected.may_oversell,
        at_risk=collected.at_risk,
        disk_events=collected.disk_events,
        samples=tuple(collected.samples),
        alone=collected.alone,
        late=collected.late,
    )


@dataclass
class _Collected:
    """What was read of a log so far."""

    nodes: tuple[str, ...] = ()
    may_oversell: bool = False
    alone: bool = False
    late: str | None = None
    operations: dict[int, Operation] = field(default_factory=dict)
    reads: dict[str, dict[str, NodeRead]] = field(default_factory=lambda: {"before": {}, "final": {}})
    samples: list[Sample] = field(default_factory=list)
    at_risk: dict[str, int] = field(default_factory=dict)
    disk_events: dict[str, list[int]] = field(default_factory=dict)
    _disk_faults: dict[int, str] = field(default_factory=dict)

    def add(self, place: int, record: Record) -> None:
        kind = record["kind"]
        if kind == "run.start":
            self.nodes = tuple(record["nodes"])
            self.may_oversell = record.get("may_oversell", False)
            self.alone = record.get("alone", False)
        elif kind.startswith("op."):
            self._add_operation(place, kind.removeprefix("op."), record)
        elif kind.startswith("fault."):
            self._add_fault(place, record)
        elif kind == "disk.lost":
            self.at_risk.update(dict.fromkeys(record["at_risk"], place))
            self.disk_events.setdefault(record["node"], []).append(place)
        elif kind == "member.gone":
            self.nodes = tuple(node for node in self.nodes if node != record["node"])
        elif kind == "sample":
            stock = record.get("stock") or ()
            self.samples.append(Sample(record["node"], place, record["status"], stock))
        elif kind == "agreement":
            self.late = None if record["agreed"] else record["why"]
        elif kind.startswith("read."):
            add_read(self.reads[record["phase"]].setdefault(record["node"], NodeRead()), record)

    def _add_operation(self, place: int, end: str, record: Record) -> None:
        if end == "invoke":
            self.operations[record["op"]] = Operation(
                record["action"], record["node"], record["key"], record["request"], place
            )
        elif end in ("ok", "fail", "info"):
            operation = self.operations[record["op"]]
            operation.outcome, operation.ended = cast(Outcome, end), place
            operation.response, operation.code = record.get("response"), record.get("code")

    def _add_fault(self, place: int, record: Record) -> None:
        if record.get("fault") in DISK_FAULTS:
            self._disk_faults[record["id"]] = record["target"]
        if (node := self._disk_faults.get(record["id"])) is not None:
            self.disk_events.setdefault(node, []).append(place)
