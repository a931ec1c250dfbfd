"""Plain orders of a page, as their list shows them. SQLite puts all of them into one text, beside the
interpreter: row by row it would ask for the interpreter's lock hundreds of times a page.

Only what is plain in every way is read here. Whatever else a page has is left to `order_lists`, which reads
rows: fields of a later revision, values of other kinds than the table's, a row that does not fit its seal.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.database.seals import BETWEEN, NOTHING, seal_joined
from app.domain import forms
from app.domain.customer import Customer
from app.domain.order import LINE, LINE_RULES, ORDER_RULES
from app.domain.row_checks import Natural, Rule, Rules, Seconds
from app.state.tables import order_lists
from app.state.tables.order_lists import Span
from app.state.tables.order_rows import ORDER, PLACE

# What stands between the parts of the text: inside of its own texts JSON escapes them.
_AFTER_ORDER, _AFTER_VALUES, _AFTER_PART = "\x1e", "\x1f", "\x1d"
_BETWEEN_PARTS = f"]{_AFTER_PART}["
_OF_SECOND = 1 << 22
"""A time since 2004 is a whole number of such parts of a second, so it passes through JSON as it is, where
SQLite would round it. Any other misses its seal, and its page is read row by row."""

_STORED = ("checksum", "announced", "seq", "donor")
_SEALED_FROM = len(_STORED)
_VALUES = (*_STORED, *ORDER)
_TIME, _KEY, _NOTE = (ORDER.index(name) for name in ("created_at", "idempotency_key", "note"))
_place_of = itemgetter(*(_VALUES.index(name) for name in PLACE))
_id_of, _customer_of, _key_of = (
    itemgetter(_VALUES.index(name)) for name in ("id", "customer_id", "idempotency_key")
)
_ID_OF = attrgetter("id")


class Brief(NamedTuple):
    """What a list shows of an order. Its `lines` are JSON objects with commas between them; `stored_by` and
    `duplicates` are as in `order_lists.Beside`."""

    values: Sequence[Any]
    lines: str
    customer: Customer | None
    stored_by: list[str]
    duplicates: list[str]

    @property
    def id(self) -> str:
        """Its id."""
        found: str = _id_of(self.values)
        return found

    @property
    def order(self) -> tuple[Sequence[Any], float]:
        """The values of ORDER, with digits for the whole numbers among them; and its time in seconds."""
        return self.values[_SEALED_FROM : len(_VALUES)], self.values[_SEALED_FROM + _TIME] / _OF_SECOND


def between(connection: sqlite3.Connection, orders: Span, *, of_line: Sequence[str]) -> list[Brief] | None:
    """These orders, by id, each with these columns of its lines. None if one of them is not plain."""
    if any(forms.of(relation).added for relation in ("orders", "order_lines")):
        return None
    try:
        count, text = connection.execute(_select(tuple(of_line)), orders).fetchone()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            raise
        return None  # a value that JSON cannot have
    pieces = [piece.partition(_AFTER_VALUES) for piece in (text or "").split(_AFTER_ORDER)]
    arrays = ",".join([values.replace(_BETWEEN_PARTS, ",") for values, _, _ in pieces])
    try:
        read = from_json(f"[{arrays}]", cache_strings=False)  # hardly any comes twice
        if len(read) != count or not all(map(_fits_its_seal, read)):
            return None
    except (ValueError, TypeError):
        return None
    briefs = _with_what_is_beside(connection, orders, read, [lines for _, _, lines in pieces])
    return sorted(briefs, key=_ID_OF)


def _fits_its_seal(values: list[Any]) -> bool:
    sealed = values[_SEALED_FROM:]
    sealed[_TIME] = repr(sealed[_TIME] / _OF_SECOND)
    if sealed[_KEY] is None:
        sealed[_KEY] = NOTHING
    if sealed[_NOTE] is None:
        sealed[_NOTE] = NOTHING
    found: bool = seal_joined(BETWEEN.join(sealed)) == values[0]
    return found


def _with_what_is_beside(
    connection: sqlite3.Connection, orders: Span, read: Sequence[Any], lines: Sequence[str]
) -> list[Brief]:
    known, stored_by, duplicates = order_lists.beside_between(
        connection,
        orders,
        customer_ids=set(map(_customer_of, read)),
        places=map(_place_of, read),
        has_keys=any(key is not None for key in map(_key_of, read)),
    )
    return [
        Brief(
            values, sold, known.get(_customer_of(values)), stored_by[order_id], duplicates.get(order_id, [])
        )
        for values, sold, order_id in zip(read, lines, map(_id_of, read), strict=True)
    ]


@cache
def _select(of_line: tuple[str, ...]) -> str:
    """The number of orders, and all those that have the kinds of values that a node writes, as one text: JSON
    of what seals them, then their lines as they are shown."""
    order = ", ".join([*_STORED, *(_sealed(name, ORDER_RULES) for name in ORDER)])
    line = ", ".join([_sealed(name, LINE_RULES) for name in LINE])
    shown = ", ".join([f"'{name}', {name}" for name in of_line])
    # A line of another kind must not be left out: the others may fit the seal. A number fits none.
    sold = f"CASE WHEN {_is_plain(LINE_RULES)} THEN json_array({line}) ELSE '[0]' END"
    part, values = f"char({ord(_AFTER_PART)})", f"char({ord(_AFTER_VALUES)})"
    lines = f"""
        SELECT {part} || group_concat({sold}, {part}) || {values} || group_concat(json_object({shown}))
        FROM order_lines WHERE order_id = o.id
    """
    return f"""
        SELECT COUNT(*), group_concat(plain, char({ord(_AFTER_ORDER)})) FROM (
            SELECT CASE WHEN {_is_plain(ORDER_RULES)}
                THEN json_array({order}) || COALESCE(({lines}), '') END AS plain
            FROM orders o WHERE id BETWEEN ? AND ? ORDER BY id
        )
    """


def _is_plain(rules: Rules) -> str:
    kinds = [(name, _kind(rule)) for name, rule in rules.items()]
    return " AND ".join(["extra IS NULL", *(f"typeof({name}) = '{kind}'" for name, kind in kinds if kind)])


def _kind(rule: Rule) -> str | None:
    """The kind of value in a column, unless it is a text: JSON tells texts from all else."""
    return "integer" if isinstance(rule, Natural) else "real" if isinstance(rule, Seconds) else None


def _sealed(name: str, rules: Rules) -> str:
    """A column as JSON tells it: a time as parts of a second, a whole number by its digits."""
    kind = _kind(rules[name])
    if kind == "real":
        return f"CAST({name} * {_OF_SECOND} AS INTEGER)"
    return f"CAST({name} AS TEXT)" if kind == "integer" else name
