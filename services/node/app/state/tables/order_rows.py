"""Orders with their lines as rows: reads, encodes, seals and writes many in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Literal

import pydantic_core

from app.database import Transaction, digest
from app.database.seals import NOTHING, UNREADABLE, Stored, Use, require_written, seal, seal_joined
from app.domain import forms
from app.domain.forms import Form, Row
from app.domain.order import LINE, NAMES
from app.state.tables import row_sql

ORDER = tuple(sorted(forms.ORDERS.columns))
_LINES_AT = NAMES.index("lines")
_ID_AT = ORDER.index("id")
_order_of = itemgetter(*ORDER)
_line_of = itemgetter(*LINE)
PLAIN_SECONDS = (1e-3, 1e15)  # between them every encoder writes the shortest digits without an exponent

_DELETE_LINES = "DELETE FROM order_lines WHERE order_id = ?"


PLACE = ("id", "branch", "announced", "seq", "donor")
"""Columns that tell where an order is stored (app.state.tables.order_durability). No seal covers them all."""

Place = tuple[Any, ...]
Those = Literal["IN (SELECT value FROM json_each(?))", "BETWEEN ? AND ?"]
"""Which orders: those of a list of ids as JSON, or all from one id to another."""


@cache
def _read_orders(form: Form, those: Those) -> str:
    names = (*ORDER, *form.selected[len(form.columns) :], "checksum", *PLACE)
    return f"SELECT {', '.join(names)} FROM orders WHERE id {those} ORDER BY id"


@cache
def _read_lines(form: Form, those: Those) -> str:
    names = (*LINE, *form.selected[len(form.columns) :])
    return (
        f"SELECT order_id, {', '.join(names)} FROM order_lines WHERE order_id {those} ORDER BY order_id, line"
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
    return _found(connection, "IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))[0]


def _found(
    connection: sqlite3.Connection, those: Those, values: tuple[str, ...]
) -> tuple[list[Stored], list[Place]]:
    form, line_form = forms.of("orders"), forms.of("order_lines")
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: a page has thousands of them
    lines = _by_order(cursor.execute(_read_lines(line_form, those), values))
    found = cursor.execute(_read_orders(form, those), values).fetchall()
    beyond = -len(PLACE)
    orders = [_stored(form, line_form, row[:beyond], lines.get(row[_ID_AT], [])) for row in found]
    return orders, [row[beyond:] for row in found]


def _by_order(found: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Lines that were read, by their orders' ids, less these."""
    lines: dict[str, list[tuple[Any, ...]]] = {}
    for line in found:
        lines.setdefault(line[0], []).append(line[1:])
    return lines


def read(connection: sqlite3.Connection, ids: Iterable[str], use: Use = "show") -> list[Row]:
    """The snapshots of those of these orders that are here, by id. Raises AlteredRow."""
    return [require_written(connection, row, use) for row in stored(connection, ids)]


def read_between(connection: sqlite3.Connection, first: str, last: str) -> tuple[list[Row], list[Place]]:
    """The snapshots of all orders from the id `first` to `last`, by id, to be shown, and where each is
    stored. Neighbours cost less than as many of any. Raises AlteredRow."""
    found, places = _found(connection, "BETWEEN ? AND ?", (first, last))
    return [require_written(connection, row) for row in found], places


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


def joined_row(row: Mapping[str, Any]) -> str:
    """What the seal of a row joins, where it has this revision's fields only and their values have the types
    that a node writes."""
    key, note = row["idempotency_key"], row["note"]
    lines = [
        f"\x1f{line['line']}\x1f{line['name']}\x1f{line['product_id']}\x1f{line['quantity']}\x1f{line['sku']}"
        f"\x1f{line['unit_price_cents']}"
        for line in row["lines"]
    ]
    return (
        f"{row['branch']}\x1f{row['created_at']!r}\x1f{row['customer_id']}\x1f{row['epoch']}\x1f{row['id']}"
        f"\x1f{NOTHING if key is None else key}\x1f{row['lamport']}\x1f{NOTHING if note is None else note}"
        f"\x1f{row['number']}\x1f{row['request_hash']}\x1f{row['status']}\x1f{row['total_cents']}"
        f"\x1f{row['user_id']}\x1f{row['version']}{''.join(lines)}"
    )


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


def defer_lines(tx: Transaction, lines: Sequence[tuple[Any, ...]]) -> None:
    """Write the lines of deferred orders with the group's rows."""
    tx.rows.deferred.add_all(_insert_line(forms.of("order_lines")), lines)


def _stored(form: Form, line_form: Form, values: Sequence[Any], lines: Sequence[tuple[Any, ...]]) -> Stored:
    return _plain(values, lines) or _any(form, line_form, values, lines)


def _plain(values: Sequence[Any], lines: Sequence[tuple[Any, ...]]) -> Stored | None:
    """As `_any`, for an order of this revision's fields in which nothing is missing: most are so, and a page
    has a hundred. None for any other."""
    if len(values) != len(ORDER) + 2 or type(values[_ID_AT]) is not str:
        return None
    branch, created_at, customer_id, epoch, id_, key, lamport, note, number, *others = values
    request_hash, status, total_cents, user_id, version, extra, written = others
    if extra is not None or values.count(None) != 1 + (key is None) + (note is None):
        return None
    built, joined = [], ""
    for each in lines:
        if len(each) != len(LINE) + 1 or each[-1] is not None or each.count(None) != 1:
            return None
        line, name, product_id, quantity, sku, unit_price_cents, _ = each
        built.append(dict(zip(LINE, each, strict=False)))
        joined += f"\x1f{line}\x1f{name}\x1f{product_id}\x1f{quantity}\x1f{sku}\x1f{unit_price_cents}"
    found = seal_joined(
        f"{branch}\x1f{created_at}\x1f{customer_id}\x1f{epoch}\x1f{id_}"
        f"\x1f{NOTHING if key is None else key}\x1f{lamport}\x1f{NOTHING if note is None else note}"
        f"\x1f{number}\x1f{request_hash}\x1f{status}\x1f{total_cents}\x1f{user_id}\x1f{version}{joined}"
    )
    row = {
        "branch": branch,
        "created_at": created_at,
        "customer_id": customer_id,
        "epoch": epoch,
        "id": id_,
        "idempotency_key": key,
        "lamport": lamport,
        "lines": built,
        "note": note,
        "number": number,
        "request_hash": request_hash,
        "status": status,
        "total_cents": total_cents,
        "user_id": user_id,
        "version": version,
    }
    return Stored("orders", id_, row, written, found)


def _any(form: Form, line_form: Form, values: Sequence[Any], lines: Sequence[tuple[Any, ...]]) -> Stored:
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
