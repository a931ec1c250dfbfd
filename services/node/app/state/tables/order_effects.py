"""Whether the stock rows here hold what orders took and gave back: no more units may show in the orders of a
life than left by its stock."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.errors import Invalid
from app.domain.forms import Row
from app.domain.order import Order

_TAKEN = """
    SELECT o.epoch, l.product_id, SUM(l.quantity), SUM(l.quantity * (o.status = 'cancelled'))
    FROM orders o JOIN order_lines l ON l.order_id = o.id
    WHERE o.branch = ? AND l.product_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2
"""
_SOLD = """
    SELECT epoch, product_id, sold, returned + returned_frozen FROM stock
    WHERE branch = ? AND product_id IN (SELECT value FROM json_each(?))
"""


def fitting(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Row]:
    """Those of these orders, none of which is here, whose units the stock rows here have room for: one after
    the other, beside all orders that are here. A row that is no order is among them, for its own check to
    refuse."""
    found: list[Row] = []
    rooms: dict[str, _Room] = {}
    wanted: dict[str, set[str]] = {}
    told = [(row, _order(row)) for row in rows]
    for _, order in told:
        if order is not None:
            wanted.setdefault(order.branch, set()).update(line.product_id for line in order.lines)
    for row, order in told:
        if order is None:
            found.append(row)
            continue
        room = rooms.get(order.branch)
        if room is None:
            room = rooms[order.branch] = _Room(connection, order.branch, wanted[order.branch])
        if room.take(order):
            found.append(row)
    return found


class _Room:
    """What the stock rows of a branch hold beyond its orders here: units sold by each life, and units given
    back by any, as a later life may cancel an order."""

    def __init__(self, connection: sqlite3.Connection, branch: str, products: Iterable[str]) -> None:
        self._sold: Counter[tuple[str, str]] = Counter()
        self._back: Counter[str] = Counter()
        asked = (branch, json.dumps(sorted(products)))
        for sign, query in ((1, _SOLD), (-1, _TAKEN)):
            for epoch, product, sold, back in connection.execute(query, asked):
                self._sold[epoch, product] += sign * sold
                self._back[product] += sign * back

    def take(self, order: Order) -> bool:
        """Use up the room of an order. Without effect, and false, where there is not enough."""
        sold: Counter[tuple[str, str]] = Counter()
        back: Counter[str] = Counter()
        for line in order.lines:
            sold[order.epoch, line.product_id] += line.quantity
            back[line.product_id] += line.quantity if order.status == "cancelled" else 0
        if any(self._sold[key] < units for key, units in sold.items()):
            return False
        if any(0 < units > self._back[product] for product, units in back.items()):
            return False
        self._sold.subtract(sold)
        self._back.subtract(back)
        return True


def _order(row: Any) -> Order | None:
    try:
        return Order.from_json(row)
    except Invalid:
        return None
