"""The values of rows: each has the columns of its form, and survives its row and the wire."""

from dataclasses import fields, replace
from typing import Any

import pytest

from app.database.digest import canonical
from app.domain import forms
from app.domain.customer import Customer
from app.domain.forms import Form
from app.domain.order import LINE_RULES, ORDER_RULES, Order, OrderLine
from app.domain.product import Product
from app.domain.row_checks import Rules
from app.state.tables import customers, order_rows, products
from tests.support.branch import Branch, Branches, as_json

STAMP = {"lamport", "stamp_node", "stamp_epoch"}
MORE = {"of the next version": ["ç", 1.5, None]}


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    made = branches.make("matriz")
    made.customer("ALFKI")
    made.product("rice")
    made.adjust("rice", 5)
    return made


@pytest.mark.parametrize(
    ("value", "form", "more"),
    [
        (OrderLine, forms.LINES, set()),
        (Order, forms.ORDERS, {"lines"}),
        (Product, forms.PRODUCTS, {"stamp"}),
        (Customer, forms.CUSTOMERS, {"stamp"}),
    ],
)
def test_a_value_has_the_columns_of_its_form(value: Any, form: Form, more: set[str]) -> None:
    named = {field.name for field in fields(value)}
    first = {*form.columns} - STAMP if "stamp" in more else {*form.columns}
    assert first | more | {"beyond"} <= named <= first | more | {"beyond", *(one.name for one in form.added)}


@pytest.mark.parametrize(("rules", "form"), [(LINE_RULES, forms.LINES), (ORDER_RULES, forms.ORDERS)])
def test_every_column_has_a_rule(rules: Rules, form: Form) -> None:
    assert {*rules} == {*form.columns}


def test_an_order_survives_its_row_and_the_wire(matriz: Branch) -> None:
    row = order_rows.snapshot(matriz.connection, matriz.place("ALFKI", ("rice", 2), key="k"))
    assert row is not None
    row = {**row, **MORE, "lines": [{**line, **MORE} for line in row["lines"]]}
    order = Order.from_row(row)
    assert (order.as_json(), Order.from_json(as_json(row))) == (row, order)
    bare = {name: value for name, value in order.as_json().items() if name not in MORE}
    bare["lines"] = [replace(line, beyond={}).as_json() for line in order.lines]
    mixed = dict(reversed(bare.items()))
    assert order_rows.encode(bare) == order_rows.encode(mixed) == canonical(bare)
    assert (order.life, order.lines[0].cents, order.beyond) == (matriz.life, 2000, MORE)


def test_a_product_and_a_customer_survive_their_rows(matriz: Branch) -> None:
    product = products.find(matriz.connection, "rice")
    customer = customers.find(matriz.connection, "ALFKI")
    assert product is not None
    assert customer is not None
    rows = [{**product.as_json(), **MORE}, {**customer.as_json(), **MORE}]
    assert [Product.from_row(rows[0]).as_json(), Customer.from_row(rows[1]).as_json()] == rows
    assert products.PRODUCTS.snapshot(matriz.connection, product.id) == product.as_json()
    assert customers.CUSTOMERS.snapshot(matriz.connection, customer.id) == customer.as_json()
