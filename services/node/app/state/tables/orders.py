"""Orders: writing, reading, showing and merging them. Only its own branch changes an order."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from app.database import Identity, Transaction
from app.database.digest import canonical
from app.database.seals import Use
from app.domain import forms, testimony, times
from app.domain.customer import Customer
from app.domain.errors import Invalid, NotFound
from app.domain.forms import Form, Row
from app.domain.order import Order, OrderLine, Status
from app.domain.stock import SoldUnits
from app.domain.values import value
from app.state.tables import life_table, new_orders, order_lists, order_rows, row_sql
from app.state.tables.order_lists import Beside

_TO_ANNOUNCE = "SELECT id FROM orders WHERE announced NOT IN ('', ?) ORDER BY id LIMIT ?"
_ANNOUNCE = "UPDATE orders SET announced = ?, seq = ? WHERE id = ?"
_BY_KEY = """
    SELECT id, branch, request_hash FROM orders WHERE user_id = ? AND idempotency_key = ? ORDER BY id
"""
_IS_HERE = "SELECT 1 FROM orders WHERE id = ?"
_TAKEN_HERE = "SELECT 1 FROM audit WHERE entity = 'order' AND entity_id = ? AND action = 'placed'"
_DONOR = "SELECT donor FROM orders WHERE id = ?"
_NOTE_DONOR = "UPDATE orders SET donor = ? WHERE id = ?"
# It reads all lines, for products that are oversold only: an index of lines by product costs every order a
# fifth of what SQLite does for it. CROSS has SQLite look up the orders of the lines that it found.
_SALES = """
    SELECT l.product_id, o.lamport, o.branch, o.id, SUM(l.quantity) AS quantity
    FROM order_lines l CROSS JOIN orders o ON o.id = l.order_id
    WHERE l.product_id IN (SELECT value FROM json_each(?)) AND o.status = 'placed'
    GROUP BY l.product_id, o.id
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


class KeyUse(NamedTuple):
    """An order that was placed with an Idempotency-Key."""

    id: str
    branch: str
    request_hash: str


@value(frozen=True, slots=True)
class OrderView:
    """An order as clients see it. `customer` is None where the row is missing here; `created_at` is in ISO
    8601; `stored_by` is as in `order_durability`; `possible_duplicates` are the ids of orders made elsewhere
    with the same user, key and body."""

    id: str
    number: str
    branch: str
    epoch: str
    status: Status
    customer: Customer | None
    lines: tuple[OrderLine, ...]
    total_cents: int
    note: str | None
    version: int
    created_at: str
    stored_by: list[str]
    possible_duplicates: list[str]


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


def is_here(connection: sqlite3.Connection, order_id: object) -> bool:
    """Whether an order with this id is stored. False for what is no id."""
    return isinstance(order_id, str) and connection.execute(_IS_HERE, (order_id,)).fetchone() is not None


def was_taken_here(connection: sqlite3.Connection, order_id: object) -> bool:
    """Whether this node's audit says that it took an order with this id."""
    found = isinstance(order_id, str) and connection.execute(_TAKEN_HERE, (order_id,)).fetchone()
    return bool(found)


def insert(tx: Transaction, order: Order, *, seq: int = 0, donor: str = "") -> bytes:
    """Write a new order and its lines, and return its canonical bytes. `seq` is that of its event for an own
    order; `donor` is the peer that sent any other. The rows of an own one are deferred."""
    new = new_orders.of_new(order)
    values = (*new.values, tx.identity.epoch if seq else "", seq, donor)
    if seq:
        defer(tx, [values], new.lines)
        if order.idempotency_key is not None:
            use = KeyUse(order.id, order.branch, order.request_hash)
            note_key(tx, order.user_id, order.idempotency_key, use)
    else:
        tx.connection.execute(_insert(forms.of("orders")), values)
        order_rows.insert_lines(tx, new.lines)
    tx.changed("orders", order.id, before=None, after=new.encoded)
    return new.encoded


def number_of(life: Identity, count: int) -> str:
    """The number that people call a life's order by, of which it has made so many."""
    return f"{life.name}-{life.epoch[:4]}-{count:06d}".upper()


def defer(tx: Transaction, rows: Sequence[tuple[Any, ...]], lines: Sequence[tuple[Any, ...]]) -> None:
    """Write new orders of this node, and their lines, with the group's rows."""
    tx.rows.deferred.add_all(_insert(forms.of("orders")), rows)
    order_rows.defer_lines(tx, lines)


