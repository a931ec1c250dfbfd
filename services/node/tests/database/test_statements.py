"""The statements that modules name, and the lists of columns in them, fit the tables of the code."""

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from sqlmodel import SQLModel

import app
from app.database import own_rows

VERBS = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ")
UNSEALED = {
    "node": {"id", "founding"},
    "events": set(),
    "cursors": {"updated_at"},
    "positions": set(),
    "parked": {"reason", "waiting", "attempts", "parked_at", "donor"},
}
"""The columns of a node's own rows that no seal covers: they are for people, or are counted anew."""


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts_in(value.values())
    elif isinstance(value, tuple):
        yield from texts_in(value)


def texts_in(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from texts_of(value)


def named_statements() -> Mapping[str, str]:
    """Every whole statement that stands at a module's top, by module and name."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(app.__path__, "app."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for number, text in enumerate(texts_of(value) if name.isupper() else ()):
                if text.lstrip().startswith(VERBS):
                    found[f"{module.name}:{name}:{number}"] = text
    return found


STATEMENTS = named_statements()
INSERTS = {name: text for name, text in STATEMENTS.items() if text.lstrip().startswith("INSERT")}
TABLES = SQLModel.metadata.tables


def parameters_of(statement: str) -> Any:
    names = re.findall(r":(\w+)", statement)
    return dict.fromkeys(names) if names else (None,) * statement.count("?")


def columns_of(table: str) -> set[str]:
    return {column.name for column in TABLES[table].columns}


def test_the_log_the_cursors_and_the_orders_name_their_statements() -> None:
    modules = {name.partition(":")[0] for name in STATEMENTS}
    assert modules >= {
        "app.state.tables.order_durability",
        "app.state.tables.orders",
        "app.state.tables.stock_table",
        "app.sync.log.dead_letters",
        "app.sync.log.cursors",
        "app.sync.log.outbox",
        "app.sync.log.positions",
    }


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_named_statement_fits_the_tables(name: str, schema: sqlite3.Connection) -> None:
    schema.execute(f"EXPLAIN {STATEMENTS[name]}", parameters_of(STATEMENTS[name]))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("app.state.tables.orders:_BY_KEY:0", "orders_user_key"),
        ("app.state.tables.orders:_COUNT_DUPLICATES:0", "orders_user_key"),
        ("app.state.tables.order_lists:_DUPLICATES:0", "orders_user_key"),
        ("app.state.tables.order_lists:_DUPLICATES_BETWEEN:0", "orders_user_key"),
        ("app.state.tables.tallies:_DUPLICATES:0", "orders_user_key"),
        ("app.state.repair.disowned:_TOLD_BY_OTHERS:0", "orders_told"),
    ],
)
def test_a_statement_that_must_not_read_all_orders_finds_its_partial_index(
    name: str, index: str, schema: sqlite3.Connection
) -> None:
    plan = schema.execute(f"EXPLAIN QUERY PLAN {STATEMENTS[name]}", parameters_of(STATEMENTS[name]))
    assert any(f"INDEX {index}" in step[3] for step in plan)


@pytest.mark.parametrize("name", sorted(INSERTS))
def test_what_writes_whole_rows_names_every_column(name: str) -> None:
    written = re.search(r"INTO (\w+) \(([^)]*)\)", INSERTS[name])
    assert written is not None
    table, columns = written.groups()
    unset = {column.name for column in TABLES[table].columns if column.nullable}
    named = {column.strip() for column in columns.split(",")}
    assert columns_of(table) - unset <= named <= columns_of(table)


@pytest.mark.parametrize("table", sorted(own_rows.COLUMNS))
def test_a_seal_covers_a_rows_columns_but_those_for_people(table: str) -> None:
    assert columns_of(table) == {*own_rows.COLUMNS[table], *UNSEALED[table], "checksum"}
