"""Orders: writing, reading, showing and merging them. Only its own branch changes an order."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from app.database import Transaction
from app.database.digest import canonical
from app.database.seals import Use
from app.domain import forms
from app.domain.customer import Customer
from app.domain.errors import Invalid, NotFound
from app.domain.forms import Form
from app.domain.order import Order, Status
from app.domain.stock import SoldUnits
from app.state.tables import customers, order_durability, order_rows, row_sql

_TO_ANNOUNCE = "SELECT id FROM orders WHERE announced NOT IN ('', ?) ORDER BY id LIMIT ?"
_ANNOUNCE = "UPDATE orders SET announced = ?, seq = ? WHERE id = ?"
_BY_KEY = """
    SELECT id, branch, request_hash FROM orders WHERE user_id = ? AND idempotency_key = ? ORDER BY id
"""
_PAGE = "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?"
_SALES = """
    SELECT o.lamport, o.branch, o.id, SUM(l.quantity) AS quantity
    FROM order_lines l JOIN orders o ON o.id = l.order_id
    WHERE l.product_id = ? AND o.status = 'placed' GROUP BY o.id
"""
# Keys that were used twice are few, and an index alone finds them; bodies are compared of these only.
_COUNT_DUPLICATES = """
    SELECT COALESCE(SUM(n - 1), 0) FROM (
        SELECT COUNT(*) AS n FROM orders o JOIN (
            SELECT user_id, idempotency_key FROM orders WHERE idempotency_key IS NOT NULL
            GROUP BY user_id, idempotency_key HAVING COUNT(*) > 1
        ) twice ON o.user_id = twice.user_id AND o.idempotency_key = twice.idempotency_key
        GROUP BY o.user_id, o.idempotency_key, o.request_hash HAVING n > 1
    )
