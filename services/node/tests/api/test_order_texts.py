"""What is read and written without a model is what the models read and write."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from app.api.json_body import JsonBody
from app.api.order_texts import _as_object, canonical_order, listed_shown, order_shown, plain_order
from app.api.schemas.orders import NewOrder, Order
from app.api.strictness import Fault
from app.database.digest import canonical
from app.domain.customer import Customer
from app.domain.lww import Stamp
from app.domain.order import OrderLine
from app.state.commands.order_commands import PlaceOrder
from app.state.tables.order_lists import Listed
from app.state.tables.orders import OrderView

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
QUANTITIES = st.sampled_from([1, 7, 1_000_000, 1_000_001, 10**25, 0, -1, -(10**25), 1.0, 1.5, True, "1"])
KEYS = st.text(st.sampled_from('a1:é "\\\u200b/'), min_size=1, max_size=3)
COUNTS = st.integers(1, 10**15)


def by_model(body: bytes) -> PlaceOrder | list[Fault]:
    wanted = JsonBody(NewOrder).read(body)
    if isinstance(wanted, list):
        return [{name: said for name, said in one.items() if name != "msg"} for one in wanted]
    lines = tuple((line.sku, line.quantity) for line in wanted.lines)
    return PlaceOrder(customer=wanted.customer, lines=lines, note=wanted.note)


@given(
    customer=KEYS,
    lines=st.lists(st.tuples(KEYS, QUANTITIES), max_size=3),
    more=st.sampled_from(["", ',"note":null', ',"note":"a:b"', ',"customer":"x"', ',"priority":1']),
)
@example(customer="a" * 64, lines=[("a" * 64, 1)], more="")
@example(customer="a" * 65, lines=[("a", 1)], more="")
@example(customer="a", lines=[("a", 0), ("a", 1), ("a", 1_000_001)], more="")
@example(customer="a", lines=[("a", 0)], more=',"customer":"x"')
@example(customer="a", lines=[("a", 0)], more=',"priority":1')
def test_a_plain_order_is_what_the_model_reads(
    customer: str, lines: list[tuple[str, Any]], more: str
) -> None:
    said = json.dumps([{"sku": sku, "quantity": quantity} for sku, quantity in lines])
    body = f'{{"customer":{json.dumps(customer)},"lines":{said}{more}}}'.encode()
    found = plain_order(body)
    if found is not None:
        assert found == by_model(body)


def test_the_usual_order_is_plain_and_one_that_says_something_twice_is_not() -> None:
    line = b'{"sku":"CAFE-500","quantity":2}'
    usual = b'{"customer":"ALFKI","lines":[%b]}'
    assert plain_order(usual % line) == PlaceOrder(customer="ALFKI", lines=(("CAFE-500", 2),))
    assert plain_order(usual % b'{"sku":"CAFE-500","quantity":1,"quantity":2}') is None
    assert plain_order(usual % b'{"sku":"CAFE-500","quantity":0,"quantity":0}') is None
    assert plain_order(b'{"customer":"ANA","customer":"ALFKI","lines":[%b]}' % line) is None


def test_quantities_beyond_their_bounds_are_named_as_the_model_names_them() -> None:
    lines = b",".join(b'{"sku":"A","quantity":%d}' % quantity for quantity in (0, 1, -5, 1_000_001, 10**25))
    body = b'{"customer":"ALFKI","lines":[%b]}' % lines
    found = plain_order(body)
    assert isinstance(found, list)
    assert found == by_model(body)


@given(customer=TEXTS, lines=st.lists(st.tuples(TEXTS, COUNTS), max_size=3), note=st.none() | TEXTS)
def test_the_canonical_form_is_the_one_of_the_model(
    customer: str, lines: list[tuple[str, int]], note: str | None
) -> None:
    order = PlaceOrder(customer=customer, lines=tuple(lines), note=note)
    said = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    assert canonical_order(order) == canonical({"customer": customer, "lines": said, "note": note})


@given(
    names=st.tuples(*[TEXTS] * 8),
    lines=st.lists(st.tuples(TEXTS, TEXTS, COUNTS, COUNTS), max_size=3),
    note=st.none() | TEXTS,
    peers=st.lists(TEXTS, max_size=1),
)
def test_an_order_is_shown_as_its_model_shows_it(
    names: tuple[str, ...], lines: list[tuple[str, str, int, int]], note: str | None, peers: list[str]
) -> None:
    customer = Customer(code=names[0], name=names[1], id=names[2], stamp=Stamp(1, "matriz", "e"))
    view = OrderView(
        id=names[3],
        number=names[4],
        branch=names[5],
        epoch=names[6],
        status="placed",
        customer=customer,
        lines=tuple(
            OrderLine(number, "p", sku, name, quantity, cents)
            for number, (sku, name, quantity, cents) in enumerate(lines)
        ),
        total_cents=5,
        note=note,
        version=1,
        created_at=names[7],
        stored_by=peers,
        possible_duplicates=[],
    )
    assert json.loads(order_shown(view)) == Order.model_validate(view).model_dump(mode="json")


_KINDS = st.one_of(TEXTS, COUNTS, st.floats(0, 2), st.none(), st.booleans())


@given(
    row=st.fixed_dictionaries(dict.fromkeys(("id", "number", "branch", "epoch", "status"), TEXTS)),
    numbers=st.tuples(COUNTS, COUNTS, st.floats(0, 10**11)),
    note=st.none() | TEXTS,
    lines=st.lists(st.tuples(TEXTS, TEXTS, COUNTS, COUNTS), max_size=3),
    peers=st.lists(TEXTS, max_size=2),
    known=st.booleans(),
    strange=st.none()
    | st.tuples(st.sampled_from(["id", "note", "total_cents", "created_at", "line"]), _KINDS),
)
def test_a_listed_order_is_shown_as_it_stands(
    *,
    row: dict[str, Any],
    numbers: tuple[int, int, float],
    note: str | None,
    lines: list[tuple[str, str, int, int]],
    peers: list[str],
    known: bool,
    strange: tuple[str, Any] | None,
) -> None:
    total_cents, version, created_at = numbers
    sold = [dict(zip(("sku", "name", "quantity", "unit_price_cents"), line, strict=True)) for line in lines]
    row.update(total_cents=total_cents, version=version, created_at=created_at, note=note, lines=sold)
    if strange is not None and strange[0] == "line":
        sold.append({**dict.fromkeys(("sku", "name", "quantity"), strange[1]), "unit_price_cents": 1})
    elif strange is not None:
        row[strange[0]] = strange[1]
    customer = Customer(code="ALFKI", name="É", id="c", stamp=Stamp(1, "matriz", "e")) if known else None
    listed = Listed(row, customer, peers, [])
    assert listed_shown(listed) == to_json(_as_object(listed))
