"""Orders that show without their stock: which are a broken promise, and which no file can show otherwise."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.simulation.watching.effects import Effects
from tests.simulation.watching.rollbacks import CellKey

KEY: CellKey = ("CAFE", "leste", "first")
Cells = dict[CellKey, tuple[int, ...]]


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """A file of filial-sul, as far as orders and what is parked go."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            "CREATE TABLE orders (id, branch, epoch, status, donor);"
            "CREATE TABLE order_lines (order_id, product_id, quantity);"
            "CREATE TABLE parked (kind, entity, origin);"
        )
        yield connection


def order(file: sqlite3.Connection, order_id: str, *, donor: str, status: str = "placed") -> None:
    """Two units of CAFE, ordered at leste."""
    file.execute("INSERT INTO orders VALUES (?, 'leste', 'first', ?, ?)", (order_id, status, donor))
    file.execute("INSERT INTO order_lines VALUES (?, 'CAFE', 2)", (order_id,))


def park(file: sqlite3.Connection) -> None:
    file.execute("INSERT INTO parked VALUES ('stock_update.2', 'CAFE', 'leste')")


def stock(*, sold: int = 0, returned: int = 0, returned_frozen: int = 0) -> Cells:
    return {KEY: (0, returned, returned_frozen, 0, 0, sold, 0, 1)}


def wrong(
    effects: Effects,
    file: sqlite3.Connection,
    cells: Cells,
    *,
    name: str = "sul",
    lost: tuple[str, ...] = (),
) -> list[str]:
    """What is wrong with what a node shows."""
    shown = effects.wrong(name, "first", file, cells, lost=lost, forked=lambda _: False)
    return list(shown)


def test_an_order_without_what_it_took_is_wrong(file: sqlite3.Connection) -> None:
    order(file, "1", donor="leste")

    assert wrong(Effects(), file, stock(sold=2)) == []
    assert wrong(Effects(), file, stock()) == ["orders took 2 of CAFE, its stock says 0"]


def test_an_order_may_show_while_what_it_took_is_parked(file: sqlite3.Connection) -> None:
    order(file, "1", donor="leste")
    park(file)

    assert wrong(Effects(), file, stock()) == []
    file.execute("DELETE FROM parked")
    assert wrong(Effects(), file, stock()) != []


def test_what_is_parked_elsewhere_excuses_nothing(file: sqlite3.Connection) -> None:
    """Who hands rows over hands over what it keeps parked, before."""
    effects = Effects()
    park(file)
    assert wrong(effects, file, stock(), name="norte") == []
    file.execute("DELETE FROM parked")
    order(file, "1", donor="norte")

    assert wrong(effects, file, stock()) == ["orders took 2 of CAFE, its stock says 0"]


def test_units_that_a_count_found_are_given_back_by_no_order(file: sqlite3.Connection) -> None:
    effects = Effects()
    effects.find("CAFE", "leste", 7)

    assert wrong(effects, file, stock(), name="leste") == []
    assert wrong(effects, file, stock(returned_frozen=7), name="leste") == []
    for units in (6, 8, 14):
        assert wrong(effects, file, stock(returned_frozen=units), name="leste") != []
    assert wrong(Effects(), file, stock(returned_frozen=7), name="leste") != []


def test_a_cancelling_without_what_it_gave_back_is_wrong(file: sqlite3.Connection) -> None:
    order(file, "1", donor="leste", status="cancelled")

    assert wrong(Effects(), file, stock(sold=2, returned=2)) == []
    assert wrong(Effects(), file, stock(sold=2)) != []