"""


@cache
def _insert(form: Form) -> str:
    return row_sql.insert("orders", (*form.selected, "checksum", "announced", "seq", "donor"))


@cache
def _set_status(form: Form) -> str:
    names = ("status", "version", *form.selected[len(form.columns) :], "checksum")
    return f"UPDATE orders SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"


def find(connection: sqlite3.Connection, order_id: str, use: Use = "show") -> Order | None:
    """The order with this id, or None. Raises AlteredRow."""
    row = order_rows.snapshot(connection, order_id, use)
    return None if row is None else Order.from_row(row)


def insert(tx: Transaction, order: Order, *, seq: int = 0, donor: str = "") -> None:
    """Write a new order and its lines. `seq` is that of its event for an own order; `donor` is the peer that
    sent any other."""
    row = order.as_json()
    announced = tx.identity.epoch if seq else ""
    tx.connection.execute(
        _insert(forms.of("orders")),
        (*order_rows.order_values(row), order_rows.sealed(row), announced, seq, donor),
    )
    order_rows.insert_lines(tx, [row])
    tx.changed("orders", order.id, before=None, after=row)


def set_status(
    tx: Transaction,
    before: Order,
    *,
    status: Status,
    version: int,
    beyond: Mapping[str, Any] | None = None,
) -> Order:
    """Write an order's next status. Returns the order after it. `beyond` are its fields of later revisions,
    if they change too."""
    more = before.beyond if beyond is None else beyond
    after = replace(before, status=status, version=version, beyond=more)
    row, form = after.as_json(), forms.of("orders")
    values = order_rows.order_values(row)[len(form.columns) :]
    tx.connection.execute(_set_status(form), (status, version, *values, order_rows.sealed(row), before.id))
    tx.changed("orders", before.id, before=before.as_json(), after=row)
    return after


def announce_again(tx: Transaction, *, limit: int) -> int:
    """Append up to `limit` orders that an earlier epoch of this node announced to the present log. Returns
    how many. Peers may lack them, and the old log is no longer sent."""
    rows = tx.connection.execute(_TO_ANNOUNCE, (tx.identity.epoch, limit)).fetchall()
    for row in rows:
        seq = tx.emit("order_created", row["id"])
        tx.connection.execute(_ANNOUNCE, (tx.identity.epoch, seq, row["id"]))
    return len(rows)


def merge(tx: Transaction, body: object, *, donor: str) -> bool:
    """Apply an order that a peer (`donor`) sent. Returns True if anything changed here. The higher version
    wins.

    Raises Invalid for an order that no node could have written, and for a fork: other content under the same
    version. A fork is parked and shown; it never overwrites.
    """
    theirs = Order.from_json(body)
    ours = find(tx.connection, theirs.id)
    if ours is None:
        insert(tx, theirs, donor=donor)
        return True
    # What an order's own branch changes of it, under a higher version: nothing else.
    later = replace(ours, status=theirs.status, version=theirs.version, beyond=theirs.beyond)
    if canonical(later.as_json()) != canonical(theirs.as_json()) or (
        ours.version == theirs.version and (ours.status, ours.beyond) != (theirs.status, theirs.beyond)
    ):
        raise Invalid("order", "contradicts_what_is_known")
    if theirs.version > ours.version:
        set_status(tx, ours, status=theirs.status, version=theirs.version, beyond=theirs.beyond)
        return True
    return False


def find_by_key(connection: sqlite3.Connection, user_id: str, key: str) -> list[sqlite3.Row]:
    """Orders of this user with this Idempotency-Key, from any branch."""
    return connection.execute(_BY_KEY, (user_id, key)).fetchall()


def view(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    """An order as clients see it; `stored_by` as in `order_durability`. Raises NotFound."""
    order = find(connection, order_id)
    if order is None:
        raise NotFound("order", order_id)
    return _view(connection, order, customers.find_by_ids(connection, [order.customer_id]))


def _view(connection: sqlite3.Connection, order: Order, known: Mapping[str, Customer]) -> dict[str, Any]:
    customer = known.get(order.customer_id)
    return {
        "id": order.id,
        "number": order.number,
        "branch": order.branch,
        "epoch": order.epoch,
        "status": order.status,
        "customer": customer and {"id": customer.id, "code": customer.code, "name": customer.name},
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price_cents": line.unit_price_cents,
            }
            for line in order.lines
        ],
        "total_cents": order.total_cents,
        "note": order.note,
        "version": order.version,
        "created_at": _shown_time(order.created_at),
        "stored_by": order_durability.stored_by(connection, order.id),
        "possible_duplicates": _possible_duplicates(connection, order),
    }


def _shown_time(seconds: Any) -> str:
    """A time in ISO 8601; the beginning of time for one that no node could have written (an altered row)."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, TypeError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat()


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` orders after the id `after`, by id (UUIDv7: about by time)."""
    rows = connection.execute(_PAGE, (after, limit))
    found = [Order.from_row(row) for row in order_rows.read(connection, [row["id"] for row in rows])]
    known = customers.find_by_ids(connection, {order.customer_id for order in found})
    return [_view(connection, order, known) for order in found]


def sales_of(connection: sqlite3.Connection, product_id: str) -> list[SoldUnits]:
    """The units of a product in every placed order known here, to name the orders that are short when
    oversold."""
    return [
        SoldUnits(lamport=r["lamport"], branch=r["branch"], order_id=r["id"], quantity=r["quantity"])
        for r in connection.execute(_SALES, (product_id,))
    ]


def _possible_duplicates(connection: sqlite3.Connection, order: Order) -> list[str]:
    if order.idempotency_key is None:
        return []
    found = find_by_key(connection, order.user_id, order.idempotency_key)
    same = [row["id"] for row in found if row["request_hash"] == order.request_hash]
    return [order_id for order_id in same if order_id != order.id]


def count_possible_duplicates(connection: sqlite3.Connection) -> int:
    """How many orders repeat another one's user, key and body, because a client sent them to two branches
    during a partition."""
    return int(connection.execute(_COUNT_DUPLICATES).fetchone()[0])
