"""Orders as transactions: all or nothing, once per key, by rights only."""

import dataclasses

import pytest

from app.database import Actor
from app.domain import stock
from app.domain.errors import (
    Invalid,
    KeyReused,
    NotFound,
    OtherBranch,
    OutOfRights,
    Shortage,
    UnknownReference,
)
from app.domain.order import MAX_QUANTITY
from app.state.commands import order_commands
from app.state.commands.order_commands import PlaceOrder
from app.state.tables import order_rows, orders, products
from tests.state.shelf import left, state, stocked
from tests.support.branch import ACTOR, Branch, Branches

SOMEBODY_ELSE = Actor(user_id="6e8bc430-9c3a-41d9-9669-9d9f2c1f0b0a", request_id="another-request")


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    return stocked(branches)


def test_an_order_is_priced_by_the_catalogue_and_takes_rights(matriz: Branch) -> None:
    placed = matriz.place("alfki", ("rice", 3), ("beans", 1), ("RICE", 2))
    order = order_rows.snapshot(matriz.connection, placed)
    assert order is not None
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [
        ("rice", 3),
        ("beans", 1),
        ("rice", 2),
    ]
    assert (order["total_cents"], order["status"], order["version"]) == (6 * 250, "placed", 1)
    assert order["number"] == f"MATRIZ-{matriz.identity.epoch[:4]}-000001".upper()
    assert left(matriz, "rice", "beans") == [5, 1]


def test_the_orders_own_event_comes_after_its_stock_effects(matriz: Branch) -> None:
    """A peer may show a stock effect before its order, never an order without its stock effect."""
    before = len(matriz.event_kinds())
    matriz.place("ALFKI", ("rice", 3), ("beans", 1))
    assert matriz.event_kinds()[before:] == ["stock_update", "stock_update", "order_created"]


