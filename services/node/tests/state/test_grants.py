"""Rights on the move between branches, transaction by transaction."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings

from app.domain import stock
from app.domain.errors import DeadEpoch
from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.waiting import Age
from app.state.commands import grants
from app.state.commands.grants import Granted, Request
from app.state.tables import life_table, stock_table
from tests.support import history
from tests.support.branch import Branch, Branches
from tests.support.history import History

MATRIZ = Life("matriz", "any")
OLD_AGE: Age = (1, "sul", "1")


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    """matriz with ten units of rice, and norte that knows the product and none of the stock."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.product("rice")
    matriz.send(norte)
    matriz.adjust("rice", 10)
    return matriz, norte


def request(asker: Branch, wanted: int, *, cells: Sequence[Cell] | None = None) -> Request:
    """What the asker asks now: with all it knows of the product."""
    product = asker.product_id("rice")
    known = stock_table.cells_of(asker.connection, product) if cells is None else cells
    return Request(product_id=product, asker=asker.life, wanted=wanted, age=OLD_AGE, lamport=7, cells=known)


def give(giver: Branch, wish: Request, *, reserved: int = 0) -> Granted:
    return giver.do(lambda tx: grants.give(tx, wish, reserved=reserved))


def accept(asker: Branch, granted: Granted, *, giver: Life = MATRIZ) -> stock_table.Merged:
    return asker.do(lambda tx: grants.accept(tx, granted.cells, giver=giver, lamport=granted.lamport))


def rights(*all_branches: Branch) -> list[int]:
    return [branch.rights(branch.product_id("rice")) for branch in all_branches]


