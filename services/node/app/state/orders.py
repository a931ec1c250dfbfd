"""Orders as they are written down, read, sent and merged. Only its own branch changes one."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from app.database import Transaction
from app.database.digest import canonical
from app.state import customers, forms, order_copies, order_rows, products, text
from app.state.errors import Invalid, NotFound
from app.state.fields import Fields
from app.state.order_rows import LINE_COLUMNS
from app.state.stock import SoldUnits

MAX_LINES = 100
MAX_QUANTITY = 1_000_000
STATUSES = ("placed", "cancelled")

_NAMES = ("id", "number", "branch", "epoch", "customer_id", "user_id", "status", "request_hash")


def insert(tx: Transaction, order: dict[str, Any], *, seq: int = 0, donor: str = "") -> None:
    """Write a new order and its lines: one of this node's own with its event's seq, or a peer's."""
    names = (*forms.of("orders").selected, "checksum", "announced", "seq", "donor")
    announced = tx.identity.epoch if seq else ""
    tx.connection.execute(
        f"INSERT INTO orders ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})",
        (*order_rows.order_values(order), order_rows.sealed(order), announced, seq, donor),
    )
    order_rows.insert_lines(tx, [order])
    tx.changed("orders", order["id"], before=None, after=order)


def set_status(
    tx: Transaction,
    before: dict[str, Any],
    *,
    status: str,
    version: int,
    beyond: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write an order's next status and return its new snapshot. `beyond` are its fields of later revisions,
    if they changed too."""
    after = {**before, "status": status, "version": version}
    if beyond is not None:
        after = {**{name: after[name] for name in order_rows.NAMES}, **beyond}
    form = forms.of("orders")
    names = ("status", "version", *form.selected[len(form.columns) :], "checksum")
    more = order_rows.order_values(after)[len(form.columns) :]
    tx.connection.execute(
        f"UPDATE orders SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?",
        (status, version, *more, order_rows.sealed(after), before["id"]),
    )
    tx.changed("orders", before["id"], before=before, after=after)
    return after


def announce_again(tx: Transaction, *, limit: int) -> int:
    """Put up to `limit` orders that an earlier epoch of this node announced into the present one's log, and
    return how many: peers may lack them, and the old log is not sent any more."""
    rows = tx.connection.execute(
        "SELECT id FROM orders WHERE announced NOT IN ('', ?) ORDER BY id LIMIT ?", (tx.identity.epoch, limit)
    ).fetchall()
    for row in rows:
        seq = tx.emit("order_created", row["id"])
        tx.connection.execute(
            "UPDATE orders SET announced = ?, seq = ? WHERE id = ?", (tx.identity.epoch, seq, row["id"])
        )
    return len(rows)


def merge(tx: Transaction, theirs: dict[str, Any], *, donor: str) -> bool:
    """Apply an order that a peer (`donor`) sent; True if anything changed here. A higher version wins.

    Raises Invalid for an order no node could have written, and for one that contradicts what is known
    (the same version with other content): a fork, to be parked and seen, never overwritten.
    """
    theirs = checked(theirs)
    ours = order_rows.snapshot(tx.connection, theirs["id"])
    if ours is None:
        insert(tx, theirs, donor=donor)
        return True
    same = {**_core(ours), "status": theirs["status"], "version": theirs["version"]}
    known, told = _beyond(ours), _beyond(theirs)
    if canonical(same) != canonical(_core(theirs)) or (
        ours["version"] == theirs["version"] and (ours["status"], known) != (theirs["status"], told)
    ):
        raise Invalid("order", "contradicts_what_is_known")
    if theirs["version"] > ours["version"]:
        set_status(tx, ours, status=theirs["status"], version=theirs["version"], beyond=told)
        return True
    return False


def _core(order: Mapping[str, Any]) -> dict[str, Any]:
    return {name: order[name] for name in order_rows.NAMES}


def _beyond(order: Mapping[str, Any]) -> dict[str, Any]:
    """An order's fields of later revisions, which may change with its status."""
    return {name: value for name, value in order.items() if name not in order_rows.NAMES}


def find_by_key(connection: sqlite3.Connection, user_id: str, key: str) -> list[sqlite3.Row]:
    """Orders of this user with this Idempotency-Key, from any branch."""
    return connection.execute(
        "SELECT id, branch, request_hash FROM orders WHERE user_id = ? AND idempotency_key = ? ORDER BY id",
        (user_id, key),
    ).fetchall()


def view(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    """An order as clients see it; `stored_by` as in `order_copies`. Raises NotFound."""
    order = order_rows.snapshot(connection, order_id)
    if order is None:
        raise NotFound("order", order_id)
    customer = customers.snapshot(connection, order["customer_id"])
    return {
        "id": order["id"],
        "number": order["number"],
        "branch": order["branch"],
        "epoch": order["epoch"],
        "status": order["status"],
        "customer": customer and {name: customer[name] for name in ("id", "code", "name")},
        "lines": [
            {name: line[name] for name in ("sku", "name", "quantity", "unit_price_cents")}
            for line in order["lines"]
        ],
        "total_cents": order["total_cents"],
        "note": order["note"],
        "version": order["version"],
        "created_at": _shown_time(order["created_at"]),
        "stored_by": order_copies.stored_by(connection, order_id),
        "possible_duplicates": _possible_duplicates(connection, order),
    }


def _shown_time(seconds: Any) -> str:
    """A time in ISO 8601; the beginning of time for one that no node could have written (an altered row)."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, TypeError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat()


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` orders whose id is beyond `after`, by id (UUIDv7: about by time)."""
    rows = connection.execute(
        "SELECT id FROM orders WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
    ).fetchall()
    return [view(connection, row["id"]) for row in rows]


def sales_of(connection: sqlite3.Connection, product_id: str) -> list[SoldUnits]:
    """Units of a product in every placed order known here, for naming who is short when oversold."""
    rows = connection.execute(
        "SELECT o.lamport, o.branch, o.id, SUM(l.quantity) AS quantity FROM order_lines l"
        " JOIN orders o ON o.id = l.order_id WHERE l.product_id = ? AND o.status = 'placed' GROUP BY o.id",
        (product_id,),
    )
    return [
        SoldUnits(lamport=r["lamport"], branch=r["branch"], order_id=r["id"], quantity=r["quantity"])
        for r in rows
    ]


def body(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    """What travels with an order: the order, its customer and its products, so it can be applied alone."""
    order = order_rows.snapshot(connection, order_id)
    assert order is not None, "an order is never deleted"
    ids = sorted({line["product_id"] for line in order["lines"]})
    return {
        "order": order,
        "customer": customers.snapshot(connection, order["customer_id"]),
        "products": [products.snapshot(connection, product_id) for product_id in ids],
    }


def _possible_duplicates(connection: sqlite3.Connection, order: dict[str, Any]) -> list[str]:
    if order["idempotency_key"] is None:
        return []
    found = find_by_key(connection, order["user_id"], order["idempotency_key"])
    same = [row["id"] for row in found if row["request_hash"] == order["request_hash"]]
    return [order_id for order_id in same if order_id != order["id"]]


def checked(order: Any) -> dict[str, Any]:
    """A peer's order in canonical form. Raises Invalid for one that no node could have written."""
    fields = Fields("order", order, order_rows.NAMES)
    for name in _NAMES:
        fields.text(name, longest=text.KEY)
    fields.optional_text("note", longest=text.NOTE)
    fields.optional_text("idempotency_key", longest=text.IDEMPOTENCY_KEY)
    fields.natural("lamport")
    fields.seconds("created_at")
    total_cents = fields.natural("total_cents")
    if fields.natural("version") < 1 or order["status"] not in STATUSES:
        raise Invalid("status", "out_of_range")
    if not isinstance(order["lines"], list) or not 1 <= len(order["lines"]) <= MAX_LINES:
        raise Invalid("lines", "out_of_range")
    lines = [_checked_line(line) for line in order["lines"]]
    if total_cents != sum(line["quantity"] * line["unit_price_cents"] for line in lines):
        raise Invalid("total_cents", "not_the_sum_of_the_lines")
    if any(one["line"] >= next_["line"] for one, next_ in pairwise(lines)):
        # Read back they would stand in another order, and the digest would be of rows that nobody has.
        raise Invalid("lines", "out_of_range")
    beyond = forms.of("orders").checked_beyond(_beyond(order))
    return {**{name: order[name] for name in order_rows.NAMES}, "lines": lines, **beyond}


def _checked_line(line: Any) -> dict[str, Any]:
    fields = Fields("line", line, LINE_COLUMNS)
    fields.natural("line", most=MAX_LINES)
    for name, longest in (("product_id", text.KEY), ("sku", text.KEY), ("name", text.NAME)):
        fields.text(name, longest=longest)
    if fields.natural("quantity", most=MAX_QUANTITY) < 1:
        raise Invalid("quantity", "out_of_range")
    fields.natural("unit_price_cents")
    beyond = forms.of("order_lines").checked_beyond(line)
    return {**{name: line[name] for name in order_rows.LINE}, **beyond}


def count_possible_duplicates(connection: sqlite3.Connection) -> int:
    """How many orders repeat another one's user, key and body: asked for at two branches while apart."""
    row = connection.execute(
        # Keys that were used twice are few, and an index alone finds them; bodies are compared of these only.
        "SELECT COALESCE(SUM(n - 1), 0) FROM (SELECT COUNT(*) AS n FROM orders o JOIN"
        " (SELECT user_id, idempotency_key FROM orders WHERE idempotency_key IS NOT NULL"
        " GROUP BY user_id, idempotency_key HAVING COUNT(*) > 1) twice"
        " ON o.user_id = twice.user_id AND o.idempotency_key = twice.idempotency_key"
        " GROUP BY o.user_id, o.idempotency_key, o.request_hash HAVING n > 1)"
    ).fetchone()
    return int(row[0])
