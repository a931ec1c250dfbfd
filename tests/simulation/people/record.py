"""A history as a run log, for the checker that also judges real networks (branchlab/checking/verdict.py).

The observer knows more than any checker could. Here a history is recorded as the lab would have seen it, so
that the checker is tested on thousands of histories. It must find no fault where every promise is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.api.schemas import orders as order_shapes
from app.api.schemas import products as product_shapes
from app.api.schemas import stock as stock_shapes
from app.api.schemas.base import Answer as Shape
from app.domain.errors import NotFound
from app.domain.product import NewProduct, Product
from app.state.tables import orders, stock_views
from app.status import NodeStatus
from branchlab.checking.verdict import Verdict, judge
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.people.clients import Answer, Client, Use
from tests.simulation.people.promises import Promises
from tests.simulation.plan import Plan

COMMITS_BETWEEN_SAMPLES = 10
MOST_ROWS = 100_000  # on one page: all there are
PATIENCE_SECONDS = 60.0
Cells = Mapping[tuple[str, str, str], Mapping[str, Any]]
"""(product, branch, epoch) → the row as clients see it."""

_SHAPES: Mapping[type, type[Shape]] = {
    orders.OrderView: order_shapes.Order,
    stock_views.StockView: stock_shapes.Stock,
    Product: product_shapes.Product,
}


def as_shown(view: object) -> Mapping[str, Any]:
    """A view as the API shows it to clients."""
    return _SHAPES[type(view)].model_validate(view).model_dump()


class Record:
    """The records of one history. Their order is their only time."""

    def __init__(self, nodes: tuple[str, ...], *, may_oversell: bool = False) -> None:
        self._records: list[dict[str, Any]] = []
        self._operations = 0
        self._commits = 0
        self._faults = 0
        self._gone_back: dict[str, int] = {}
        self._add("run.start", nodes=dict.fromkeys(nodes, ""), may_oversell=may_oversell, alone=True)

    def invoke(self, action: str, node: str, key: str | None, request: Mapping[str, Any]) -> int:
        """A client is about to send a request. Returns the number for its answer."""
        self._operations += 1
        self._add("op.invoke", op=self._operations, action=action, node=node, key=key, request=request)
        return self._operations

    def answered(self, op: int, outcome: str, answer: Any) -> None:
        """The outcome of a request. For a refusal, only whether the request had no effect."""
        if outcome == "ok":
            self._add("op.ok", op=op, response=None if answer is None else as_shown(answer))
        else:
            self._add(f"op.{outcome}", op=op, code="not_found" if isinstance(answer, NotFound) else "other")

    def lost(self, node: str, at_risk: Mapping[str, int]) -> None:
        """A disk was lost, and with it what no other disk had of these orders."""
        self._add("disk.lost", node=node, at_risk=list(at_risk))

    def went_back(self, node: str) -> None:
        """A disk went back to an older copy. Its node may continue the life of that copy for a while."""
        self._faults += 1
        self._gone_back[node] = self._faults
        self._add("fault.active", id=self._faults, fault="restore", target=node)

    def began_again(self, node: str) -> None:
        """A node began another life, so it knows that its disk went back."""
        if node in self._gone_back:
            self._add("fault.healed", id=self._gone_back.pop(node))

    def gone(self, node: str) -> None:
        """A node is a member no more."""
        self._add("member.gone", node=node)

    def said(self, node: str, status: NodeStatus) -> None:
        """A node's status."""
        self._add("sample", node=node, status=asdict(status))

    def is_due(self) -> bool:
        """Whether to record the file's content after this commit; one in a few is recorded."""
        self._commits += 1
        return self._commits % COMMITS_BETWEEN_SAMPLES == 0

    def committed(
        self,
        node: str,
        epoch: str,
        heads: Mapping[str, int],
        cells: Cells,
        hearsay: Collection[tuple[str, ...]],
    ) -> None:
        """The content of a node's file after a commit, with the stock rows (product, branch, epoch) that are
        here by `hearsay`. Products are named by their ids."""
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for (product, branch, of_epoch), cell in cells.items():
            rows.setdefault(product, []).append({"branch": branch, "epoch": of_epoch, **cell})
        told: dict[str, list[str]] = {}
        for product, branch, of_epoch in sorted(hearsay):
            told.setdefault(product, []).append(f"{branch}@{of_epoch}")
        stock = [
            {"sku": product, "rows": of_product, "hearsay": told.get(product, [])}
            for product, of_product in rows.items()
        ]
        self._add("sample", node=node, status={"epoch": epoch, "heads": heads}, stock=stock)

    async def read(self, machine: Machine) -> None:
        """Record all orders and stock that a machine's node shows."""
        assert machine.process is not None, "everything was switched on"
        shown = await machine.process.do(
            machine.process.node.database.read(
                lambda connection: (
                    orders.page(connection, "", MOST_ROWS),
                    stock_views.stock_page(connection, "", MOST_ROWS),
                )
            ),
            patience=PATIENCE_SECONDS,
        )
        for order in shown[0]:
            self._add("read.order", node=machine.name, phase="final", order=as_shown(order))
        for stock in shown[1]:
            self._add("read.stock", node=machine.name, phase="final", stock=as_shown(stock))
        self._add("read.done", node=machine.name, phase="final", orders=len(shown[0]), stock=len(shown[1]))

    @property
    def records(self) -> Sequence[Mapping[str, Any]]:
        return self._records

    @property
    def length(self) -> int:
        return len(self._records)

    def cut(self, length: int) -> None:
        """Remove the records after a length."""
        del self._records[length:]

    def judge(self) -> Verdict:
        """The checker's verdict on the records."""
        return judge(self._records)

    def _add(self, kind: str, **fields: Any) -> None:
        self._records.append({"kind": kind, **fields})


class RecordedClient(Client):
    """A client whose requests and answers are recorded."""

    def __init__(
        self,
        name: str,
        machine: Machine,
        *,
        plan: Plan,
        promises: Promises,
        journal: Journal,
        record: Record,
    ) -> None:
        super().__init__(name, machine, plan=plan, promises=promises, journal=journal)
        self._record = record

    async def _ask(self, kind: str, use: Use, *words: object) -> Answer:
        asked = self._request(kind, use, words)
        if asked is None:
            return await super()._ask(kind, use, *words)
        action, key, request = asked
        op = self._record.invoke(action, self._machine.name, key, request)
        outcome, answer = await super()._ask(kind, use, *words)
        self._record.answered(op, outcome, answer)
        return outcome, answer

    def _request(
        self, kind: str, use: Use, words: tuple[object, ...]
    ) -> tuple[str, str | None, Mapping[str, Any]] | None:
        """The action, key and request as the lab names them; None for a request that no promise is about."""
        if kind == "adjust":
            sku, quantity, share = words
            return "adjust", None, {"sku": sku, "quantity": quantity, "share": share}
        if kind in ("order", "cancel", "read"):
            order = self._promises.orders[str(words[0])]
            if kind != "order":
                return kind, None, {"order": order.order_id}
            lines = [{"sku": sku, "quantity": quantity} for sku, quantity in order.units.items()]
            return "order", order.key, {"customer": order.customer, "lines": lines}
        made = getattr(use, "keywords", {}).get("made")
        return ("product", None, {"sku": made.sku}) if isinstance(made, NewProduct) else None
