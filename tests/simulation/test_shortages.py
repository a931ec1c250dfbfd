"""Who is short under the optimistic policy: what a node shows is held against its own rows."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from app.domain.stock import SoldUnits
from app.state.tables.stock_views import StockView
from tests.simulation.ending import shortages
from tests.simulation.journal import Journal


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """A file in which 5 units of CAFE came and 8 were sold: by o1 (3), then o2 (1) and o3 (4) at one time."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            "CREATE TABLE stock"
            " (product_id, received, returned, returned_frozen, sold, removed, written_off);"
            "CREATE TABLE orders (id, branch, lamport, status);"
            "CREATE TABLE order_lines (order_id, product_id, quantity);"
            "INSERT INTO stock VALUES ('CAFE', 5, 0, 0, 4, 0, 0), ('CAFE', 0, 0, 0, 4, 0, 0);"
            "INSERT INTO orders VALUES ('o1', 'sul', 1, 'placed'), ('o2', 'sul', 7, 'placed'),"
            " ('o3', 'norte', 7, 'placed'), ('o4', 'sul', 9, 'cancelled');"
            "INSERT INTO order_lines VALUES ('o1', 'CAFE', 3), ('o2', 'CAFE', 1), ('o3', 'CAFE', 4),"
            " ('o4', 'CAFE', 9);"
        )
        yield connection


def judged(file: sqlite3.Connection, oversold: int, named: Sequence[tuple[str, str, int]]) -> Journal:
    """What is found where a node shows so many units of CAFE oversold, and names these orders."""
    told = [SoldUnits(lamport=0, branch=branch, order_id=order, quantity=n) for order, branch, n in named]
    page = [StockView("CAFE", "CAFE", 0, 0, oversold, 0, deficits=told, rows=[], hearsay=[])]
    journal = Journal()

    async def judge() -> None:
        assert shortages.judge({"sul": file}, {"sul": page}, journal) == 3

    asyncio.run(judge())
    return journal


def test_the_last_orders_by_time_branch_and_id_are_short(file: sqlite3.Connection) -> None:
    assert judged(file, 3, [("o2", "sul", 1), ("o3", "norte", 2)]).violations == []


@pytest.mark.parametrize(
    ("oversold", "named"),
    [
        pytest.param(0, [], id="says nothing"),
        pytest.param(3, [], id="names nobody"),
        pytest.param(3, [("o2", "sul", 1)], id="leaves units out"),
        pytest.param(3, [("o3", "norte", 3)], id="names another order"),
        pytest.param(3, [("o3", "norte", 2), ("o2", "sul", 1)], id="in another order"),
    ],
)
def test_whoever_names_others_is_found(
    file: sqlite3.Connection, oversold: int, named: list[tuple[str, str, int]]
) -> None:
    (found,) = judged(file, oversold, named).violations

    assert found.promise == "shortages"
