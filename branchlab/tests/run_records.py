"""Makes run logs by hand: a run that went well, to be spoilt by one test each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from branchlab.checking.runlog import Phase, RunLog, read_records
from branchlab.nodes.contract import Order, OrderLine, Status, Stock
from branchlab.tests import readings

NODES = {"matriz": "http://127.0.0.1:1", "filial-sul": "http://127.0.0.1:2"}


def make_order(number: int, *, sku: str = "CAFE", quantity: int = 1, branch: str = "matriz") -> Order:
    line: OrderLine = {"sku": sku, "name": "Café", "quantity": quantity, "unit_price_cents": 500}
    return {
        "id": f"id-{number}",
        "number": f"{branch}-e1-{number}",
        "branch": branch,
        "epoch": "e1",
        "status": "placed",
        "customer": {"id": "c-1", "code": "ANA", "name": "Ana"},
        "lines": [line],
        "total_cents": 500 * quantity,
        "note": None,
        "version": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "stored_by": [],
        "possible_duplicates": [],
    }


def make_stock(*, sku: str = "CAFE", received: int = 0, sold: int = 0, available: int | None = None) -> Stock:
    return {
        "id": f"id-{sku}",
        "sku": sku,
        "available": received - sold if available is None else available,
        "frozen": 0,
        "oversold": 0,
        "here": 0,
        "deficits": [],
        "hearsay": [],
        "rows": [
            {
                "branch": "matriz",
                "epoch": "e1",
                "received": received,
                "returned": 0,
                "returned_frozen": 0,
                "recovered": 0,
                "written_off": 0,
                "sold": sold,
                "removed": 0,
                "granted": {},
                "version": received + sold,
            }
        ],
    }


class HandMadeRun:
    """A run log in the making. What is not given to `read` is what a faultless network would show. The run
    has the network for itself, unless it is not `alone`; its orders have `mark` as their note."""

    def __init__(
        self, directory: Path, *, may_oversell: bool = False, alone: bool = True, mark: str | None = None
    ) -> None:
        self.path = directory / "run.jsonl"
        self._mark = mark
        self._log = RunLog(self.path, clock=lambda: 0, wall_clock=lambda: "2026-01-01T00:00:00.000+00:00")
        self._log.start(
            run="r1",
            what="test",
            seed=1,
            nodes=NODES,
            policy="optimistic" if may_oversell else "escrow",
            driver="process",
            may_oversell=may_oversell,
            alone=alone,
        )

    def receive(self, quantity: int, *, sku: str = "CAFE", outcome: str = "ok") -> None:
        self._end(self._log.invoke("adjust", "matriz", {"sku": sku, "quantity": quantity}), outcome, {})

    def order(
        self,
        order: Order,
        *,
        key: str | None = None,
        outcome: str = "ok",
        attempt: int = 1,
        answer: Order | None = None,
    ) -> None:
        """A client asks for `order` and is answered with it, or with another one."""
        lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]]
        request: dict[str, Any] = {"customer": order["customer"]["code"], "lines": lines}
        if self._mark is not None:
            request["note"] = self._mark
        op = self._log.invoke(
            "order", order["branch"], request, key=key or f"key of {order['id']}", attempt=attempt
        )
        self._end(op, outcome, answer or order)

    def cancel(self, order: Order, *, outcome: str = "ok") -> None:
        self._end(self._log.invoke("cancel", order["branch"], {"order": order["id"]}), outcome, {})

    def count(self, gone: int, *, sku: str = "CAFE", outcome: str = "ok") -> None:
        """Somebody counts the shelf at matriz."""
        self._end(self._log.invoke("count", "matriz", {"sku": sku, "gone": gone}), outcome, {})

    @contextmanager
    def under_way(self, action: str, request: Mapping[str, Any]) -> Iterator[Callable[[str], None]]:
        """A request to matriz that ends, with the outcome it is told, while other things happen."""
        op = self._log.invoke(action, "matriz", request)
        yield lambda outcome: self._end(op, outcome, {}, code="not_found")

    def look_up(self, order: Order, *, outcome: str = "ok") -> None:
        """A client reads the order at its branch; with outcome `fail` it is not there."""
        op = self._log.invoke("read", order["branch"], {"order": order["id"]})
        self._end(op, outcome, order, code="not_found")

    def sample(
        self,
        *,
        node: str = "matriz",
        epoch: str | None = "e1",
        heads: Mapping[str, int] | None = None,
        stock: list[Stock] | None = None,
    ) -> None:
        """What a node says of itself; it does not answer when it has no heads to tell."""
        status = None
        if heads is not None:
            status = {**readings.status(node, [], heads=heads), "epoch": epoch}
        self._log.sample(node, cast(Status | None, status), stock=stock)

    def lose_disk(self, *at_risk: Order, node: str = "matriz") -> None:
        """The disk of matriz, or of another node, is lost with these orders declared at risk."""
        self._log.disk_lost(node, at_risk=[order["id"] for order in at_risk])

    def agree(self, why_not: str | None) -> None:
        """Whether the nodes agreed when they were read at the end."""
        self._log.agreement(why_not)

    def read(self, orders: Sequence[Order], stock: Sequence[Stock], *, phase: Phase = "final") -> None:
        """Every node shows the same."""
        for node in NODES:
            self.read_at(node, orders, stock, phase=phase)

    def read_at(
        self, node: str, orders: Sequence[Order], stock: Sequence[Stock], *, phase: Phase = "final"
    ) -> None:
        self._log.read(node, phase, orders=list(orders), stock=list(stock))

    def records(self) -> list[Mapping[str, Any]]:
        self._log.close()
        return list(read_records(self.path))

    def _end(self, op: int, outcome: str, response: Any, *, code: str = "out_of_stock") -> None:
        if outcome == "ok":
            self._log.ok(op, response=deepcopy(response))
        elif outcome == "fail":
            self._log.fail(op, status=404 if code == "not_found" else 409, code=code, problem={})
        elif outcome == "info":
            self._log.info(op, reason="ReadTimeout")
