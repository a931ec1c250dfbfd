"""Orders by the page: the work of `orders`, for many orders in few statements.

Only plain orders are handled here. All others are left to `orders`, one by one: a known order that differs, a
text or number that needs a closer look, a constraint that does not hold.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, core_schema

from app.database import Transaction, digest
from app.domain.bounds import LATEST_SECONDS
from app.domain.forms import Row
from app.domain.order import LINE, LINE_RULES, MAX_LINES, NAMES, ORDER_RULES
from app.domain.row_checks import Natural, OneOf, Rule, Rules, Seconds, Text
from app.state.tables import row_sql
from app.state.tables.order_rows import ORDER, PLAIN_SECONDS, encode, read, sealed


def _texts_among(rules: Rules, *, optional: bool) -> list[str]:
    """The names of the fields that may hold any text."""
    return [name for name, rule in rules.items() if isinstance(rule, Text) and rule.optional == optional]


def _schema_of(rule: Rule) -> CoreSchema:
    """A rule in the form of pydantic's core, which checks it many times faster. It does not look at the
    characters of a text, and accepts only times that every encoder writes alike."""
    match rule:
        case Text(longest=longest, optional=optional):
            words = core_schema.str_schema(min_length=1, max_length=longest, strict=True)
            return core_schema.nullable_schema(words) if optional else words
        case Natural(least=least, most=most):
            return core_schema.int_schema(ge=least, le=most, strict=True)
        case Seconds():
            return core_schema.float_schema(
                ge=PLAIN_SECONDS[0], lt=min(PLAIN_SECONDS[1], LATEST_SECONDS), allow_inf_nan=False
            )
        case OneOf(words=known):
            return core_schema.literal_schema(list(known))


def _object_of(rules: Rules, **more: CoreSchema) -> CoreSchema:
    """An object with exactly these fields."""
    schemas = {**{name: _schema_of(rule) for name, rule in rules.items()}, **more}
    fields = {name: core_schema.typed_dict_field(schema) for name, schema in schemas.items()}
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


_LINES = core_schema.list_schema(_object_of(LINE_RULES), min_length=1, max_length=MAX_LINES, strict=True)
_HOLDS = SchemaValidator(_object_of(ORDER_RULES, lines=_LINES))
_texts_of = itemgetter(*_texts_among(ORDER_RULES, optional=False))
_optional_of = itemgetter(*_texts_among(ORDER_RULES, optional=True))
_words_of = itemgetter(*_texts_among(LINE_RULES, optional=False))
_order_of = itemgetter(*ORDER)
_INSERT = row_sql.insert("orders", (*ORDER, "checksum", "announced", "seq", "donor"))
_INSERT_LINE = row_sql.insert("order_lines", ("order_id", *LINE))


def is_plain(row: Any) -> bool:
    """Whether a row from a peer is certainly an order that a node could have written. False means that
    `orders.merge` must decide."""
    if not _HOLDS.isinstance_python(row) or tuple(row) != NAMES or type(row["created_at"]) is not float:
        return False
    lines = row["lines"]
    return (
        all(tuple(line) == LINE for line in lines)
        and _in_order([line["line"] for line in lines])
        and sum(line["quantity"] * line["unit_price_cents"] for line in lines) == row["total_cents"]
        and _are_plain(
            [
                *_texts_of(row),
                *(text for text in _optional_of(row) if text is not None),
                *(word for line in lines for word in _words_of(line)),
            ]
        )
    )


def merge(tx: Transaction, rows: Sequence[Any], *, donor: str) -> tuple[int, list[Any]]:
    """Apply the plain ones of a peer's orders. Returns how many were written, and the rows left for
    `orders.merge`. Raises a constraint error, for the caller to undo, if one of them does not fit."""
    plain: dict[str, Row] = {}
    left = []
    for row in rows:
        if is_plain(row) and row["id"] not in plain and row["lamport"] <= tx.lamport_limit:
            plain[row["id"]] = row
        else:
            left.append(row)
    for ours in read(tx.connection, plain):
        theirs = plain.pop(ours["id"])
        if encode(ours) != encode(theirs):
            left.append(theirs)
    _insert(tx, list(plain.values()), donor=donor)
    return len(plain), left


def _insert(tx: Transaction, rows: Sequence[Row], *, donor: str) -> None:
    tx.connection.executemany(_INSERT, [(*_order_of(row), sealed(row), "", 0, donor) for row in rows])
    tx.connection.executemany(
        _INSERT_LINE, [(row["id"], *line.values()) for row in rows for line in row["lines"]]
    )
    for row in rows:
        digest.add_row(tx.effects.deltas, "orders", row["id"], encode(row))


def _in_order(numbers: Sequence[int]) -> bool:
    """Whether reading the lines from the table gives them in the order in which they came."""
    return all(one < next_ for one, next_ in pairwise(numbers))


def _are_plain(texts: Iterable[str]) -> bool:
    """Whether `text.fault` finds nothing wrong in these texts, lengths aside. All are checked at once,
    because the only white printable character is the space."""
    joined = f"|{'|'.join(texts)}|"
    return joined.isprintable() and not ("||" in joined or "| " in joined or " |" in joined)
