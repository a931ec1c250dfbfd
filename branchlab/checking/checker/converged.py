"""All nodes show the same."""

from collections.abc import Iterator, Mapping
from typing import Any

from branchlab.checking.checker.finding import Finding
from branchlab.checking.evidence import Evidence
from branchlab.language import deferred
from branchlab.nodes.contract import Order, Stock

# Not `granted`: rights may still move between branches while we read.
_ROW_TOTALS = (
    *("received", "returned", "returned_frozen", "recovered"),
    *("written_off", "sold", "removed"),
)


def check(evidence: Evidence) -> Iterator[Finding]:
    """What any node shows otherwise than the first one."""
    complete = list(evidence.complete().items())
    for node, read in complete[1:]:
        first, reference = complete[0]
        for words in _different_orders(first, reference.orders, node, read.orders):
            yield Finding("converged", words, doubts=("late",))
        for sku in sorted(reference.stock.keys() | read.stock.keys()):
            if _company(reference.stock.get(sku)) != _company(read.stock.get(sku)):
                words = deferred(
                    "{first} and {node} differ in the stock of {spelled}",
                    first=first,
                    node=node,
                    spelled=evidence.spelled(sku),
                )
                yield Finding("converged", words, doubts=("late",))


def _different_orders(first: str, reference: list[Order], node: str, orders: list[Order]) -> Iterator[str]:
    left = {order["id"]: _everywhere(order) for order in reference}
    right = {order["id"]: _everywhere(order) for order in orders}
    for order_id in sorted(left.keys() | right.keys()):
        if order_id not in right:
            yield deferred(
                "{node} lacks order {number} ({order_id}), which {first} has",
                node=node,
                number=left[order_id]["number"],
                order_id=order_id,
                first=first,
            )
        elif order_id not in left:
            yield deferred(
                "{first} lacks order {number} ({order_id}), which {node} has",
                first=first,
                number=right[order_id]["number"],
                order_id=order_id,
                node=node,
            )
        elif left[order_id] != right[order_id]:
            yield deferred(
                "{first} and {node} differ in order {number} ({order_id})",
                first=first,
                node=node,
                number=left[order_id]["number"],
                order_id=order_id,
            )


def _everywhere(order: Order) -> dict[str, Any]:
    """The part of an order that is the same at every node."""
    return {name: value for name, value in order.items() if name != "stored_by"}


def _company(stock: Stock | None) -> Any:
    """The part of a product's stock that is the same at every node once all is delivered."""
    if stock is None:
        return None
    rows: list[Mapping[str, Any]] = [*stock["rows"]]
    totals = {(row["branch"], row["epoch"]): [row[name] for name in _ROW_TOTALS] for row in rows}
    # A row that has granted something, and nothing else, is there because of that alone.
    moved = {life: counts for life, counts in totals.items() if any(counts)}
    return stock["available"], stock["frozen"], moved
