"""Orders as they are read, shown and merged."""

from collections.abc import Callable
from typing import Any

import pytest

from app.domain.errors import Invalid, NotFound
from app.domain.order import MAX_QUANTITY
from app.state.tables import life_table, order_durability, order_rows, orders
from app.state.tables.orders import OrderView
from tests.support.branch import ACTOR, Branch, Branches, as_json

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    """A branch with a customer and ten units of rice."""
    made = branches.make("matriz")
    made.customer("ALFKI")
    made.product("rice", price_cents=250)
    made.adjust("rice", 10)
    return made


@pytest.fixture
def norte(branches: Branches, matriz: Branch) -> Branch:
    """A branch that has everything of matriz's so far."""
    made = branches.make("norte")
    matriz.send(made)
    return made


def body(branch: Branch, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = as_json(order_rows.snapshot(branch.connection, order_id))
    return found


def merge(branch: Branch, order: Any) -> bool:
    return branch.do(lambda tx: orders.merge(tx, order, donor="matriz"))


def view(branch: Branch, order_id: str) -> OrderView:
    return orders.view(branch.connection, order_id)


def test_an_order_is_shown_whole(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 2))
    shown = view(matriz, placed)
    assert shown.customer is not None
    assert shown.customer.code == "ALFKI"
    assert [(line.sku, line.name, line.quantity, line.unit_price_cents) for line in shown.lines] == [
        ("rice", "Product rice", 2, 250)
    ]
    assert (shown.total_cents, shown.branch, shown.epoch) == (500, *matriz.life)
    assert shown.created_at.endswith("+00:00")
    assert (shown.stored_by, shown.possible_duplicates, shown.note) == ([], [], None)


def test_an_unknown_order_is_not_found(matriz: Branch) -> None:
    with pytest.raises(NotFound):
        view(matriz, "no such order")


def test_orders_are_listed_by_id_page_by_page(matriz: Branch) -> None:
    placed = sorted(matriz.place("ALFKI", ("rice", 1)) for _ in range(5))
    first = orders.page(matriz.connection, "", 3)
    rest = orders.page(matriz.connection, first[-1].id, 3)
    assert [order.id for order in (*first, *rest)] == placed


def test_ids_of_later_orders_sort_later(matriz: Branch) -> None:
    placed = [matriz.place("ALFKI", ("rice", 1)) for _ in range(5)]
    assert placed == sorted(placed)


def test_stored_by_names_peers_whose_acknowledgement_passed_the_order(matriz: Branch, norte: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 1))
    assert (view(matriz, placed).stored_by, order_durability.at_risk(matriz.connection)) == ([], 1)
    matriz.send(norte)
    assert (view(matriz, placed).stored_by, order_durability.at_risk(matriz.connection)) == (["norte"], 0)
    assert view(norte, placed).stored_by == ["norte"]  # whoever shows it has it
    assert order_durability.at_risk(norte.connection) == 0


