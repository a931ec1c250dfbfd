"""What is written of new orders: rows, lines, seals and canonical bytes, made straight from their values."""

from collections.abc import Sequence
from json.encoder import encode_basestring as text
from operator import attrgetter, itemgetter
from typing import Any

from app.database import digest
from app.database.seals import NOTHING, seal_joined
from app.domain import forms
from app.domain.order import LINE, Order
from app.domain.values import value
from app.state.tables import order_rows
from app.state.tables.order_rows import ORDER

_ID_AT = ORDER.index("id")
_plain_of = attrgetter(*ORDER)
_plain_line_of = attrgetter(*LINE)
_as_stored = itemgetter(*map(ORDER.index, forms.ORDERS.columns))
_line_as_stored = itemgetter(*map(LINE.index, forms.LINES.columns))
_beyond_of = attrgetter("beyond")


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
    if order.beyond or has_added() or any(map(_beyond_of, order.lines)):
        row, line_form = order.as_json(), forms.of("order_lines")
        lines = [(order.id, *line_form.stored(line)) for line in row["lines"]]
        return NewOrder((*order_rows.order_values(row), order_rows.sealed(row)), lines, digest.canonical(row))
    return of_plain(_plain_of(order), [*map(_plain_line_of, order.lines)])


def has_added() -> bool:
    """Whether this version's orders have fields that a later revision added."""
    return bool(forms.of("orders").added or forms.of("order_lines").added)


def of_plain(values: Sequence[Any], lines: Sequence[Sequence[Any]]) -> NewOrder:
    """What is written of a new order of this revision's fields: of these values of ORDER, with those of LINE
    for each line."""
    order_id = values[_ID_AT]
    return NewOrder(
        (*_as_stored(values), None, _seal_plain(values, lines)),
        [(order_id, *_line_as_stored(line), None) for line in lines],
        _encode_plain(values, lines),
    )


def _seal_plain(values: Sequence[Any], lines: Sequence[Sequence[Any]]) -> int:
    """The seal of these values of ORDER, with those of LINE for each line: their texts are joined at once."""
    # \x1f is what a seal joins its values with (seals.BETWEEN). Written out it costs an order the least.
    (branch, created_at, customer_id, epoch, id_, key, lamport, note, number, request_hash, status,
     total_cents, user_id, version) = values  # fmt: skip
    joined = [
        f"\x1f{line}\x1f{name}\x1f{product_id}\x1f{quantity}\x1f{sku}\x1f{unit_price_cents}"
        for line, name, product_id, quantity, sku, unit_price_cents in lines
    ]
    return seal_joined(
        f"{branch}\x1f{created_at!r}\x1f{customer_id}\x1f{epoch}\x1f{id_}"
        f"\x1f{NOTHING if key is None else key}\x1f{lamport}\x1f{NOTHING if note is None else note}"
        f"\x1f{number}\x1f{request_hash}\x1f{status}\x1f{total_cents}\x1f{user_id}\x1f{version}"
        f"{''.join(joined)}"
    )


def _encode_plain(values: Sequence[Any], lines: Sequence[Sequence[Any]]) -> bytes:
    (branch, created_at, customer_id, epoch, id_, key, lamport, note, number, request_hash, status,
     total_cents, user_id, version) = values  # fmt: skip
    said = ",".join(
        [
            f'{{"line":{line},"name":{text(name)},"product_id":{text(product_id)},"quantity":{quantity},'
            f'"sku":{text(sku)},"unit_price_cents":{unit_price_cents}}}'
            for line, name, product_id, quantity, sku, unit_price_cents in lines
        ]
    )
    return (
        f'{{"branch":{text(branch)},"created_at":{created_at!r},"customer_id":{text(customer_id)},'
        f'"epoch":{text(epoch)},"id":{text(id_)},"idempotency_key":{"null" if key is None else text(key)},'
        f'"lamport":{lamport},"lines":[{said}],"note":{"null" if note is None else text(note)},'
        f'"number":{text(number)},"request_hash":{text(request_hash)},"status":{text(status)},'
        f'"total_cents":{total_cents},"user_id":{text(user_id)},"version":{version}}}'
    ).encode()
