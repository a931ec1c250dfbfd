"""The counts of a status: what is kept in memory is what the tables say, whatever happened."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import DeadEpoch, OutOfRights
from app.state.tables import life_table, order_durability, orders
from app.state.tables.tallies import Tallies
from app.sync.wire.errors import Gap
from tests.support.branch import Branch, Branches

TABLES = ("users", "customers", "products", "stock", "orders", "audit")


@contextmanager
def watched(branch: Branch) -> Iterator[Tallies]:
    """The tallies of a branch, told of every commit."""
    tallies = Tallies()
    run = branch._writer.run_group

    def noting(commands: Any) -> Any:
        outcomes, effects = run(commands)
        tallies.note(effects)
        return outcomes, effects

    with mock.patch.object(branch._writer, "run_group", noting):
        yield tallies


def told(branch: Branch, tallies: Tallies) -> dict[str, Any]:
    """Everything that these tallies say now."""
    connection = branch.connection
    tallies.begin(branch.identity.epoch)
    return {
        **{table: tallies.rows(connection, table) for table in TABLES},
        "events": tallies.events(connection),
        "duplicates": tallies.possible_duplicates(connection),
        "at risk": tallies.at_risk(connection),
        "units": tallies.stock(connection),
    }


def true(branch: Branch) -> dict[str, Any]:
    """The same by the tables alone."""
    connection = branch.connection
    fresh = Tallies()
    fresh.begin(branch.identity.epoch)
    return {
        **{table: _count(connection, table) for table in TABLES},
        "events": _count(connection, "events"),
        "duplicates": orders.count_possible_duplicates(connection),
        "at risk": order_durability.at_risk(connection),
        "units": fresh.stock(connection),
    }


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def steps_of(matriz: Branch, norte: Branch) -> dict[str, Callable[[], object]]:
    """What may happen between two looks."""
    return {
        "receive": lambda: matriz.adjust("rice", 5),
        "sell": lambda: matriz.place("ALFKI", ("rice", 1)),
        "sell twice": lambda: matriz.place(
            "ALFKI", ("rice", 1), key=f"k{_count(matriz.connection, 'audit')}"
        ),
        "cancel": lambda: _cancel_the_last(matriz),
        "send": lambda: matriz.send(norte),
        "sell elsewhere": lambda: (norte.adjust("rice", 2), norte.place("ALFKI", ("rice", 1), key="k")),
        "hear": lambda: norte.send(matriz),
        "next life": matriz.next_life,
        "announce": lambda: matriz.do(lambda tx: orders.announce_again(tx, limit=1)),
        "lose the peer": lambda: matriz.do(lambda tx: life_table.end(tx, norte.life)),
        "cursor back": lambda: matriz.acknowledge(norte, 1),
        "same key": lambda: _copy_of_the_last(matriz),
    }


def _cancel_the_last(branch: Branch) -> None:
    query = "SELECT id FROM orders WHERE branch = ? AND status = 'placed' ORDER BY rowid DESC LIMIT 1"
    for (order_id,) in branch.connection.execute(query, (branch.life.branch,)).fetchall():
        branch.cancel(order_id)


def _copy_of_the_last(branch: Branch) -> None:
    """An order with the same user, key and body as another one, as a peer sends it."""
    for row in branch.connection.execute("SELECT * FROM orders WHERE idempotency_key IS NOT NULL LIMIT 1"):
        number = _count(branch.connection, "orders")
        values = {**dict(row), "id": f"copy-{number}", "branch": "sul", "donor": "sul"}
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        branch.connection.execute(f"INSERT INTO orders ({names}) VALUES ({marks})", values)


NAMES = tuple(steps_of(mock.Mock(), mock.Mock()))


@pytest.mark.whole
@given(steps=st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=12))
@settings(max_examples=40)
def test_whatever_happened_the_counts_are_those_of_the_tables(
    make_branches: Callable[[], Sequence[Branch]], steps: list[tuple[str, bool]]
) -> None:
    matriz, norte, _ = make_branches()
    matriz.adjust("rice", 50)
    does = steps_of(matriz, norte)
    with watched(matriz) as tallies:
        for name, looks in steps:
            with suppress(OutOfRights, Gap, DeadEpoch):  # a life that is over is heard and sells no more
                does[name]()
            if looks:
                assert told(matriz, tallies) == true(matriz)
        assert told(matriz, tallies) == true(matriz)


def test_a_row_that_was_moved_out_is_counted_no_more(branches: Branches) -> None:
    matriz = branches.make("matriz")
    with watched(matriz) as tallies:
        for code in ("ALFKI", "BONAP", "ANATR"):
            matriz.customer(code)
        assert told(matriz, tallies)["customers"] == 3

        def move_out(tx: Any) -> None:
            tx.connection.execute("DELETE FROM customers WHERE code = 'BONAP'")
            tx.effects.replaced = True

        matriz.do(move_out)
        matriz.customer("LONEP")
        assert told(matriz, tallies)["customers"] == 3


def test_another_file_is_counted_from_its_beginning(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    tallies = Tallies()
    for code in ("ALFKI", "BONAP", "ANATR"):
        matriz.customer(code)
    norte.customer("ALFKI")
    assert told(matriz, tallies)["customers"] == 3
    assert told(norte, tallies)["customers"] == 1