def test_the_price_as_sold_outlives_a_change_of_the_catalogue(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.do(lambda tx: products.update(tx, "rice", {"price_cents": 999}, actor=ACTOR))
    assert orders.view(matriz.connection, placed).total_cents == 250


@pytest.mark.parametrize(
    ("customer", "lines", "refusal"),
    [
        ("NOBODY", [("rice", 1)], UnknownReference("customer", ["NOBODY"])),
        ("ALFKI", [("tea", 1), ("rice", 1), ("salt", 1)], UnknownReference("product", ["salt", "tea"])),
    ],
)
def test_an_order_for_something_unknown_names_it_and_writes_nothing(
    matriz: Branch, customer: str, lines: list[tuple[str, int]], refusal: UnknownReference
) -> None:
    before = state(matriz)
    with pytest.raises(UnknownReference) as raised:
        matriz.place(customer, *lines)
    assert (raised.value.entity, raised.value.keys) == (refusal.entity, refusal.keys)
    assert state(matriz) == before


def test_a_short_order_takes_nothing_and_says_what_it_lacks(matriz: Branch) -> None:
    before = state(matriz)
    with pytest.raises(OutOfRights) as raised:
        matriz.place("ALFKI", ("rice", 10), ("beans", 3))
    beans = matriz.product_id("beans")
    assert raised.value.shortages == [Shortage(beans, "beans", 3, available_here=2, available_company=2)]
    assert raised.value.needs == {matriz.product_id("rice"): 10, beans: 3}
    assert not raised.value.behind_older
    assert state(matriz) == before


def test_two_lines_of_one_product_are_checked_together(matriz: Branch) -> None:
    with pytest.raises(OutOfRights):
        matriz.place("ALFKI", ("rice", 6), ("rice", 5))
    assert left(matriz, "rice") == [10]


def test_a_node_without_rights_sells_nothing_while_the_company_has_stock(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    product = matriz.product("rice")
    matriz.adjust("rice", 10)
    matriz.send(norte)
    norte.customer("ALFKI")
    with pytest.raises(OutOfRights) as raised:
        norte.place("ALFKI", ("rice", 1))
    assert raised.value.shortages == [Shortage(product, "rice", 1, available_here=0, available_company=10)]


def test_what_older_waiting_orders_need_is_left_to_them(matriz: Branch) -> None:
    reserved = {matriz.product_id("rice"): 8}

    def attempt(quantity: int) -> str:
        order = PlaceOrder(customer="ALFKI", lines=(("rice", quantity),))
        return matriz.do(
            lambda tx: order_commands.place_order(
                tx, order, actor=ACTOR, key=None, request_hash="h", policy="escrow", reserved=reserved
            )
        ).order_id

    with pytest.raises(OutOfRights) as raised:
        attempt(3)
    assert raised.value.behind_older
    with pytest.raises(OutOfRights) as raised:
        attempt(11)
    assert not raised.value.behind_older
    attempt(2)
    assert left(matriz, "rice") == [8]


def test_the_optimistic_policy_sells_what_the_company_is_known_to_have(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    product = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.send(norte)
    norte.customer("ALFKI")
    norte.place("ALFKI", ("rice", 5), policy="optimistic")
    with pytest.raises(OutOfRights):
        norte.place("ALFKI", ("rice", 1), policy="optimistic")
    assert norte.totals(product) == stock.Totals(available=0, frozen=0, oversold=0)


def test_an_order_too_dear_to_be_written_down_is_refused(branches: Branches) -> None:
    """Every node must be able to store what one stored: 2**62 cents are the most that all accept."""
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    matriz.product("gold", price_cents=products.MAX_PRICE_CENTS)
    for _ in range(5):
        matriz.adjust("gold", MAX_QUANTITY)
    with pytest.raises(Invalid):
        matriz.place("ALFKI", *[("gold", MAX_QUANTITY)] * 5)
    assert left(matriz, "gold") == [5 * MAX_QUANTITY]


def test_the_same_key_and_body_give_the_same_order(matriz: Branch) -> None:
    first = matriz.place("ALFKI", ("rice", 1), key="k")
    before = state(matriz)
    assert matriz.place("ALFKI", ("rice", 1), key="k") == first
    assert state(matriz) == before


def test_the_same_key_with_another_body_is_refused(matriz: Branch) -> None:
    matriz.place("ALFKI", ("rice", 1), key="k")
    with pytest.raises(KeyReused):
        matriz.place("ALFKI", ("rice", 2), key="k", request_hash="another")


def test_a_key_belongs_to_its_user(matriz: Branch) -> None:
    first = matriz.place("ALFKI", ("rice", 1), key="k")
    second = matriz.place("ALFKI", ("rice", 1), key="k", request_hash="another", actor=SOMEBODY_ELSE)
    assert first != second


def test_a_refused_order_does_not_consume_its_key(matriz: Branch) -> None:
    with pytest.raises(OutOfRights):
        matriz.place("ALFKI", ("beans", 3), key="k")
    matriz.adjust("beans", 5)
    matriz.place("ALFKI", ("beans", 4), key="k", request_hash="another")
    assert left(matriz, "beans") == [3]


def test_an_order_known_from_another_branch_is_returned_for_the_same_key(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 5)
    placed = matriz.place("ALFKI", ("rice", 1), key="k")
    matriz.send(norte)
    assert norte.place("ALFKI", ("rice", 1), key="k") == placed


def test_the_same_key_taken_at_two_branches_apart_is_a_possible_duplicate(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    for branch in (matriz, norte):
        branch.customer("ALFKI")
        branch.product("rice")
        branch.adjust("rice", 5)
    first = matriz.place("ALFKI", ("rice", 1), key="k")
    second = norte.place("ALFKI", ("rice", 1), key="k")
    matriz.send(norte)
    norte.send(matriz)
    for branch in (matriz, norte):
        assert orders.view(branch.connection, first).possible_duplicates == [second]
        assert orders.count_possible_duplicates(branch.connection) == 1
        # Whoever repeats the request now gets one of them, not a third.
        assert branch.place("ALFKI", ("rice", 1), key="k") in (first, second)


def test_cancelling_gives_the_rights_back_once(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 3), ("rice", 1), ("beans", 2))
    matriz.cancel(placed)
    assert left(matriz, "rice", "beans") == [10, 2]
    before = state(matriz)
    matriz.cancel(placed)
    assert state(matriz) == before
    assert orders.view(matriz.connection, placed).status == "cancelled"


def test_cancelling_an_order_of_an_earlier_epoch_feeds_the_frozen_pool_only(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 3))
    rice = matriz.product_id("rice")
    matriz.next_life()
    matriz.cancel(placed)
    matriz.cancel(placed)
    assert left(matriz, "rice") == [0]
    assert matriz.totals(rice) == stock.Totals(available=0, frozen=10, oversold=0)


@pytest.mark.parametrize("order", ["", "no such order"])
def test_an_unknown_order_cannot_be_cancelled(matriz: Branch, order: str) -> None:
    with pytest.raises(NotFound):
        matriz.cancel(order)


def test_only_its_own_branch_cancels_an_order(branches: Branches, matriz: Branch) -> None:
    norte = branches.make("norte")
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    with pytest.raises(OtherBranch):
        norte.cancel(placed)


def test_every_command_is_audited_with_who_what_and_both_states(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.cancel(placed)
    (taken,) = matriz.audited("placed")
    (undone,) = matriz.audited("cancelled")
    assert (taken["actor"], taken["request_id"]) == dataclasses.astuple(ACTOR)
    assert (taken["entity_id"], taken["before"], undone["before"]) == (placed, None, taken["after"])
    assert [row["version"] for row in (taken, undone)] == [1, 2]
    assert len(matriz.audited("adjusted")) == 2
