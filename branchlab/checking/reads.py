"""What one node showed: its orders and its stock, and what of the one the other does not explain."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from branchlab.checking.runlog import Record
from branchlab.nodes.contract import Order, Stock
from branchlab.nodes.keys import same_key

Units = Counter[str]  # sku (as `same_key`) → units


def units_of(lines: Iterable[Mapping[str, Any]]) -> Units:
    """Units per sku over the lines of one order or request."""
    units: Units = Counter()
    for line in lines:
        units[same_key(line["sku"])] += line["quantity"]
    return units


@dataclass
class NodeRead:
    """All orders and stock that one node showed. `complete` says that no part of the read is missing."""

    orders: list[Order] = field(default_factory=list)
    stock: dict[str, Stock] = field(default_factory=dict)
    complete: bool = False


def add_read(read: NodeRead, record: Record) -> None:
    """Adds one record of a read, the one that says that it is whole included."""
    if record["kind"] == "read.order":
        read.orders.append(record["order"])
    elif record["kind"] == "read.stock":
        read.stock[same_key(record["stock"]["sku"])] = record["stock"]
    elif record["kind"] == "read.done":
        read.complete = (record["orders"], record["stock"]) == (len(read.orders), len(read.stock))


@dataclass(frozen=True)
class Surplus:
    """Units in stock rows that no order explains: `back` came back without a cancelled order, `sold` were
    sold without an order."""

    back: Units
    sold: Units


def units_by_orders(orders: Iterable[Order]) -> tuple[Units, Units]:
    """The units of all these orders, and those of the cancelled ones among them."""
    ordered: Units = Counter()
    cancelled: Units = Counter()
    for order in orders:
        ordered += units_of(order["lines"])
        if order["status"] == "cancelled":
            cancelled += units_of(order["lines"])
    return ordered, cancelled


def surplus_of(read: NodeRead) -> Surplus:
    """What one node's rows have beyond its orders."""
    ordered, cancelled = units_by_orders(read.orders)
    rows = [(sku, row) for sku, stock in read.stock.items() for row in stock["rows"]]
    back: Units = Counter()
    sold: Units = Counter()
    for sku, row in rows:
        back[sku] += row["returned"] + row["returned_frozen"]
        sold[sku] += row["sold"]
    return Surplus(back - cancelled, sold - ordered)
