"""Orders between JSON text and values without a model in between, for the quick way. Each function gives what
the models of `app.api.schemas.orders` give; `tests/api/test_order_texts.py` compares them."""

from collections.abc import Sequence
from json.encoder import encode_basestring as text
from operator import itemgetter
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict  # pydantic takes that of `typing` from Python 3.12 on

from app.api.schemas.orders import Order, OrderLine
from app.api.strictness import Fault
from app.domain import times
from app.domain.customer import Customer
from app.domain.forms import Row
from app.domain.order import MAX_LINES, MAX_QUANTITY
from app.domain.text import KEY
from app.state.commands.order_commands import PlaceOrder
from app.state.tables.order_briefs import Brief
from app.state.tables.order_lists import Listed
from app.state.tables.order_rows import ORDER
from app.state.tables.orders import OrderView

_PLAIN = ConfigDict(extra="forbid", strict=True)
_PlainKey = Annotated[str, StringConstraints(pattern=rf"^[!-~]{{1,{KEY}}}$")]


@with_config(_PLAIN)
class _Line(TypedDict):
    sku: _PlainKey
    quantity: int


@with_config(_PLAIN)
class _Order(TypedDict):
    customer: _PlainKey
    lines: Annotated[list[_Line], Field(min_length=1, max_length=MAX_LINES)]
    note: NotRequired[None]


_orders = TypeAdapter(_Order)
_SHOWN = ("id", "number", "branch", "epoch", "status", "total_cents", "note", "version")
_of_row, _of_brief = itemgetter(*_SHOWN), itemgetter(*map(ORDER.index, _SHOWN))


def plain_order(body: bytes) -> PlaceOrder | list[Fault] | None:
    """The order in a body whose keys are visible ASCII and that has no note; or its quantities that do not
    fit, if nothing else is wrong. None for every other body, which may be an order all the same.

    Each name of an object has its colon, so a body with more colons than names says something twice.
    """
    try:
        found = _orders.validate_json(body)
    except ValidationError:
        return None
    lines = tuple([(line["sku"], line["quantity"]) for line in found["lines"]])
    if body.count(b":") != len(found) + 2 * len(lines):
        return None
    wrong = [one for one in enumerate(lines) if not 1 <= one[1][1] <= MAX_QUANTITY]
    if wrong:
        return [_misfit(number, quantity) for number, (_, quantity) in wrong]
    return PlaceOrder(customer=found["customer"], lines=lines)


def _misfit(number: int, quantity: int) -> Fault:
    kind, name, limit = (
        ("greater_than_equal", "ge", 1) if quantity < 1 else ("less_than_equal", "le", MAX_QUANTITY)
    )
    return {"type": kind, "loc": ("body", "lines", number, "quantity"), "ctx": {name: limit}}


def canonical_order(order: PlaceOrder) -> bytes:
    """The order in canonical form (`app.database.digest`), from which the hash of a request is made."""
    lines = ",".join([f'{{"quantity":{quantity},"sku":{text(sku)}}}' for sku, quantity in order.lines])
    note = "null" if order.note is None else text(order.note)
    return f'{{"customer":{text(order.customer)},"lines":[{lines}],"note":{note}}}'.encode()


def listed_shown(listed: Brief | Listed) -> bytes:
    """An order of a list. One with values of a kind that no node writes is shown as it stands."""
    return _brief_shown(listed) if isinstance(listed, Brief) else _row_shown(listed)


def _row_shown(listed: Listed) -> bytes:
    row, customer, stored_by, duplicates = listed
    lines = row["lines"]
    numbers = {type(row["total_cents"]), type(row["version"])}
    numbers.update([type(line["quantity"]) for line in lines])
    numbers.update([type(line["unit_price_cents"]) for line in lines])
    if numbers != {int} or customer is None:
        return to_json(_as_object(listed))
    try:
        sold = ",".join(
            [
                f'{{"sku":{text(line["sku"])},"name":{text(line["name"])},"quantity":{line["quantity"]},'
                f'"unit_price_cents":{line["unit_price_cents"]}}}'
                for line in lines
            ]
        )
        return _shown(
            _of_row(row),
            row["created_at"],
            sold,
            customer=customer,
            stored_by=stored_by,
            duplicates=duplicates,
        )
    except TypeError:
        return to_json(_as_object(listed))


def _brief_shown(brief: Brief) -> bytes:
    _, lines, customer, stored_by, duplicates = brief
    order, created_at = brief.order
    return _shown(
        _of_brief(order), created_at, lines, customer=customer, stored_by=stored_by, duplicates=duplicates
    )


def _shown(
    order: Sequence[Any],
    created_at: float,
    lines: str,
    *,
    customer: Customer | None,
    stored_by: Sequence[str],
    duplicates: Sequence[str],
) -> bytes:
    """An order by its values of _SHOWN, with its lines as JSON."""
    order_id, number, branch, epoch, status, total_cents, note, version = order
    buyer = (
        "null"
        if customer is None
        else f'{{"id":{text(customer.id)},"code":{text(customer.code)},"name":{text(customer.name)}}}'
    )
    return (
        f'{{"id":{text(order_id)},"number":{text(number)},"branch":{text(branch)},"epoch":{text(epoch)},'
        f'"status":{text(status)},"customer":{buyer},"lines":[{lines}],"total_cents":{total_cents},'
        f'"note":{"null" if note is None else text(note)},"version":{version},'
        f'"created_at":{text(times.shown(created_at))},'
        f'"stored_by":{_texts(stored_by)},"possible_duplicates":{_texts(duplicates)}}}'
    ).encode()


def _texts(names: Sequence[str]) -> str:
    return f"[{','.join(map(text, names))}]"


def _as_object(listed: Listed) -> Row:
    """What the model of an order has of a row, whatever its values are."""
    row, customer, stored_by, duplicates = listed
    lines = [{name: line[name] for name in OrderLine.model_fields} for line in row["lines"]]
    known = None if customer is None else {"id": customer.id, "code": customer.code, "name": customer.name}
    return {
        **{name: row.get(name) for name in Order.model_fields},
        "customer": known,
        "lines": lines,
        "created_at": times.shown(row["created_at"]),
        "stored_by": stored_by,
        "possible_duplicates": duplicates,
    }


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
