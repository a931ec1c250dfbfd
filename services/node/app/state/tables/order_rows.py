"""Orders with their lines as rows: reads, encodes, seals and writes many in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from json.encoder import encode_basestring as text
from operator import attrgetter, itemgetter
from typing import Any

import pydantic_core

from app.database import Transaction, digest
from app.database.seals import NOTHING, UNREADABLE, Stored, Use, require_written, seal, seal_joined
from app.domain import forms
from app.domain.forms import Form, Row
from app.domain.order import LINE, NAMES, Order
from app.domain.values import value
from app.state.tables import row_sql

ORDER = tuple(sorted(forms.ORDERS.columns))
_LINES_AT = NAMES.index("lines")
_ID_AT = ORDER.index("id")
_order_of = itemgetter(*ORDER)
_line_of = itemgetter(*LINE)
_columns_of = attrgetter(*forms.ORDERS.columns)
_beyond_of = attrgetter("beyond")
_line_columns_of = attrgetter(*forms.LINES.columns)
PLAIN_SECONDS = (1e-3, 1e15)  # between them every encoder writes the shortest digits without an exponent

_DELETE_LINES = "DELETE FROM order_lines WHERE order_id = ?"


@cache
def _read_orders(form: Form) -> str:
    names = (*ORDER, *form.selected[len(form.columns) :], "checksum")
    return f"SELECT {', '.join(names)} FROM orders WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"


@cache
def _read_lines(form: Form) -> str:
    names = (*LINE, *form.selected[len(form.columns) :])
    return (
        f"SELECT order_id, {', '.join(names)} FROM order_lines"
        " WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY order_id, line"
    )


@cache
def _put(form: Form) -> str:
    names = (*form.selected, "checksum")
    insert = row_sql.insert("orders", (*names, "announced", "seq", "donor"))
    return f"{insert} {row_sql.instead('id', names[1:])}"


@cache
def _insert_line(form: Form) -> str:
    return row_sql.insert("order_lines", ("order_id", *form.selected))


def stored(connection: sqlite3.Connection, ids: Iterable[str]) -> list[Stored]:
    """Those of these orders that are here, by id, sound or altered."""
    listed = json.dumps(list(ids))
    form, line_form = forms.of("orders"), forms.of("order_lines")
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: a page has thousands of them
    lines: dict[str, list[tuple[Any, ...]]] = {}
    for line in cursor.execute(_read_lines(line_form), (listed,)):
        lines.setdefault(line[0], []).append(line[1:])
    found = cursor.execute(_read_orders(form), (listed,)).fetchall()
    return [_stored(form, line_form, row, lines.get(row[_ID_AT], [])) for row in found]


def read(connection: sqlite3.Connection, ids: Iterable[str], use: Use = "show") -> list[Row]:
    """The snapshots of those of these orders that are here, by id. Raises AlteredRow."""
    return [require_written(connection, row, use) for row in stored(connection, ids)]


def snapshot(connection: sqlite3.Connection, order_id: str, use: Use = "show") -> Row | None:
    """The order with its lines in canonical form, or None. Columns that only this node uses (the seq of its
    own event) are not part of it."""
    found = read(connection, [order_id], use)
    return found[0] if found else None


def encode(row: Row) -> bytes:
    """The same bytes as `digest.canonical`, much faster for an order whose fields stand by name."""
    seconds, lines = row.get("created_at"), row.get("lines")
    plain = (
        tuple(row) == NAMES
        and type(seconds) is float
        and PLAIN_SECONDS[0] <= seconds < PLAIN_SECONDS[1]
        and type(lines) is list
        and all(type(line) is dict and tuple(line) == LINE for line in lines)
    )
    return pydantic_core.to_json(row) if plain else digest.canonical(row)


def sealed(row: Mapping[str, Any]) -> int:
    """The seal of an order; it covers the lines."""
    form, line_form = forms.of("orders"), forms.of("order_lines")
    values: list[Any] = [*_order_of(row)]
    for line in row["lines"]:
        values += _line_of(line)
        values += forms.sealed_beyond(line_form.beyond(line))
    return seal([*values, *forms.sealed_beyond(form.beyond(_without_lines(row)))])


@value(frozen=True, slots=True)
class NewOrder:
    """What is written of a new order: the `values` of its row with the seal last, its `lines`, and its
    canonical bytes."""

    values: tuple[Any, ...]
    lines: list[tuple[Any, ...]]
    encoded: bytes


def of_new(order: Order) -> NewOrder:
    """What is written of a new order. An order without fields of later revisions takes no way through its
    canonical row."""
    form, line_form = forms.of("orders"), forms.of("order_lines")
    if order.beyond or form.added or line_form.added or any(map(_beyond_of, order.lines)):
        row = order.as_json()
        lines = [(order.id, *line_form.stored(line)) for line in row["lines"]]
        return NewOrder((*order_values(row), sealed(row)), lines, digest.canonical(row))
    values = (*_columns_of(order), None, _seal_plain(order))
    lines = [(order.id, *_line_columns_of(line), None) for line in order.lines]
    return NewOrder(values, lines, _encode_plain(order))


def _seal_plain(order: Order) -> int:
    """As `sealed`, for an order of this revision's fields: the texts are joined at once."""
    # \x1f is what a seal joins its values with (seals.BETWEEN). Written out it costs an order the least.
    key, note = order.idempotency_key, order.note
    lines = [
        f"\x1f{line.line}\x1f{line.name}\x1f{line.product_id}\x1f{line.quantity}\x1f{line.sku}"
        f"\x1f{line.unit_price_cents}"
        for line in order.lines
    ]
    return seal_joined(
        f"{order.branch}\x1f{order.created_at!r}\x1f{order.customer_id}\x1f{order.epoch}\x1f{order.id}"
        f"\x1f{NOTHING if key is None else key}\x1f{order.lamport}\x1f{NOTHING if note is None else note}"
        f"\x1f{order.number}\x1f{order.request_hash}\x1f{order.status}\x1f{order.total_cents}"
        f"\x1f{order.user_id}\x1f{order.version}{''.join(lines)}"
    )


