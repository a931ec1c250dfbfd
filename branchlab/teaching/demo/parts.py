"""Which orders of the history are played when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from branchlab.nodes.keys import same_key
from branchlab.teaching.replay.history import History, HistoryOrder


@dataclass(frozen=True)
class Parts:
    """The history in three: `before` the branch is away, while it is `apart` (orders of the other branches
    only), and `after` it is back, which holds the orders that its customers kept for it."""

    before: tuple[HistoryOrder, ...]
    apart: tuple[HistoryOrder, ...]
    after: tuple[HistoryOrder, ...]


def split(history: History, mapping: Mapping[str, str], victim: str, *, most_apart: int) -> Parts:
    """The first third of the orders; then the next of those that are not the `victim` node's, at most
    `most_apart`; then all the rest. Nothing is left out and the order of the file is kept in each part."""
    third = len(history.orders) // 3
    before, rest = history.orders[:third], history.orders[third:]
    apart = [order for order in rest if mapping[order.branch] != victim][:most_apart]
    chosen = {order.order for order in apart}
    after = tuple(order for order in rest if order.order not in chosen)
    return Parts(before, tuple(apart), after)


def events_of(order: HistoryOrder) -> int:
    """How many events a node writes for it: one per product, for the stock, and one for the order itself."""
    return len({same_key(line.sku) for line in order.lines}) + 1


def events_of_all(orders: Sequence[HistoryOrder]) -> int:
    return sum(events_of(order) for order in orders)