def test_a_grant_moves_rights_by_its_answer_alone(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    granted = give(matriz, request(norte, 4))
    accept(norte, granted)
    assert (granted.quantity, rights(matriz, norte)) == (4, [6, 4])


def test_a_grant_and_its_event_are_one_transaction_so_a_lost_answer_is_repaired(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    give(matriz, request(norte, 4))
    assert rights(norte) == [0]
    matriz.send(norte)
    assert rights(matriz, norte) == [6, 4]


def test_a_repeated_request_grants_nothing_twice(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    wish = request(norte, 4)
    first, again = give(matriz, wish), give(matriz, wish)
    accept(norte, again)
    assert (first.quantity, again.quantity, rights(matriz, norte)) == (4, 0, [6, 4])


def test_a_delayed_request_grants_only_what_is_still_lacking(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    norte.adjust("rice", 3)
    late = request(norte, 4, cells=())  # norte's own receipt has not reached matriz when it arrives
    norte.send(matriz)
    assert give(matriz, late).quantity == 1


def test_the_askers_rows_are_merged_before_the_size_is_decided(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    norte.adjust("rice", 3)
    assert give(matriz, request(norte, 4)).quantity == 1


def test_older_orders_of_the_giver_come_first(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    assert give(matriz, request(norte, 4), reserved=8).quantity == 2
    assert give(matriz, request(norte, 4), reserved=9).quantity == 0


def test_the_asker_is_served_later_than_all_it_has_seen(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    granted = give(matriz, request(norte, 4))
    assert granted.lamport > 7  # the request's own time
    accept(norte, granted)
    assert norte.do(lambda tx: tx.lamport) > granted.lamport


def test_a_dead_life_is_given_nothing(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: life_table.learn_life(tx, norte.life, dead=True))
    with pytest.raises(DeadEpoch):
        give(matriz, request(norte, 4))
    assert rights(matriz) == [10]


def test_an_asker_whose_own_rows_tell_two_histories_is_given_nothing(pair: tuple[Branch, Branch]) -> None:
    """The life ends by the very request."""
    matriz, norte = pair
    product = matriz.product_id("rice")
    one = Cell(product, *norte.life, received=2, sold=1, version=2)
    other = Cell(product, *norte.life, received=2, removed=1, version=2)
    assert give(matriz, request(norte, 2, cells=[one])).quantity == 1
    assert give(matriz, request(norte, 9, cells=[other])).quantity == 0
    assert norte.life in life_table.dead_lives(matriz.connection)


def test_the_answer_of_a_life_that_ended_meanwhile_gives_nothing(pair: tuple[Branch, Branch]) -> None:
    """It was on its way while its branch lost its disk and the shelf was counted: what it granted and nobody
    else heard of has been released already."""
    matriz, norte = pair
    granted = give(matriz, request(norte, 4))
    norte.do(lambda tx: life_table.learn_life(tx, matriz.life, dead=True))
    assert accept(norte, granted, giver=matriz.life) == stock_table.Merged()
    assert rights(norte) == [0]


def test_who_is_told_of_newer_rows_of_its_own_gives_nothing(pair: tuple[Branch, Branch]) -> None:
    """Its file was rolled back: it does not know what it has already given."""
    matriz, norte = pair
    product = matriz.product_id("rice")
    newer = Cell(product, *matriz.life, received=10, granted={Life("sul", "e1"): 9}, version=2)
    granted = give(matriz, request(norte, 4, cells=[newer]))
    assert (granted.quantity, granted.merged.ahead, rights(matriz)) == (0, [product], [10])


def test_nothing_is_granted_of_a_product_the_giver_does_not_know(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    norte.product("rice")
    norte.adjust("rice", 1)
    assert give(matriz, request(norte, 4)) == Granted(
        0, (), matriz.do(lambda tx: tx.counters.lamport), stock_table.Merged()
    )


def test_a_grant_is_audited_with_its_reason(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    give(matriz, request(norte, 4))
    (entry,) = matriz.audited("granted")
    assert (entry["actor"], entry["request_id"], entry["version"]) == ("node:matriz", "asked", 2)


def test_surplus_moves_toward_demand_and_leaves_what_waits(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    product = matriz.product_id("rice")

    def offer(reserved: int) -> dict[Life, int]:
        return dict(
            matriz.do(lambda tx: grants.offer_surplus(tx, product, peers=[norte.life], reserved=reserved))
        )

    assert offer(8) == {norte.life: 2}
    assert offer(0) == {norte.life: 3}
    assert offer(0) == {}
    matriz.send(norte)
    assert rights(matriz, norte) == [5, 5]


def test_no_surplus_moves_to_a_life_that_is_over(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    product = matriz.product_id("rice")
    matriz.do(lambda tx: life_table.learn_deaths(tx, [norte.life], by=norte.life))
    assert grants.products_with_surplus(matriz.connection, peers=[norte.life], reserved={}) == []
    assert not matriz.do(lambda tx: grants.offer_surplus(tx, product, peers=[norte.life], reserved=0))


def test_the_writer_is_asked_only_about_products_with_a_surplus(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    product = matriz.product_id("rice")

    def found(reserved: int) -> list[str]:
        return grants.products_with_surplus(
            matriz.connection, peers=[norte.life], reserved={product: reserved}
        )

    assert (found(0), found(10)) == ([product], [])
    matriz.do(lambda tx: grants.offer_surplus(tx, product, peers=[norte.life], reserved=0))
    assert found(0) == []


@pytest.mark.parametrize("altered", [(), ("rice",), ("beans", "tea"), ("rice", "beans", "tea", "salt")])
def test_a_product_with_an_altered_row_keeps_no_other_from_moving(
    pair: tuple[Branch, Branch], altered: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz, norte = pair
    for sku in ("beans", "tea", "salt"):
        matriz.product(sku)
        matriz.adjust(sku, 10)
    for sku in altered:
        matriz.connection.execute(
            "UPDATE stock SET received = 99 WHERE product_id = ?", (matriz.product_id(sku),)
        )
    sound = sorted(matriz.product_id(sku) for sku in {"rice", "beans", "tea", "salt"} - {*altered})
    for at_once in (1, 3, 500):
        monkeypatch.setattr(grants, "_AT_ONCE", at_once)
        found = grants.products_with_surplus(matriz.connection, peers=[norte.life], reserved={})
        assert found == sound


def test_products_held_are_those_received_or_granted(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    product = norte.product_id("rice")
    norte.product("beans")
    assert grants.products_held(norte.connection) == []
    accept(norte, give(matriz, request(norte, 1)))
    assert grants.products_held(norte.connection) == [product]
    assert grants.products_held(matriz.connection) == [product]


@pytest.mark.whole
@given(steps=history.steps)
@settings(max_examples=50)
def test_no_history_of_real_transactions_sells_more_than_there_is(
    make_branches: Callable[[], list[Branch]], steps: list[history.Step]
) -> None:
    """Branches that sell, cancel, remove, grant and hear of each other in any order."""
    made = make_branches()
    played = History(made)
    for step in steps:
        played.play(step)
    played.settle()
    product = made[0].product_id("rice")
    cells = stock_table.cells_of(made[0].connection, product)
    assert all(stock.rights_of(branch.life, cells) >= 0 for branch in made)
    assert sum(rights(*made)) == made[0].totals(product).available
    assert made[0].totals(product).oversold == 0
    assert len({branch.digest() for branch in made}) == 1
