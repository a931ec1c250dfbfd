"""What an order writes is made without its rows, and is what their canonical forms give."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.database.digest import canonical
from app.domain import forms
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.order import Order, OrderLine
from app.domain.stock import Cell
from app.state.tables import cell_rows, new_orders, order_rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NATURALS = st.integers(min_value=0, max_value=2**53)
BEYOND = st.sampled_from([{}, {}, {"of the next version": ["ç", 1.5, None]}])
LINES = st.builds(
    OrderLine,
    line=NATURALS,
    product_id=TEXTS,
    sku=TEXTS,
    name=TEXTS,
    quantity=NATURALS,
    unit_price_cents=NATURALS,
    beyond=BEYOND,
)
ORDERS = st.builds(
    Order,
    id=TEXTS,
    number=TEXTS,
    branch=TEXTS,
    epoch=TEXTS,
    lamport=NATURALS,
    customer_id=TEXTS,
    user_id=TEXTS,
    status=st.sampled_from(["placed", "cancelled"]),
    note=st.none() | TEXTS,
    total_cents=NATURALS,
    version=NATURALS,
    created_at=st.floats(min_value=0, max_value=1e18),
    idempotency_key=st.none() | TEXTS,
    request_hash=TEXTS,
    lines=st.lists(LINES, max_size=3).map(tuple),
    beyond=BEYOND,
)
CELLS = st.builds(
    Cell,
    product_id=TEXTS,
    branch=TEXTS,
    epoch=TEXTS,
    version=NATURALS,
    granted=st.dictionaries(st.builds(Life, TEXTS, TEXTS), NATURALS, max_size=2),
    beyond=BEYOND,
    **dict.fromkeys(COUNTS, NATURALS),
)


@given(order=ORDERS)
def test_an_order(order: Order) -> None:
    new, row = new_orders.of_new(order), order.as_json()
    line_form = forms.of("order_lines")
    assert new.encoded == canonical(row)
    assert [*new.values] == [*order_rows.order_values(row), order_rows.sealed(row)]
    assert new.lines == [(order.id, *line_form.stored(line)) for line in row["lines"]]


@given(cell=CELLS, counts=st.lists(NATURALS, min_size=len(COUNTS), max_size=len(COUNTS)))
def test_a_cell_and_the_next_one_of_its_life(cell: Cell, counts: list[int]) -> None:
    later: dict[str, Any] = dict(zip(COUNTS, counts, strict=True))
    for one in (cell, replace(cell, **later)):
        assert cell_rows.encode(one) == canonical(one.as_json())


@given(cell=CELLS)
def test_a_cells_own_row(cell: Cell) -> None:
    row = {name: value for name, value in cell.as_json().items() if name != "granted"}
    assert [*cell_rows.values_of([cell])[0]] == [*forms.of("stock").stored(row), cell_rows.sealed(cell)]


def test_texts_that_look_like_places_for_counts_stay_texts() -> None:
    cell = Cell(product_id="%d", branch='":%d', epoch="%", sold=3, version=1)
    assert cell_rows.encode(cell) == canonical(cell.as_json())