def _encode_plain(order: Order) -> bytes:
    key, note = order.idempotency_key, order.note
    lines = ",".join(
        [
            f'{{"line":{line.line},"name":{text(line.name)},"product_id":{text(line.product_id)},'
            f'"quantity":{line.quantity},"sku":{text(line.sku)},"unit_price_cents":{line.unit_price_cents}}}'
            for line in order.lines
        ]
    )
    return (
        f'{{"branch":{text(order.branch)},"created_at":{order.created_at!r},'
        f'"customer_id":{text(order.customer_id)},"epoch":{text(order.epoch)},"id":{text(order.id)},'
        f'"idempotency_key":{"null" if key is None else text(key)},"lamport":{order.lamport},'
        f'"lines":[{lines}],"note":{"null" if note is None else text(note)},"number":{text(order.number)},'
        f'"request_hash":{text(order.request_hash)},"status":{text(order.status)},'
        f'"total_cents":{order.total_cents},"user_id":{text(order.user_id)},"version":{order.version}}}'
    ).encode()


def put(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write an order over the stored one, without counting it in the digest. Columns that only this node uses
    (its event) stay."""
    tx.connection.execute(_put(forms.of("orders")), (*order_values(row), sealed(row), "", 0, ""))
    tx.connection.execute(_DELETE_LINES, (row["id"],))
    line_form = forms.of("order_lines")
    insert_lines(tx, [(row["id"], *line_form.stored(line)) for line in row["lines"]])
    tx.effects.replaced = True


def order_values(row: Mapping[str, Any]) -> list[Any]:
    """The values to store of an order without its lines, as its form `selected`."""
    return forms.of("orders").stored(_without_lines(row))


def _without_lines(row: Mapping[str, Any]) -> Row:
    alone = dict(row)
    alone.pop("lines", None)
    return alone


def insert_lines(tx: Transaction, lines: Sequence[tuple[Any, ...]]) -> None:
    """Write the lines of orders that have none here."""
    tx.connection.executemany(_insert_line(forms.of("order_lines")), lines)


def defer_lines(tx: Transaction, order: NewOrder) -> None:
    """Write the lines of a deferred order with the group's rows."""
    tx.rows.deferred.add_all(_insert_line(forms.of("order_lines")), order.lines)


def _stored(form: Form, line_form: Form, values: Sequence[Any], lines: Sequence[tuple[Any, ...]]) -> Stored:
    key = values[_ID_AT] if isinstance(values[_ID_AT], str) else repr(values[_ID_AT])
    *columns, written = values
    try:
        plain = columns[: len(ORDER)]
        built = [_line(line_form, line) for line in lines]
        row = dict(zip(NAMES, (*plain[:_LINES_AT], built, *plain[_LINES_AT:]), strict=True))
        sealing = [*plain]
        for line in lines:
            sealing += line[: len(LINE)]
            if len(line) > len(LINE) + 1 or line[-1] is not None:
                sealing += forms.sealed_beyond(line_form.more_of(line[len(LINE) :]))
        if len(columns) > len(ORDER) + 1 or columns[-1] is not None:
            more = form.more_of(columns[len(ORDER) :])
            row = {**row, **more}
            sealing += forms.sealed_beyond(more)
        return Stored("orders", key, row, written, seal(sealing))
    except UNREADABLE:
        return Stored("orders", key, None, written, 0)


def _line(form: Form, values: Sequence[Any]) -> Row:
    line = dict(zip(LINE, values, strict=False))
    if len(values) == len(LINE) + 1 and values[-1] is None:
        return line
    return {**line, **form.more_of(values[len(LINE) :])}
