"""Orders between JSON text and values without a model in between, for the quick way. Each function gives what
the models of `app.api.schemas.orders` give; `tests/api/test_order_texts.py` compares them."""

from json.encoder import encode_basestring as text
from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic takes that of `typing` from Python 3.12 on

from app.api.schemas.orders import Order
from app.domain.order import MAX_LINES, MAX_QUANTITY
from app.domain.text import KEY
from app.state.commands.order_commands import PlaceOrder
from app.state.tables.orders import OrderView

_PLAIN = ConfigDict(extra="forbid", strict=True)
_PlainKey = Annotated[str, StringConstraints(pattern=rf"^[!-~]{{1,{KEY}}}$")]


@with_config(_PLAIN)
class _Line(TypedDict):
    sku: _PlainKey
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


@with_config(_PLAIN)
class _Order(TypedDict):
    customer: _PlainKey
    lines: Annotated[list[_Line], Field(min_length=1, max_length=MAX_LINES)]
    note: NotRequired[None]


_orders = TypeAdapter(_Order)


def plain_order(body: bytes) -> PlaceOrder | None:
    """The order in a body whose keys are visible ASCII and that has no note. None for every other body, which
    may be an order all the same.

    Each name of an object has its colon, so a body with more colons than names says something twice.
    """
    try:
        found = _orders.validate_json(body)
    except ValidationError:
        return None
    lines = tuple([(line["sku"], line["quantity"]) for line in found["lines"]])
    if body.count(b":") != len(found) + 2 * len(lines):
        return None
    return PlaceOrder(customer=found["customer"], lines=lines)


def canonical_order(order: PlaceOrder) -> bytes:
    """The order in canonical form (`app.database.digest`), from which the hash of a request is made."""
    lines = ",".join([f'{{"quantity":{quantity},"sku":{text(sku)}}}' for sku, quantity in order.lines])
    note = "null" if order.note is None else text(order.note)
    return f'{{"customer":{text(order.customer)},"lines":[{lines}],"note":{note}}}'.encode()


def order_shown(order: OrderView) -> bytes:
    """The answer of an order."""
    customer = order.customer
    if customer is None or order.stored_by or order.possible_duplicates:  # one that was there before
        return Order.__pydantic_serializer__.to_json(Order.model_validate(order))
    lines = ",".join(
        [
            f'{{"sku":{text(line.sku)},"name":{text(line.name)},"quantity":{line.quantity},'
            f'"unit_price_cents":{line.unit_price_cents}}}'
            for line in order.lines
        ]
    )
    note = "null" if order.note is None else text(order.note)
    return (
        f'{{"id":{text(order.id)},"number":{text(order.number)},"branch":{text(order.branch)},'
        f'"epoch":{text(order.epoch)},"status":{text(order.status)},"customer":{{"id":{text(customer.id)},'
        f'"code":{text(customer.code)},"name":{text(customer.name)}}},"lines":[{lines}],'
        f'"total_cents":{order.total_cents},"note":{note},"version":{order.version},'
        f'"created_at":{text(order.created_at)},"stored_by":[],"possible_duplicates":[]}}'
    ).encode()
