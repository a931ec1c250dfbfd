"""Lists of orders: what is shown of orders besides their rows, of many in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from app.domain.customer import Customer
from app.domain.forms import Row
from app.state.tables import customers, order_durability, order_rows
from app.state.tables.order_rows import Place
from app.state.tables.row_sql import within

_PAGE = "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?"
_LINES = "SELECT (SELECT COUNT(*) FROM order_lines WHERE order_id = value) FROM json_each(?)"
_LINES_BETWEEN = "SELECT COUNT(*) FROM order_lines WHERE order_id BETWEEN ? AND ?"
_SPAN = "SELECT MIN(id), MAX(id) FROM (SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?)"
# The index of keys has the rowid: an order that is found by its own key costs no look at the table.
_SAME_KEY = """
    SELECT o.id, d.id FROM orders o JOIN orders d
    ON d.user_id = o.user_id AND d.idempotency_key = o.idempotency_key AND d.rowid != o.rowid
    WHERE d.request_hash = o.request_hash AND o.id
"""
_DUPLICATES = f"{_SAME_KEY} IN (SELECT value FROM json_each(?)) ORDER BY o.id, d.id"
_DUPLICATES_BETWEEN = f"{_SAME_KEY} BETWEEN ? AND ? ORDER BY o.id, d.id"

Span = tuple[str, str]
"""The ids of the first and the last of some neighbours."""


class Beside(NamedTuple):
    """What is shown of some orders besides their rows: their `customers` by id, and by order `stored_by`
    (app.state.tables.order_durability) and the `duplicates` made elsewhere."""

    customers: Mapping[str, Customer]
    stored_by: Mapping[str, list[str]]
    duplicates: Mapping[str, list[str]]


class Listed(NamedTuple):
    """An order's canonical row, and what is shown of it besides. No values are made of a row that is only
    written out again."""

    row: Row
    customer: Customer | None
    stored_by: list[str]
    duplicates: list[str]

    @property
    def id(self) -> str:
        found: str = self.row["id"]
        return found


def span(connection: sqlite3.Connection, after: str, limit: int, *, most_lines: int) -> Span | None:
    """Up to `limit` orders after the id `after`, by id: fewer, but at least one, where they would have more
    than `most_lines` in all. None if there is no order after it."""
    first, last = connection.execute(_SPAN, (after, limit)).fetchone()
    if first is None:
        return None
    if connection.execute(_LINES_BETWEEN, (first, last)).fetchone()[0] > most_lines:
        ids = _ids(connection, after, limit)
        last = ids[within(connection.execute(_LINES, (json.dumps(ids),)), most=most_lines) - 1]
    return first, last


def listed(connection: sqlite3.Connection, orders: Span) -> list[Listed]:
    """These orders, by id."""
    found, places = order_rows.read_between(connection, *orders)
    has_keys = any(row["idempotency_key"] is not None for row in found)
    customer_ids = {row["customer_id"] for row in found}
    known, stored_by, duplicates = beside_between(
        connection, orders, customer_ids=customer_ids, places=places, has_keys=has_keys
    )
    return [
        Listed(row, known.get(row["customer_id"]), stored_by[row["id"]], duplicates.get(row["id"], []))
        for row in found
    ]


def rows(connection: sqlite3.Connection, after: str, limit: int) -> list[Row]:
    """The canonical rows of up to `limit` orders after the id `after`, by id (UUIDv7: about by time)."""
    ids = _ids(connection, after, limit)
    return order_rows.read_between(connection, ids[0], ids[-1])[0] if ids else []


def _ids(connection: sqlite3.Connection, after: str, limit: int) -> list[str]:
    return [row[0] for row in connection.execute(_PAGE, (after, limit))]


def beside_of(connection: sqlite3.Connection, orders: Sequence[Row]) -> Beside:
    """What is shown of these orders besides their rows."""
    ids = json.dumps([row["id"] for row in orders])
    has_keys = any(row["idempotency_key"] is not None for row in orders)
    return Beside(
        customers.find_by_ids(connection, {row["customer_id"] for row in orders}) if orders else {},
        order_durability.stored_by(connection, [row["id"] for row in orders]),
        _by_order(connection.execute(_DUPLICATES, (ids,))) if has_keys else {},
    )


def beside_between(
    connection: sqlite3.Connection,
    orders: Span,
    *,
    customer_ids: Iterable[str],
    places: Iterable[Place],
    has_keys: bool,
) -> Beside:
    """What is shown of neighbours besides their rows, given what was read of them already. `has_keys` says
    that some have an Idempotency-Key."""
    return Beside(
        customers.find_by_ids(connection, customer_ids),
        order_durability.stored_by_places(connection, places),
        _by_order(connection.execute(_DUPLICATES_BETWEEN, orders)) if has_keys else {},
    )


def _by_order(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    duplicates: dict[str, list[str]] = {}
    for order_id, other in found:
        duplicates.setdefault(order_id, []).append(other)
    return duplicates
