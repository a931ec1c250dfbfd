"""Orders by the page say and do the same as orders one by one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.digest import canonical
from app.database.seals import seal_joined
from app.domain.errors import Invalid
from app.domain.order import Order
from app.state.tables import order_pages, order_rows, orders
from app.sync.catchup import anti_entropy
from tests.support.branch import Branch, Branches, as_json, canonical_rows

Row = dict[str, Any]

LINE = {"line": 1, "name": "Rice", "product_id": "p", "quantity": 2, "sku": "rice", "unit_price_cents": 50}
ORDER = {
    "branch": "matriz", "created_at": 1_700_000_000.25, "customer_id": "c", "epoch": "e", "id": "o",
    "idempotency_key": None, "lamport": 3, "lines": [LINE], "note": None, "number": "matriz-1",
    "request_hash": "h", "status": "placed", "total_cents": 100, "user_id": "u", "version": 1,
}  # fmt: skip
SPOILT: list[Any] = [
    None,
    True,
    1.0,
    -1,
    0,
    2**62 + 1,
    2**63,
    "",
    " a",
    "a ",
    "a|",
    "a\x00",
    "é",
    "x" * 2000,
    [],
    {},
]

anything = st.one_of(
    st.sampled_from(SPOILT), st.text(max_size=70), st.integers(), st.floats(allow_nan=False), st.none()
)


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    """A branch with a customer and two products."""
    made = branches.make("matriz")
    made.customer("ALFKI")
    for sku in ("rice", "milk"):
        made.product(sku)
        made.adjust(sku, 50)
    return made


@pytest.fixture
def norte(branches: Branches, matriz: Branch) -> Branch:
    """A branch that has everything of matriz's before its orders."""
    return told(branches, matriz, "norte")


@pytest.fixture
def page(matriz: Branch, norte: Branch) -> list[Row]:
    """Orders of one and two lines, of which norte knows nothing."""
    for number in range(6):
        lines = [("milk", 1), ("rice", 2)][: 1 + number % 2]
        matriz.place("ALFKI", *lines, key=None if number % 3 else f"key {number}")
    return page_of(matriz)


def told(branches: Branches, matriz: Branch, name: str) -> Branch:
    made = branches.make(name)
    matriz.send(made)
    return made


def page_of(branch: Branch) -> list[Row]:
    """All orders of a branch as they arrive elsewhere."""
    ids = [row[0] for row in branch.connection.execute("SELECT id FROM orders")]
    found: list[Row] = as_json(order_rows.read(branch.connection, ids))
    return found


def local_of(branch: Branch) -> list[tuple[Any, ...]]:
    """What a branch keeps of orders for itself."""
    return [tuple(row) for row in branch.connection.execute("SELECT id, announced, seq, donor FROM orders")]


def totals_of(branch: Branch) -> dict[str, str]:
    """The digest of a branch's orders."""
    totals = anti_entropy.recorded_totals(branch.connection)
    return {name: total for name, total in totals.items() if name.startswith("orders/")}


def merge(branch: Branch, rows: list[Any]) -> tuple[int, list[Any]]:
    return branch.do(lambda tx: order_pages.merge(tx, rows, donor="matriz"))


def test_a_page_has_the_snapshots_of_its_orders(matriz: Branch, page: list[Row]) -> None:
    assert page == [order_rows.snapshot(matriz.connection, row["id"]) for row in page]
    assert len(page) == 6
    assert [order_rows.encode(row) for row in page] == [canonical(row) for row in page]
    assert all(map(order_pages.is_plain, page))


@pytest.mark.parametrize("orders", [1, 49, 50, 51, 101])
def test_however_many_orders_a_page_has_each_is_written(matriz: Branch, norte: Branch, orders: int) -> None:
    matriz.adjust("rice", 500)
    for number in range(orders):
        matriz.place("ALFKI", ("rice", 1), *[("milk", 1)] * (number == 0))
    assert merge(norte, page_of(matriz)) == (orders, [])
    assert canonical_rows(norte)["orders"] == canonical_rows(matriz)["orders"]


