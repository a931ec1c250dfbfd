"""A history of orders as values: what was sold, to whom, and which order took what."""

from collections import Counter
from dataclasses import dataclass

from branchlab.nodes.contract import NewCustomer


@dataclass(frozen=True)
class HistoryProduct:
    sku: str
    name: str
    price_cents: int


@dataclass(frozen=True)
class HistoryLine:
    sku: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True)
class HistoryOrder:
    order: str
    date: str
    branch: str
    customer: str
    lines: tuple[HistoryLine, ...]


@dataclass(frozen=True)
class History:
    """`orders` are in order of time; `products` and `customers` hold all that they name."""

    products: tuple[HistoryProduct, ...]
    customers: tuple[NewCustomer, ...]
    orders: tuple[HistoryOrder, ...]

    def orders_by_branch(self) -> dict[str, list[HistoryOrder]]:
        """Each branch's orders in order of time; branches in the order in which they first appear."""
        branches: dict[str, list[HistoryOrder]] = {}
        for order in self.orders:
            branches.setdefault(order.branch, []).append(order)
        return branches

    def units_needed(self) -> Counter[str]:
        """Units per sku that all orders together consume."""
        needed: Counter[str] = Counter()
        for order in self.orders:
            for line in order.lines:
                needed[line.sku] += line.quantity
        return needed