def note_key(tx: Transaction, user_id: str, key: str, use: KeyUse) -> None:
    """Let `find_placed` find a deferred order by its key."""
    tx.rows.deferred.note((user_id, key), use)


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
    version. A fork is parked and shown; it never overwrites, but for a branch's own word over what another
    one told of its order.
    """
    theirs = Order.from_json(body)
    tx.require_lamport(theirs.lamport)
    ours = find(tx.connection, theirs.id)
    if ours is None:
        insert(tx, theirs, donor=donor)
        return True
    # What an order's own branch changes of it, under a higher version: nothing else.
    later = replace(ours, status=theirs.status, version=theirs.version, beyond=theirs.beyond)
    if canonical(later.as_json()) != canonical(theirs.as_json()) or (
        ours.version == theirs.version and (ours.status, ours.beyond) != (theirs.status, theirs.beyond)
    ):
        (told_by,) = tx.connection.execute(_DONOR, (ours.id,)).fetchone()
        speaker = life_table.speaker(tx)
        if theirs.branch == ours.branch:
            replaces = testimony.replaces_order(speaker, branch=ours.branch, donor=told_by)
        else:
            replaces = testimony.takes_id(
                speaker, order_id=ours.id, stored_of=ours.branch, told_of=theirs.branch
            )
        if not replaces:
            raise Invalid("order", "contradicts_what_is_known")
        _replace(tx, ours, theirs, donor=donor)
        return True
    if theirs.version > ours.version:
        set_status(tx, ours, status=theirs.status, version=theirs.version, beyond=theirs.beyond)
        return True
    return False


def _replace(tx: Transaction, before: Order, after: Order, *, donor: str) -> None:
    order_rows.put(tx, after.as_json())
    tx.connection.execute(_NOTE_DONOR, (donor, after.id))
    tx.changed("orders", after.id, before=before.as_json(), after=after.as_json())


def find_by_key(connection: sqlite3.Connection, user_id: str, key: str) -> list[KeyUse]:
    """Orders of this user with this Idempotency-Key, from any branch, by id."""
    return [KeyUse(*row) for row in connection.execute(_BY_KEY, (user_id, key))]


def find_placed(tx: Transaction, user_id: str, key: str) -> list[KeyUse]:
    """What `find_by_key` finds, and the orders that the file does not have yet. For commands."""
    return sorted([*find_by_key(tx.direct, user_id, key), *tx.rows.found((user_id, key))])


def view(connection: sqlite3.Connection, order_id: str) -> OrderView:
    """An order as clients see it. Raises NotFound."""
    row = order_rows.snapshot(connection, order_id)
    if row is None:
        raise NotFound("order", order_id)
    return _view(row, order_lists.beside_of(connection, [row]))


def view_of_new(order: Order, customer: Customer) -> OrderView:
    """An order of this branch as clients see it when it was just written: no other node has it yet, and no
    order known here has its user, key and body."""
    return OrderView(
        id=order.id,
        number=order.number,
        branch=order.branch,
        epoch=order.epoch,
        status=order.status,
        customer=customer,
        lines=order.lines,
        total_cents=order.total_cents,
        note=order.note,
        version=order.version,
        created_at=times.shown(order.created_at),
        stored_by=[],
        possible_duplicates=[],
    )


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[OrderView]:
    """Up to `limit` orders after the id `after`, by id (UUIDv7: about by time)."""
    rows = order_lists.rows(connection, after, limit)
    beside = order_lists.beside_of(connection, rows)
    return [_view(row, beside) for row in rows]


def _view(row: Row, beside: Beside) -> OrderView:
    order = Order.from_row(row)
    return OrderView(
        id=order.id,
        number=order.number,
        branch=order.branch,
        epoch=order.epoch,
        status=order.status,
        customer=beside.customers.get(order.customer_id),
        lines=order.lines,
        total_cents=order.total_cents,
        note=order.note,
        version=order.version,
        created_at=times.shown(order.created_at),
        stored_by=beside.stored_by[order.id],
        possible_duplicates=beside.duplicates.get(order.id, []),
    )


def sales_of(connection: sqlite3.Connection, product_ids: Sequence[str]) -> dict[str, list[SoldUnits]]:
    """The units of these products in every placed order known here, by product, to name the orders that are
    short when oversold."""
    found: dict[str, list[SoldUnits]] = {}
    if product_ids:
        for row in connection.execute(_SALES, (json.dumps(list(product_ids)),)):
            sold = SoldUnits(
                lamport=row["lamport"], branch=row["branch"], order_id=row["id"], quantity=row["quantity"]
            )
            found.setdefault(row["product_id"], []).append(sold)
    return found


def count_possible_duplicates(connection: sqlite3.Connection) -> int:
    """How many orders repeat another one's user, key and body, because a client sent them to two branches
    during a partition."""
    return int(connection.execute(_COUNT_DUPLICATES).fetchone()[0])