def test_what_a_dead_life_acknowledged_is_stored_nowhere(matriz: Branch, norte: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    gone = norte.life
    matriz.do(lambda tx: life_table.learn_life(tx, gone, dead=True))
    assert (view(matriz, placed).stored_by, order_durability.at_risk(matriz.connection)) == ([], 1)


def test_orders_at_risk_are_the_same_by_the_log_and_by_the_orders(
    matriz: Branch, norte: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> set[int]:
        counts = set()
        for few in (20_000, -1):
            monkeypatch.setattr(order_durability, "_FEW_EVENTS", few)
            counts.add(order_durability.at_risk(matriz.connection))
        return counts

    matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    assert found() == {0}
    matriz.cancel(matriz.place("ALFKI", ("rice", 1)))
    assert found() == {1}
    matriz.next_life()
    assert found() == {2}
    matriz.do(lambda tx: orders.announce_again(tx, limit=1))
    matriz.adjust("rice", 1)
    matriz.place("ALFKI", ("rice", 1))
    assert found() == {3}
    matriz.send(norte)
    assert found() == {1}


def test_orders_of_an_ended_epoch_are_announced_again_and_counted_at_risk_until_stored(
    matriz: Branch, norte: Branch
) -> None:
    placed = [matriz.place("ALFKI", ("rice", 1)) for _ in range(3)]
    matriz.next_life()
    assert order_durability.at_risk(matriz.connection) == 3
    announced = [matriz.do(lambda tx: orders.announce_again(tx, limit=2)) for _ in range(3)]
    assert announced == [2, 1, 0]
    matriz.send(norte)
    assert order_durability.at_risk(matriz.connection) == 0
    assert [view(norte, order).epoch for order in placed] == [view(matriz, order).epoch for order in placed]


def test_an_order_is_merged_once(matriz: Branch, norte: Branch) -> None:
    order = body(matriz, matriz.place("ALFKI", ("rice", 2)))
    assert merge(norte, order)
    assert not merge(norte, order)
    assert body(norte, order["id"]) == order


def test_a_cancellation_is_the_higher_version_and_is_never_undone(matriz: Branch, norte: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 2))
    before = body(matriz, placed)
    matriz.cancel(placed)
    after = body(matriz, placed)
    assert merge(norte, before)
    assert merge(norte, after)
    assert not merge(norte, before)
    assert view(norte, placed).status == "cancelled"


@pytest.mark.parametrize(
    "change",
    [
        lambda order: order.update(status="cancelled"),
        lambda order: order.update(note="another"),
        lambda order: order.update(customer_id="another"),
        lambda order: order.update(number="another"),
        lambda order: order.update(version=2, created_at=1.0),
        lambda order: order["lines"][0].update(name="another"),
    ],
)
def test_another_order_under_a_known_id_is_never_taken_over(
    matriz: Branch, norte: Branch, change: Change
) -> None:
    order = body(matriz, matriz.place("ALFKI", ("rice", 2)))
    merge(norte, order)
    change(order)
    with pytest.raises(Invalid):
        merge(norte, order)
    assert view(norte, order["id"]).status == "placed"


@pytest.mark.parametrize(
    "change",
    [
        lambda order: order.pop("number"),
        lambda order: (order.pop("number"), order.update(surprise=1)),
        lambda order: order.update(lines=[]),
        lambda order: order.update(lines=None),
        lambda order: order.update(lines=order["lines"] * 1001),
        lambda order: order.update(lines=[None]),
        lambda order: order.update(status="lost"),
        lambda order: order.update(version=0),
        lambda order: order.update(version=True),
        lambda order: order.update(lamport=-1),
        lambda order: order.update(total_cents=501),
        lambda order: order.update(total_cents=2**63),
        lambda order: order.update(created_at="now"),
        lambda order: order.update(created_at=5),  # read back as 5.0: other bytes, another digest
        lambda order: order.update(created_at=-0.0),  # read back as 0.0
        lambda order: order.update(created_at=float("nan")),
        lambda order: order.update(created_at=float("inf")),
        lambda order: order.update(created_at=1e12),  # after the year 9999: nobody could show it
        lambda order: order.update(lamport=2**62),
        lambda order: order.update(note=7),
        lambda order: order.update(id=7),
        lambda order: order.update(id=""),
        lambda order: order.update(note="x" * 1001),
        lambda order: order.update(note="\ud800"),
        lambda order: order["lines"][0].update(quantity=0),
        lambda order: order["lines"][0].update(quantity=2.0),
        lambda order: order["lines"][0].update(quantity=MAX_QUANTITY + 1),
        lambda order: order["lines"][0].update(unit_price_cents=-1),
        lambda order: order["lines"][0].pop("sku"),
    ],
)
def test_what_no_node_can_have_written_is_invalid(matriz: Branch, norte: Branch, change: Change) -> None:
    order = body(matriz, matriz.place("ALFKI", ("rice", 2)))
    change(order)
    with pytest.raises(Invalid):
        merge(norte, order)
    assert orders.page(norte.connection, "", 10) == []


@pytest.mark.parametrize("order", [None, [], "order", 7])
def test_no_object_is_no_order(norte: Branch, order: Any) -> None:
    with pytest.raises(Invalid):
        merge(norte, order)


def test_cancelled_orders_are_no_sales(matriz: Branch) -> None:
    kept, undone = matriz.place("ALFKI", ("rice", 2), ("rice", 1)), matriz.place("ALFKI", ("rice", 1))
    matriz.cancel(undone)
    sales = orders.sales_of(matriz.connection, [matriz.product_id("rice")])[matriz.product_id("rice")]
    assert [(sale.order_id, sale.quantity) for sale in sales] == [(kept, 3)]


def test_a_key_finds_orders_of_its_user_only(matriz: Branch) -> None:
    placed = matriz.place("ALFKI", ("rice", 1), key="k")
    found = orders.find_by_key(matriz.connection, ACTOR.user_id, "k")
    assert [use.id for use in found] == [placed]
    assert orders.find_by_key(matriz.connection, "somebody else", "k") == []
