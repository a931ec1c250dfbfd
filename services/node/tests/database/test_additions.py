"""What a migration adds, on rows that an older version wrote, and what is left when it is taken away."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from app.database.additions import AddedColumn, AddedTable, add, taking_away
from app.database.digest import canonical
from app.domain import forms
from app.domain.forms import Added, Form
from app.domain.row_checks import Natural, Text
from app.state.registry import replicated, unknown_rows
from app.state.registry.canonical_forms import FORMS
from tests.support.branch import Branch, Branches

TAX_ID = AddedColumn("customers", "tax_id", "TEXT", None)
UNIT = AddedColumn("products", "unit", "TEXT", "kg")
LOT = AddedColumn("order_lines", "lot", "INTEGER", 0)
NEXT = {
    "customers": Added("tax_id", None, Text(20, optional=True)),
    "products": Added("unit", "kg", Text(20)),
    "order_lines": Added("lot", 0, Natural()),
}


@contextmanager
def next_version() -> Iterator[None]:
    """Forms with one more field on three relations."""
    newer = {
        name: Form(relation=name, revision=2, columns=forms.of(name).columns, added=(field,))
        for name, field in NEXT.items()
    }
    with mock.patch.dict(forms.THIS_VERSION, newer):
        yield


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    """A branch with a row of each, with fields of the next version as a newer peer sent them."""
    made = branches.make("matriz")
    for code in ("ALFKI", "BONAP", "CHOPS"):
        made.customer(code)
    made.product("rice")
    made.product("beans")
    made.adjust("rice", 10)
    made.place("ALFKI", ("rice", 3))
    with_tax, with_number, plain = made.rows()["customers"].values()
    rice, _beans = made.rows()["products"].values()
    (order,) = made.rows()["orders"].values()
    put(made, "customers", {**with_tax, "tax_id": 'a "text" {ç}', "other": [1.5, None]})
    put(made, "customers", {**with_number, "tax_id": {"no": "text"}})
    put(made, "customers", plain)
    put(made, "products", {**rice, "unit": "box"})
    put(made, "orders", {**order, "lines": [{**line, "lot": 2**53 + 1} for line in order["lines"]]})
    return made


def put(branch: Branch, relation: str, row: dict[str, Any]) -> None:
    before = branch.rows()[relation][row["id"]]
    branch.do(lambda tx: replicated.get(relation).put(tx, row))
    branch.do(lambda tx: tx.changed(relation, row["id"], before=before, after=row))


def upgrade(connection: sqlite3.Connection) -> None:
    add(connection.execute, [TAX_ID, UNIT, LOT])


def told(branch: Branch) -> dict[str, list[bytes]]:
    return {name: [canonical(row) for row in rows.values()] for name, rows in branch.rows().items()}


def test_fields_move_into_their_columns_and_back_and_no_row_changes(matriz: Branch) -> None:
    odd = next(row for row in matriz.rows()["customers"].values() if isinstance(row.get("tax_id"), dict))
    put(matriz, "customers", {name: value for name, value in odd.items() if name != "tax_id"})
    before = told(matriz)

    with next_version():
        upgrade(matriz.connection)
        upgraded = told(matriz)
        columns = [
            {row[0] for row in matriz.connection.execute(question)}
            for question in (
                "SELECT tax_id FROM customers",
                "SELECT unit FROM products",
                "SELECT lot FROM order_lines",
                "SELECT extra FROM customers",
            )
        ]
    for statement in taking_away([TAX_ID, UNIT, LOT]):
        matriz.connection.execute(statement)

    assert columns == [{None, 'a "text" {ç}'}, {"kg", "box"}, {2**53 + 1}, {None, '{"other":[1.5,null]}'}]
    assert upgraded == before  # every row is read through its seal
    assert told(matriz) == before


def test_a_value_that_no_node_could_have_written_goes_and_its_row_is_sealed_anew(matriz: Branch) -> None:
    with next_version():
        upgrade(matriz.connection)
        unsealed = matriz.connection.execute("SELECT COUNT(*) FROM customers WHERE checksum = 0").fetchone()
        FORMS.recompute(matriz.connection, ["customers", "products", "orders"], lambda *_: None)
        rows = matriz.rows()["customers"].values()

    assert tuple(unsealed) == (1,)
    assert sorted(str(row.get("tax_id")) for row in rows) == ["None", "None", 'a "text" {ç}']


def test_a_row_that_something_else_changed_keeps_its_seal_and_stops_nothing(matriz: Branch) -> None:
    """The next scrub finds it."""
    connection = matriz.connection
    connection.execute("UPDATE customers SET extra = '{\"tax_id\":' WHERE extra IS NOT NULL")
    with next_version():
        upgrade(connection)
        found = [stored.is_sound for stored in replicated.get("customers").every(connection)]
    for statement in taking_away([TAX_ID, UNIT, LOT]):
        connection.execute(statement)

    assert sorted(found) == [False, False, True]
    assert sorted(s.is_sound for s in replicated.get("customers").every(connection)) == [False, False, True]


def test_the_rows_of_a_table_that_is_taken_away_are_kept_whole(branches: Branches) -> None:
    matriz = branches.make("matriz")
    columns = ("id", "name", "lamport")
    kept = AddedTable("suppliers", columns)
    matriz.connection.execute(
        "CREATE TABLE suppliers (id TEXT, name TEXT, lamport INTEGER, extra TEXT, checksum INTEGER)"
    )
    matriz.connection.execute("INSERT INTO suppliers VALUES ('a', 'Moinho \"São\"', 7, '{\"x\":[null]}', 5)")
    matriz.connection.execute("INSERT INTO suppliers VALUES ('b', NULL, 8, NULL, 5)")
    matriz.connection.execute("INSERT INTO digest_buckets VALUES ('suppliers', 7, x'01')")

    for statement in taking_away([kept]):
        matriz.connection.execute(statement)

    rows, revision, _ = unknown_rows.page(matriz.connection, "suppliers", after="", limit=10)
    assert rows == [
        {"id": "a", "name": 'Moinho "São"', "lamport": 7, "x": [None]},
        {"id": "b", "name": None, "lamport": 8},
    ]
    assert revision == 1
    assert matriz.digest() == branches.make("norte").digest()
