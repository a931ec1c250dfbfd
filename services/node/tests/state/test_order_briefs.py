"""Orders that SQLite puts into one text are shown as their rows are, or are left to these. Columns take
values of every kind here, as those of a damaged record do."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.order_texts import listed_shown
from app.database import Transaction
from app.database.errors import AlteredRow
from app.database.file import is_undecodable, reading_somehow
from app.database.seals import UNREADABLE
from app.domain import forms
from app.domain.forms import Row
from app.state.tables import order_briefs, order_lists, order_rows
from tests.support.branch import Branch, Branches

OF_LINE = ("sku", "name", "quantity", "unit_price_cents")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ['","', '"', "\\", "],[", "a\x1db", "\x1e\x1f", "Café 500 g", 'TV 32"', "\x00", "\u2028", "🍞"]
)
COUNTS = st.integers(0, 10**15) | st.just(2**63 - 1)
TIMES = st.floats(1e-3, 4e9) | st.sampled_from([0.0, 5e-324, 1796137122.5254054, 1e15, 1e300])
ANYTHING = st.none() | TEXTS | st.integers(-5, 5) | st.floats(allow_nan=False) | st.binary(max_size=3)
COLUMNS = {
    "orders": (
        *(name for name in forms.ORDERS.columns if name != "id"),
        "extra",
        "checksum",
        "announced",
        "seq",
        "donor",
    ),
    "order_lines": (*forms.LINES.columns, "extra"),
}


DAMAGE = st.tuples(
    st.sampled_from([(table, column) for table, columns in COLUMNS.items() for column in columns]), ANYTHING
)
ORDER: Row = {
    "number": "MATRIZ-1", "branch": "matriz", "epoch": "e", "lamport": 1, "customer_id": "known",
    "user_id": "u", "status": "placed", "note": None, "total_cents": 3780, "version": 1,
    "created_at": 1796137122.5254054, "idempotency_key": "k", "request_hash": "h",
    "lines": [{"product_id": "p", "sku": "CAFE", "name": "Café", "quantity": 2, "unit_price_cents": 1890}],
}  # fmt: skip


def _orders() -> st.SearchStrategy[Row]:
    line = st.fixed_dictionaries(
        {"product_id": TEXTS, "sku": TEXTS, "name": TEXTS, "quantity": COUNTS, "unit_price_cents": COUNTS}
    )
    texts = ("number", "branch", "epoch", "user_id", "request_hash")
    return st.fixed_dictionaries(
        {
            **dict.fromkeys(texts, TEXTS),
            "customer_id": st.sampled_from(["known", "unknown"]),
            "status": st.sampled_from(["placed", "cancelled"]),
            "note": st.none() | TEXTS,
            "idempotency_key": st.none() | TEXTS,
            **dict.fromkeys(("lamport", "total_cents", "version"), COUNTS),
            "created_at": TIMES,
            "lines": st.lists(line, max_size=3),
        }
    )


def loosened(branch: Branch) -> Branch:
    """The branch with a customer, and with tables of orders that take any value in any column."""
    branch.customer("ALFKI")
    connection = branch.connection
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA writable_schema = ON")
    for strict in ("TEXT", "INTEGER", "REAL", "NOT NULL", "STRICT"):
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name IN ('orders', 'order_lines')",
            (strict, "" if strict in ("NOT NULL", "STRICT") else "BLOB"),
        )
    connection.execute("PRAGMA writable_schema = RESET")
    return branch


@pytest.fixture(scope="module")
def loose(schema: sqlite3.Connection) -> Iterator[Branch]:
    """One such branch, for many examples."""
    with closing(Branch("matriz", schema=schema)) as branch:
        yield loosened(branch)


def store(branch: Branch, orders: Sequence[Row]) -> sqlite3.Connection:
    """Let the branch have these orders and no others, each with its seal."""
    connection = branch.connection
    connection.executescript("DELETE FROM order_lines; DELETE FROM orders")
    (buyer,) = connection.execute("SELECT id FROM customers").fetchone()
    rows = [
        {
            **order,
            "id": f"o-{number}",
            "lines": [{"line": at, **line} for at, line in enumerate(order["lines"])],
            "customer_id": buyer if order["customer_id"] == "known" else "nobody",
        }
        for number, order in enumerate(orders)
    ]

    def put(tx: Transaction) -> None:
        for row in rows:
            order_rows.put(tx, row)

    branch.do(put)
    return connection


def seal_as_they_stand(connection: sqlite3.Connection) -> None:
    ids = [row["id"] for row in connection.execute("SELECT id FROM orders")]
    for one in order_rows.stored(connection, ids):
        connection.execute("UPDATE orders SET checksum = ? WHERE id = ?", (one.found, one.key))


def briefs(connection: sqlite3.Connection) -> list[bytes] | None:
    """The orders as they are shown without their rows, if they are plain."""
    span = order_lists.span(connection, "", 100, most_lines=1000)
    assert span is not None
    found = order_briefs.between(connection, span, of_line=OF_LINE)
    return None if found is None else [listed_shown(one) for one in found]


def by_row(connection: sqlite3.Connection) -> list[bytes]:
    """The orders as their rows are shown. Raises AlteredRow."""
    span = order_lists.span(connection, "", 100, most_lines=1000)
    assert span is not None
    return [listed_shown(one) for one in order_lists.listed(connection, span)]


@given(orders=st.lists(_orders(), min_size=1, max_size=4))
def test_orders_are_shown_as_their_rows_are(loose: Branch, orders: list[Row]) -> None:
    connection = store(loose, orders)
    shown = by_row(connection)
    assert briefs(connection) in (shown, None)


@given(orders=st.lists(_orders(), min_size=1, max_size=4), seconds=st.floats(1.1e9, 4e9))
def test_what_a_node_writes_is_plain(loose: Branch, orders: list[Row], seconds: float) -> None:
    connection = store(loose, [{**order, "created_at": seconds + n} for n, order in enumerate(orders)])
    assert briefs(connection) == by_row(connection)


@given(
    orders=st.lists(_orders(), min_size=1, max_size=3),
    damage=st.lists(DAMAGE, min_size=1, max_size=3),
    is_sealed=st.booleans(),
)
def test_a_damaged_order_is_left_to_its_row(
    *, loose: Branch, orders: list[Row], damage: list[tuple[tuple[str, str], Any]], is_sealed: bool
) -> None:
    connection = store(loose, orders)
    for (table, column), value in damage:
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid % 2 = 1", (value,))
    if is_sealed:
        with suppress(*UNREADABLE):
            seal_as_they_stand(connection)
    found = briefs(connection)
    if found is not None:
        assert found == by_row(connection)


@pytest.mark.parametrize("column", [*forms.LINES.columns, "extra"])
def test_a_line_of_another_kind_is_not_left_out(branches: Branches, column: str) -> None:
    """The others may fit the seal."""
    connection = store(loosened(branches.make("matriz")), [ORDER])
    connection.execute(
        "INSERT INTO order_lines (order_id, line, product_id, sku, name, quantity, unit_price_cents)"
        " VALUES ('o-0', 7, 'p', 's', 'n', 1, 1)"
    )
    connection.execute(f"UPDATE order_lines SET {column} = x'31' WHERE line = 7")
    assert briefs(connection) is None
    with pytest.raises(AlteredRow):
        by_row(connection)


@pytest.mark.parametrize("column", ["note", "product_id", "name"])
def test_an_altered_order_is_not_shown_by_its_text(branches: Branches, column: str) -> None:
    connection = store(loosened(branches.make("matriz")), [ORDER])
    assert briefs(connection) == by_row(connection)
    table = "orders" if column == "note" else "order_lines"
    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = 'another'")
    assert briefs(connection) is None
    with pytest.raises(AlteredRow):
        by_row(connection)


def test_a_text_that_is_no_text_is_read_somehow_and_left_to_its_row(loose: Branch) -> None:
    connection = store(loose, [ORDER])
    connection.execute("UPDATE order_lines SET name = CAST(x'ff' AS TEXT)")
    for read in (briefs, by_row):
        with pytest.raises(sqlite3.OperationalError) as failed:
            read(connection)
        assert is_undecodable(failed.value)
    with reading_somehow(connection):
        assert briefs(connection) is None
        with pytest.raises(AlteredRow):
            by_row(connection)


def test_fields_of_a_later_revision_are_left_to_the_row(loose: Branch) -> None:
    connection = store(loose, [{**ORDER, "priority": 1}])
    assert briefs(connection) is None
    assert len(by_row(connection)) == 1
