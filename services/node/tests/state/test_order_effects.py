"""Which orders, missing here, the stock rows here have room for."""

import pytest

from app.domain.forms import Row
from app.state.registry import replicated
from app.state.tables import order_effects
from tests.support.branch import Branch, Branches


@pytest.fixture
def branch(branches: Branches) -> Branch:
    """A branch with ten units of rice, of which it sold two, and two more in an order that it cancelled."""
    made = branches.make("matriz")
    made.customer("ALFKI")
    made.product("rice")
    made.adjust("rice", 10)
    made.place("ALFKI", ("rice", 2))
    made.cancel(made.place("ALFKI", ("rice", 2)))
    return made


def shown(branch: Branch) -> list[Row]:
    """The cancelled order, then the other one."""
    entity = replicated.get("orders")
    found = entity.read(branch.connection, entity.page_keys(branch.connection))
    return sorted(found, key=lambda row: str(row["status"]))


def lost(branch: Branch) -> list[Row]:
    """Remove these orders, as a disk loses rows; what they were."""
    found = shown(branch)
    for table in ("order_lines", "orders"):
        branch.connection.execute(f"DELETE FROM {table}")
    return found


def fit(branch: Branch, *told: Row) -> list[Row]:
    return order_effects.fitting(branch.connection, told)


def test_rows_that_were_lost_fit_each_once(branch: Branch) -> None:
    cancelled, placed = lost(branch)
    assert fit(branch, placed, cancelled, {**placed, "id": "another"}) == [placed, cancelled]


def test_beside_the_orders_that_are_here_there_is_no_room_for_more(branch: Branch) -> None:
    _, placed = shown(branch)
    assert fit(branch, {**placed, "id": "another"}) == []


def test_another_life_has_no_room_here_and_what_was_given_back_has_it_once(branch: Branch) -> None:
    cancelled, placed = lost(branch)
    assert fit(branch, {**placed, "epoch": "another"}) == []
    assert fit(branch, cancelled, {**cancelled, "id": "another"}) == [cancelled]


def test_what_is_no_order_is_left_to_its_own_check(branch: Branch) -> None:
    assert fit(branch, {"branch": "matriz"}) == [{"branch": "matriz"}]
