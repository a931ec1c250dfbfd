"""Adjustments as transactions: what arrives is shared with whom, and what is removed takes rights."""

import pytest

from app.domain import stock
from app.domain.errors import (
    Invalid,
    OutOfRights,
    UnknownReference,
)
from app.domain.life import Life
from app.domain.row_checks import LARGEST
from app.state.tables import life_table, stock_table
from tests.state.shelf import left, state, stocked
from tests.support.branch import Branch, Branches

NORTE, SUL = Life("norte", "e1"), Life("sul", "e1")


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    return stocked(branches)


@pytest.mark.parametrize(
    ("share", "granted", "here"),
    [
        ("equal", {NORTE: 3, SUL: 3}, 5),  # 11 among three, the remainder stays
        ("keep", {}, 11),
        ("demand", {SUL: 8}, 3),  # sul sold three, this branch one, norte none
    ],
)
def test_new_stock_is_shared_in_the_same_transaction(
    branches: Branches, share: str, granted: dict[Life, int], here: int
) -> None:
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    product = matriz.product("rice")
    matriz.adjust("rice", 1)
    matriz.place("ALFKI", ("rice", 1))
    sold_at_sul = stock.Cell(product, *SUL, received=3, sold=3, version=2)
    matriz.do(lambda tx: stock_table.merge(tx, [sold_at_sul]))
    events = len(matriz.event_kinds())
    matriz.adjust("rice", 11, share=share, peers=[NORTE, SUL])
    own = stock_table.own_cell(stock_table.cells_of(matriz.connection, product), matriz.life, product)
    assert (own.granted, left(matriz, "rice")) == (granted, [here])
    assert matriz.event_kinds()[events:] == ["stock_update"]


def test_new_stock_is_not_shared_with_a_life_that_is_over(matriz: Branch) -> None:
    """Who shares heard from it lately, and then of its end: the units would be frozen."""
    matriz.do(lambda tx: life_table.learn_deaths(tx, [SUL], by=SUL))
    matriz.adjust("rice", 10, share="equal", peers=[NORTE, SUL])
    (own,) = stock_table.cells_of(matriz.connection, matriz.product_id("rice"))
    assert own.granted == {NORTE: 5}


def test_a_removal_takes_rights_as_an_order_does(matriz: Branch) -> None:
    matriz.adjust("rice", -4)
    assert left(matriz, "rice") == [6]
    with pytest.raises(OutOfRights):
        matriz.adjust("rice", -7)
    assert left(matriz, "rice") == [6]


def test_an_adjustment_of_something_unknown_is_refused(matriz: Branch) -> None:
    with pytest.raises(UnknownReference):
        matriz.adjust("tea", 1)


def test_more_units_than_a_counter_holds_are_refused(matriz: Branch) -> None:
    before = state(matriz)
    with pytest.raises(Invalid):
        matriz.adjust("rice", LARGEST)
    assert state(matriz) == before
