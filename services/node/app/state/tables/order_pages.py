"""Orders by the page: the work of `orders`, for many orders in few statements.

Only plain orders are handled here. All others are left to `orders`, one by one: a known order that differs, a
text or number that needs a closer look, a constraint that does not hold.
"""

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, core_schema, to_json

from app.database import Transaction, digest
from app.database.many_rows import write_rows
from app.database.seals import BETWEEN, NOTHING, seal_joined
from app.domain.forms import Row
from app.domain.order import LINE, LINE_RULES, MAX_LINES, NAMES, ORDER_RULES
from app.state.tables import row_sql
from app.state.tables.order_rows import ORDER, encode, joined_row, read
from app.state.tables.row_schemas import object_of

_LINES = core_schema.list_schema(object_of(LINE_RULES), min_length=1, max_length=MAX_LINES, strict=True)
_HOLDS = SchemaValidator(object_of(ORDER_RULES, lines=_LINES))
_order_of = itemgetter(*ORDER)
_COLUMNS = (*ORDER, "checksum", "announced", "seq", "donor")
_LINE_COLUMNS = ("order_id", *LINE)


class _Plain(NamedTuple):
    """A row that is certainly an order which a node could have written, and what its seal joins."""

    row: Row
    joined: str


def is_plain(row: Any) -> bool:
    """Whether a row from a peer is certainly an order that a node could have written. False means that
    `orders.merge` must decide."""
    return _look_at([row])[0] is not None


def merge(tx: Transaction, rows: Sequence[Any], *, donor: str) -> tuple[int, list[Any]]:
    """Apply the plain ones of a peer's orders. Returns how many were written, and the rows left for
    `orders.merge`. Raises a constraint error, for the caller to undo, if one of them does not fit."""
    plain: dict[str, _Plain] = {}
    left, limit = [], tx.lamport_limit
    for row, seen in zip(rows, _look_at(rows), strict=True):
        if seen is not None and row["id"] not in plain and row["lamport"] <= limit:
            plain[row["id"]] = seen
        else:
            left.append(row)
    for ours in read(tx.connection, plain):
        theirs = plain.pop(ours["id"]).row
        if encode(ours) != encode(theirs):
            left.append(theirs)
    _insert(tx, plain.values(), donor=donor)
    return len(plain), left


def _insert(tx: Transaction, orders: Collection[_Plain], *, donor: str) -> None:
    values = [(*_order_of(row), seal_joined(joined), "", 0, donor) for row, joined in orders]
    write_rows(tx.connection, row_sql.insert("orders", _COLUMNS), values)
    lines = [(row["id"], *line.values()) for row, _ in orders for line in row["lines"]]
    write_rows(tx.connection, row_sql.insert("order_lines", _LINE_COLUMNS), lines)
    # As `encode`, of plain rows.
    digest.add_rows(tx.effects.deltas, "orders", [(row["id"], to_json(row)) for row, _ in orders])


def _look_at(rows: Sequence[Any]) -> list[_Plain | None]:
    """Those of these rows that are plain; None in the place of any other. Where all of a page are, their
    texts are checked together."""
    found = [_Plain(row, joined_row(row)) if _has_form(row) else None for row in rows]
    formed = [each for each in found if each is not None]
    if _have_plain_texts(formed):
        return found
    return [each if each is not None and _have_plain_texts([each]) else None for each in found]


def _has_form(row: Any) -> bool:
    """Whether a row has the fields and the kinds of values of an order, and whole lines. Reading lines from
    the table must give them in the order in which they came."""
    if not _HOLDS.isinstance_python(row) or tuple(row) != NAMES or type(row["created_at"]) is not float:
        return False
    before, rest = -1, row["total_cents"]
    for line in row["lines"]:
        if tuple(line) != LINE or line["line"] <= before:
            return False
        before = line["line"]
        rest -= line["quantity"] * line["unit_price_cents"]
    return bool(rest == 0)


def _have_plain_texts(orders: Sequence[_Plain]) -> bool:
    """Whether `text.fault` finds nothing wrong in the texts of these orders, lengths aside. All are checked
    at once, because the only white printable character is the space, and no text may have the marks between
    them."""
    whole = BETWEEN.join(["", *(joined for _, joined in orders), ""])
    marks = 1 + sum([len(ORDER) + len(LINE) * len(row["lines"]) for row, _ in orders])
    nothings = sum([(row["idempotency_key"] is None) + (row["note"] is None) for row, _ in orders])
    return (
        (whole.count(BETWEEN), whole.count(NOTHING)) == (marks, nothings)
        and whole.replace(BETWEEN, "").replace(NOTHING, "").isprintable()
        and f"{BETWEEN} " not in whole
        and f" {BETWEEN}" not in whole
    )
