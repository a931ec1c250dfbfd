"""What a run log proves: which orders clients were promised, and what every node showed before and after."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.contract import Order, Stock
from lab.runlog import Record

Outcome = Literal["ok", "fail", "info"]
Units = Counter[str]  # sku (as `same_key`) → units


def same_key(key: str) -> str:
    """The form in which two spellings of one sku or customer code are equal, as nodes treat them."""
    return unicodedata.normalize("NFKC", key).strip().casefold()


def units_of(lines: Iterable[Mapping[str, Any]]) -> Units:
    """Units per sku over the lines of one order or request."""
    units: Units = Counter()
    for line in lines:
        units[same_key(line["sku"])] += line["quantity"]
    return units


@dataclass
class Operation:
    """One request and how it ended; one whose end was never recorded counts as unknown (`info`)."""

    action: str
    node: str
    key: str | None
    request: Mapping[str, Any]
    outcome: Outcome = "info"
    response: Any = None


@dataclass
class NodeRead:
    """All orders and stock that one node showed. `complete` says that nothing of the read is missing."""

    orders: list[Order] = field(default_factory=list)
    stock: dict[str, Stock] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True)
class Evidence:
    """A run log, sorted. `before` is empty when the run began on a fresh network. With `may_oversell`, units
    sold too often are no failure where every node lists them. `at_risk` are the orders that nodes declared to
    be stored by no peer before their disks were lost."""

    nodes: tuple[str, ...]
    operations: tuple[Operation, ...]
    before: Mapping[str, NodeRead]
    final: Mapping[str, NodeRead]
    may_oversell: bool = False
    at_risk: frozenset[str] = frozenset()

    def gone(self) -> dict[str, Order]:
        """Acknowledged orders that were declared at risk on a disk that was lost, and that no node shows."""
        shown = {order["id"] for read in self.final.values() for order in read.orders}
        told = self.acknowledged()
        return {id_: told[id_][0].response for id_ in sorted(self.at_risk & told.keys() - shown)}

    def acknowledged(self) -> dict[str, list[Operation]]:
        """Order id → the requests that were answered with it."""
        orders: dict[str, list[Operation]] = {}
        for operation in self.operations:
            if operation.action == "order" and operation.outcome == "ok":
                orders.setdefault(operation.response["id"], []).append(operation)
        return orders

    def unresolved(self) -> list[Operation]:
        """One request of each key whose order may exist although nobody was told so."""
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
        """A `same_key` as some node spells it."""
        reads = [*self.final.values(), *self.before.values()]
        return next((read.stock[sku]["sku"] for read in reads if sku in read.stock), sku)

    def ids_before(self) -> set[str]:
        return {order["id"] for read in self.before.values() for order in read.orders}

    def final_orders(self) -> dict[str, Order]:
        """Every order that any node showed at the end, once."""
        return {order["id"]: order for read in self.final.values() for order in read.orders}


def collect(records: Iterable[Record]) -> Evidence:
    """Sorts the records of one run log. Samples and faults prove nothing and are left out."""
    nodes: tuple[str, ...] = ()
    may_oversell = False
    at_risk: set[str] = set()
    operations: dict[int, Operation] = {}
    reads: dict[str, dict[str, NodeRead]] = {"before": {}, "final": {}}
    for record in records:
        kind = record["kind"]
        if kind == "run.start":
            nodes = tuple(record["nodes"])
            may_oversell = record.get("may_oversell", False)
        elif kind == "op.invoke":
            operations[record["op"]] = Operation(
                record["action"], record["node"], record["key"], record["request"]
            )
        elif kind in ("op.ok", "op.fail", "op.info"):
            operation = operations[record["op"]]
            operation.outcome = kind.removeprefix("op.")
            operation.response = record.get("response")
        elif kind == "disk.lost":
            at_risk.update(record["at_risk"])
        elif kind.startswith("read."):
            _add_read(reads[record["phase"]].setdefault(record["node"], NodeRead()), record)
    return Evidence(
        nodes,
        tuple(operations.values()),
        reads["before"],
        reads["final"],
        may_oversell=may_oversell,
        at_risk=frozenset(at_risk),
    )


def _add_read(read: NodeRead, record: Record) -> None:
    if record["kind"] == "read.order":
        read.orders.append(record["order"])
    elif record["kind"] == "read.stock":
        read.stock[same_key(record["stock"]["sku"])] = record["stock"]
    elif record["kind"] == "read.done":
        read.complete = (record["orders"], record["stock"]) == (len(read.orders), len(read.stock))
