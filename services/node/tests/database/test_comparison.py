"""What a mirror is compared with: the file as it is now, read again only where its rows are others."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from app.database import Transaction
from app.database.comparison import MADE_OF, WHO, Comparison
from app.database.mirror import Mirror, Mirrored, StaleMirror
from app.domain.life import Life
from app.state.tables import cell_mirror, customers, products
from tests.support.branch import Branch, Branches

KINDS: Mapping[str, tuple[Mirrored[Any], str]] = {
    "products": (products.PRODUCTS._by_reference, "rice"),
    "customers": (customers.CUSTOMERS._by_reference, "ALFKI"),
    "cells": (cell_mirror.CELLS, ""),
}


@pytest.fixture
def shop(branches: Branches) -> Branch:
    return stocked(branches)


def stocked(branches: Branches) -> Branch:
    """A branch with a customer and units of a product, one of them sold."""
    branch = branches.make("matriz")
    branch.customer("ALFKI")
    branch.product("rice")
    branch.adjust("rice", 10)
    branch.place("ALFKI", ("rice", 1))
    return branch


def key_of(shop: Branch, kind: str) -> str:
    return KINDS[kind][1] or shop.product_id("rice")


def read_by(shop: Branch, kind: str) -> set[tuple[str, str]]:
    """The columns that loading an entry of this kind reads."""
    key, read = key_of(shop, kind), set[tuple[str, str]]()

    def note(action: int, table: str | None, column: str | None, *_where: Any) -> int:
        if action == sqlite3.SQLITE_READ and table and not table.startswith(("json_each", "sqlite_")):
            read.add((table, column or ""))
        return sqlite3.SQLITE_OK

    shop.connection.set_authorizer(note)
    KINDS[kind][0].load_all(shop.connection, [key])
    shop.connection.set_authorizer(None)
    return read


@pytest.mark.parametrize("kind", MADE_OF)
def test_an_entry_is_made_of_rows_that_are_compared_and_of_no_other(shop: Branch, kind: str) -> None:
    found = read_by(shop, kind)
    assert {*MADE_OF[kind]} <= {table for table, _ in found}
    assert {table for table, _ in found} <= {*MADE_OF[kind], "node", "altered_rows"}
    assert {column for table, column in found if table == "node"} <= {*WHO}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stock SET sold = sold + 1",
        "UPDATE stock SET checksum = checksum + 1",
        "DELETE FROM stock",
        "UPDATE own_cells SET version = version - 1",
        "INSERT INTO stock_grants SELECT product_id, branch, epoch, 'sul', 's', 1 FROM stock",
        "INSERT INTO hearsay_cells SELECT product_id, branch, epoch, 1 FROM stock",
        "UPDATE node SET epoch = 'another'",
        "INSERT INTO altered_rows VALUES ('stock', 'a', 1, 1, 1, 0, '', 0.0)",
    ],
)
def test_what_is_loaded_is_loaded_again_as_soon_as_any_row_of_it_changed(shop: Branch, change: str) -> None:
    comparison, key, loads = Comparison(), key_of(shop, "cells"), []

    def load(_connection: sqlite3.Connection, keys: Collection[str]) -> Mapping[str, int]:
        loads.append([*keys])
        return dict.fromkeys(keys, len(loads))

    for _ in range(2):
        assert comparison.found(shop.connection, "cells", [key], load) == {key: 1}
    shop.connection.execute(change)
    assert comparison.found(shop.connection, "cells", [key], load) == {key: 2}


def test_a_kind_of_which_nothing_is_known_is_loaded_each_time(shop: Branch) -> None:
    comparison, loads = Comparison(), iter(range(9))
    for expected in range(3):
        found = comparison.found(
            shop.connection, "suppliers", ["a"], lambda _file, keys: dict.fromkeys(keys, next(loads))
        )
        assert found == {"a": expected}


def test_a_row_that_changed_unheard_is_found_after_a_comparison_that_found_nothing(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mirror, "_touched", lambda *_row: None)
    shop = stocked(branches)
    shop.place("ALFKI", ("rice", 1))

    with pytest.raises(StaleMirror):
        shop.do(lambda tx: tx.connection.execute("UPDATE products SET name = 'other', checksum = 0"))


def test_an_entry_that_was_changed_in_place_is_found_though_no_row_of_it_changed(shop: Branch) -> None:
    def in_place(tx: Transaction) -> None:
        own: Any = cell_mirror.find(tx, shop.product_id("rice")).own
        own.granted[Life("sul", "s")] = 1
        tx.connection.execute("UPDATE customers SET name = name")

    with pytest.raises(StaleMirror):
        shop.do(in_place)