def test_what_a_node_does_not_know_is_not_in_its_page(matriz: Branch) -> None:
    assert order_rows.read(matriz.connection, ["nobody's"]) == []


def test_merging_a_page_does_what_merging_its_orders_does(
    branches: Branches, matriz: Branch, norte: Branch, page: list[Row]
) -> None:
    sul = branches.make("sul")
    for product in ("rice", "milk"):
        sul.product(product)
    sul.customer("ALFKI")
    for row in page:
        sul.do(lambda tx, row=row: orders.merge(tx, row, donor="matriz"))  # type: ignore[misc]  # bound now
    assert merge(norte, page) == (6, [])
    assert canonical_rows(norte)["orders"] == canonical_rows(matriz)["orders"]
    assert local_of(norte) == local_of(sul)
    assert totals_of(norte) == totals_of(sul)


def test_a_page_that_is_known_already_changes_nothing(norte: Branch, page: list[Row]) -> None:
    merge(norte, page)
    before = norte.digest()
    assert merge(norte, page) == (0, [])
    assert norte.digest() == before


def test_an_order_that_differs_from_the_known_one_is_left(
    matriz: Branch, norte: Branch, page: list[Row]
) -> None:
    merge(norte, page)
    matriz.cancel(page[0]["id"])
    written, left = merge(norte, page_of(matriz))
    assert (written, [row["id"] for row in left]) == (0, [page[0]["id"]])


@pytest.mark.parametrize("note", [" a", "a ", "a\x1fb", "\x00", "a\x7f", "\u2028"])
def test_one_order_whose_text_is_not_plain_is_left_and_the_others_are_written(
    norte: Branch, page: list[Row], note: str
) -> None:
    spoilt = {**page[2], "note": note}
    assert merge(norte, [*page[:2], spoilt, *page[3:]]) == (5, [spoilt])


def test_an_order_that_comes_twice_in_a_page_is_written_once(norte: Branch, page: list[Row]) -> None:
    assert merge(norte, [page[0], page[0]]) == (1, [page[0]])


@pytest.mark.parametrize("row", [None, 7, "order", [], {}, {**ORDER, "extra": 1}, {**ORDER, "lines": [7]}])
def test_what_is_no_order_is_left(matriz: Branch, row: Any) -> None:
    assert merge(matriz, [row]) == (0, [row])


def test_lines_out_of_order_are_refused_since_no_table_gives_them_back_so(norte: Branch) -> None:
    twice = {**ORDER, "lines": [{**LINE, "line": 2}, LINE], "total_cents": 200}
    assert not order_pages.is_plain(twice)
    with pytest.raises(Invalid, match="lines"):
        norte.do(lambda tx: orders.merge(tx, twice, donor="matriz"))


@given(name=st.sampled_from(sorted(ORDER)), value=anything)
def test_a_plain_order_is_one_that_may_be_merged(name: str, value: Any) -> None:
    _look_at({**ORDER, name: value})


@given(name=st.sampled_from(sorted(LINE)), value=anything)
def test_a_plain_line_is_one_that_may_be_merged(name: str, value: Any) -> None:
    line = {**LINE, name: value}
    total = (
        line["quantity"] * line["unit_price_cents"] if {type(v) for v in line.values()} == {int, str} else 0
    )
    _look_at({**ORDER, "lines": [line], "total_cents": total})


@given(seconds=st.floats(min_value=0, max_value=1e18), note=st.text(min_size=1, max_size=20))
def test_every_order_has_the_same_bytes_however_it_is_encoded(seconds: float, note: str) -> None:
    row = {**ORDER, "created_at": seconds, "note": note}
    if order_pages.is_plain(row):
        assert order_rows.encode(row) == canonical(row)
        assert seal_joined(order_rows.joined_row(row)) == order_rows.sealed(row)


def _look_at(row: Row) -> None:
    if order_pages.is_plain(row):
        Order.from_json(row)
        assert order_rows.encode(row) == canonical(row)
        assert seal_joined(order_rows.joined_row(row)) == order_rows.sealed(row)


def test_the_example_is_plain() -> None:
    _look_at(ORDER)
    assert order_pages.is_plain(ORDER)
