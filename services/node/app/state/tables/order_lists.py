"""Lists of orders: what is shown of orders besides their rows, of many in few statements."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain import times
from app.domain.customer import Customer
from app.domain.forms import Row
from app.state.tables import customers, order_durability, order_rows
from app.state.tables.row_sql import within

_PAGE = "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?"
_LINES = "SELECT (SELECT COUNT(*) FROM order_lines WHERE order_id = value) FROM json_each(?)"
_DUPLICATES = """
    SELECT o.id, d.id FROM orders o JOIN orders d
    ON d.user_id = o.user_id AND d.idempotency_key = o.idempotency_key
    WHERE o.id IN (SELECT value FROM json_each(?)) AND d.request_hash = o.request_hash AND d.id != o.id
    ORDER BY o.id, d.id
"""


@dataclass(frozen=True)
class Beside:
    """What is shown of some orders besides their rows: their `customers` by id, and by order `stored_by`
    (app.state.tables.order_durability) and the `duplicates` made elsewhere."""

    customers: Mapping[str, Customer]
    stored_by: Mapping[str, list[str]]
    duplicates: Mapping[str, list[str]]


def listed(connection: sqlite3.Connection, after: str, limit: int, *, most_lines: int) -> list[Row]:
    """Up to `limit` orders after the id `after`, by id, as the JSON objects that clients see: fewer, but at
    least one, where they would have more than `most_lines` in all. No values are made of rows that are only
    written out again."""
    found = rows(connection, after, limit, most_lines=most_lines)
    beside = beside_of(connection, found)
    return [_listed(row, beside) for row in found]


def rows(
    connection: sqlite3.Connection, after: str, limit: int, *, most_lines: int | None = None
) -> list[Row]:
    """The canonical rows of up to `limit` orders after the id `after`, by id (UUIDv7: about by time)."""
    ids = [row[0] for row in connection.execute(_PAGE, (after, limit))]
    if most_lines is not None and ids:
        lines = connection.execute(_LINES, (json.dumps(ids),))
        ids = ids[: within(lines, most=most_lines)]
    return order_rows.read(connection, ids) if ids else []


def beside_of(connection: sqlite3.Connection, orders: Sequence[Row]) -> Beside:
    """What is shown of these orders besides their rows."""
    if not orders:
        return Beside({}, {}, {})
    ids = [row["id"] for row in orders]
    duplicates: dict[str, list[str]] = {}
    if any(row["idempotency_key"] is not None for row in orders):
        for order_id, other in connection.execute(_DUPLICATES, (json.dumps(ids),)):
            duplicates.setdefault(order_id, []).append(other)
    return Beside(
        customers=customers.find_by_ids(connection, {row["customer_id"] for row in orders}),
        stored_by=order_durability.stored_by(connection, ids),
        duplicates=duplicates,
    )


def _listed(row: Row, beside: Beside) -> Row:
    order_id, customer = row["id"], beside.customers.get(row["customer_id"])
    return {
        "id": order_id,
        "number": row["number"],
        "branch": row["branch"],
        "epoch": row["epoch"],
        "status": row["status"],
        "customer": None
        if customer is None
        else {"id": customer.id, "code": customer.code, "name": customer.name},
        "lines": [
            {
                "sku": line["sku"],
                "name": line["name"],
                "quantity": line["quantity"],
                "unit_price_cents": line["unit_price_cents"],
            }
            for line in row["lines"]
        ],
        "total_cents": row["total_cents"],
        "note": row["note"],
        "version": row["version"],
        "created_at": times.shown(row["created_at"]),
        "stored_by": beside.stored_by[order_id],
        "possible_duplicates": beside.duplicates.get(order_id, []),
    }
