"""What the writer remembers of rows and what it writes at the end of a group: never other than the file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from app.database import Transaction
from app.database.commands import Command
from app.database.identity import begin_start
from app.database.mirror import Mirrored, StaleMirror
from app.database.writer import Writer
from app.domain.errors import KeyReused, OutOfRights
from app.domain.life import Life
from app.state.commands.order_commands import PlaceOrder, place_order
from app.state.tables import cell_mirror, life_table, products, stock_table
from tests.support.branch import ACTOR, CLUSTER, Branch, Branches


class Refused(Exception):
    """What a command raises after it has done everything."""


@pytest.fixture
def shop(branches: Branches) -> Branch:
    return stocked(branches)


def stocked(branches: Branches) -> Branch:
    """A branch with a customer and units of two products."""
    branch = branches.make("matriz")
    branch.customer("ALFKI")
    for sku in ("rice", "beans"):
        branch.product(sku)
        branch.adjust(sku, 10)
    return branch


def placing(*lines: tuple[str, int], key: str | None = None, request_hash: str = "hash") -> Command:
    """An order of these lines."""
    order = PlaceOrder(customer="ALFKI", lines=lines)

    def command(tx: Transaction) -> str:
        return place_order(
            tx, order, actor=ACTOR, key=key, request_hash=request_hash, policy="escrow", reserved={}
        ).order_id

    return command


def refused(command: Command) -> Command:
    """The same, refused at its very end."""

    def refuse(tx: Transaction) -> None:
        command(tx)
        raise Refused

    return refuse


def statements(branch: Branch, *commands: Command) -> list[str]:
    """The statements of a group up to its commit, less what its triggers do."""
    said: list[str] = []
    branch.connection.set_trace_callback(said.append)
    branch.do_all(commands)
    branch.connection.set_trace_callback(None)
    group = said[: said.index("COMMIT")]
    return [" ".join(statement.split()) for statement in group if not statement.startswith("--")]


def sold(branch: Branch, sku: str) -> int:
    """Units of a product in orders, as the file has them now."""
    return sum(cell.sold for cell in stock_table.cells_of(branch.connection, branch.product_id(sku)))


def test_an_order_reads_no_row_that_the_writer_has_read_before(shop: Branch) -> None:
    shop.do(placing(("rice", 1), ("beans", 1)))
    read = [s for s in statements(shop, placing(("rice", 1), ("beans", 1))) if s.startswith("SELECT")]
    assert [s for s in read if "digest_buckets" not in s] == []


def test_many_orders_of_one_product_write_its_row_once(shop: Branch) -> None:
    before = shop.connection.execute("SELECT version FROM own_cells").fetchone()[0]
    said = statements(shop, *(placing(("rice", 1)) for _ in range(5)))
    assert len({s for s in said if s.startswith("INSERT INTO stock ")}) == 1
    assert shop.connection.execute("SELECT MAX(version) FROM own_cells").fetchone()[0] == before + 5
    assert sold(shop, "rice") == 5


def test_an_order_sees_what_earlier_ones_of_its_group_took(shop: Branch) -> None:
    outcomes = shop.do_all([placing(("rice", 6)), placing(("rice", 5)), placing(("rice", 4))])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), OutOfRights, type(None)]
    assert sold(shop, "rice") == 10


@pytest.mark.parametrize("reads", [False, True])
def test_what_a_refused_order_took_is_there_for_the_next(branches: Branches, reads: bool) -> None:
    shop = stocked(branches)

    def and_read(tx: Transaction) -> None:
        if reads:  # then all that was deferred stands in the file when the command is undone
            tx.connection.execute("SELECT 1 FROM orders").fetchall()

    def both(tx: Transaction) -> None:
        placing(("rice", 8))(tx)
        and_read(tx)
        raise Refused

    outcomes = shop.do_all([placing(("beans", 1)), both, placing(("rice", 10))])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), Refused, type(None)]
    assert (sold(shop, "rice"), sold(shop, "beans")) == (10, 1)
    assert shop.event_kinds()[-4:] == ["stock_update", "order_created"] * 2


def test_a_refused_order_that_is_alone_leaves_nothing_to_the_next(shop: Branch) -> None:
    with pytest.raises(Refused):
        shop.do(refused(placing(("rice", 8))))
    shop.do(placing(("rice", 10)))
    assert sold(shop, "rice") == 10


def test_a_key_that_comes_twice_in_a_group_makes_one_order(branches: Branches) -> None:
    shop = stocked(branches)
    first, second, other = shop.do_all(
        [
            placing(("rice", 1), key="k"),
            placing(("rice", 1), key="k"),
            placing(("rice", 2), key="k", request_hash="another body"),
        ]
    )
    assert first.value == second.value
    assert isinstance(other.error, KeyReused)
    assert sold(shop, "rice") == 1


def test_a_key_of_a_refused_order_is_free(shop: Branch) -> None:
    _, placed = shop.do_all([refused(placing(("rice", 1), key="k")), placing(("rice", 1), key="k")])
    again = shop.do(placing(("rice", 1), key="k"))
    assert (placed.value, sold(shop, "rice")) == (again, 1)


def test_a_part_that_fails_takes_its_stock_back(shop: Branch) -> None:
    def command(tx: Transaction) -> str:
        with suppress(Refused), tx.savepoint():
            refused(placing(("rice", 8)))(tx)
        return str(placing(("rice", 10))(tx))

    shop.do_all([placing(("beans", 1)), command])
    assert (sold(shop, "rice"), sold(shop, "beans")) == (10, 1)


def test_a_row_that_does_not_fit_undoes_its_own_command_only(shop: Branch) -> None:
    def twice(tx: Transaction) -> None:
        tx.rows.deferred.add("INSERT INTO decommissioned (branch) VALUES (?)", ("norte",))
        tx.rows.deferred.add("INSERT INTO decommissioned (branch) VALUES (?)", ("norte",))

    outcomes = shop.do_all([placing(("rice", 1)), twice, placing(("rice", 2))])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), sqlite3.IntegrityError, type(None)]
    assert sold(shop, "rice") == 3


def test_a_deferred_row_that_does_not_fit_is_no_error_of_the_command_that_meets_it(shop: Branch) -> None:
    def twice(tx: Transaction) -> None:
        tx.rows.deferred.add("INSERT INTO decommissioned (branch) VALUES (?)", ("norte",))
        tx.rows.deferred.add("INSERT INTO decommissioned (branch) VALUES (?)", ("norte",))

    def careless(tx: Transaction) -> str:
        with suppress(sqlite3.Error):
            tx.connection.execute("SELECT 1 FROM decommissioned").fetchall()
        return "done"

    outcomes = shop.do_all([twice, careless, placing(("rice", 1))])
    assert [type(outcome.error) for outcome in outcomes] == [sqlite3.IntegrityError, type(None), type(None)]
    assert sold(shop, "rice") == 1


def test_a_price_that_changes_in_the_group_counts_for_the_next_order(shop: Branch) -> None:
    shop.do(placing(("rice", 1)))
    outcomes = shop.do_all(
        [
            placing(("rice", 1)),
            lambda tx: products.update(tx, "rice", {"price_cents": 7}, actor=ACTOR),
            placing(("rice", 1)),
        ]
    )
    ids = [outcome.value for outcome in outcomes[::2]]
    totals = [
        shop.connection.execute("SELECT total_cents FROM orders WHERE id = ?", (one,)).fetchone()[0]
        for one in ids
    ]
    assert totals == [1000, 7]


def test_another_life_begins_without_what_was_remembered(shop: Branch) -> None:
    shop.do(placing(("rice", 1)))
    shop.next_life()
    with pytest.raises(OutOfRights):
        shop.do(placing(("rice", 1)))


def test_a_grant_may_be_followed_by_a_sale_in_its_group(shop: Branch) -> None:
    """A cell with new grants is written at once: its mark must not stay behind it."""

    def grant(tx: Transaction) -> None:
        me = life_table.me(tx)
        product_id = shop.product_id("rice")
        own = stock_table.own_cell(stock_table.cells_to_spend(tx, product_id), me, product_id)
        granted = {**own.granted, Life("norte", "e" * 32): 3}
        stock_table.move(tx, own, replace(own, granted=granted, version=own.version + 1))

    outcomes = shop.do_all([grant, placing(("rice", 7)), grant, placing(("beans", 1))])
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sold(shop, "rice") == 7


def test_an_applied_event_changes_what_is_remembered(branches: Branches, shop: Branch) -> None:
    norte = branches.make("norte")
    shop.send(norte)
    shop.adjust("rice", 10, share="equal", peers=[norte.life])
    with pytest.raises(OutOfRights):
        norte.place("ALFKI", ("rice", 1))
    shop.send(norte)
    norte.place("ALFKI", ("rice", 5))
    assert sold(norte, "rice") == 5


def test_a_mirror_that_differs_from_the_file_is_found(shop: Branch) -> None:
    def forge(tx: Transaction) -> None:
        rice = shop.product_id("rice")
        known = tx.find(cell_mirror.CELLS, rice)
        assert known is not None
        more = replace(known.of_product[0], received=99)
        tx.mirror(cell_mirror.CELLS, {rice: replace(known, of_product=(more,))})
        tx.emit("stock_update", rice)

    with pytest.raises(StaleMirror):
        shop.do(forge)


def test_what_another_connection_wrote_is_read_anew(new_database: Callable[[], Path]) -> None:
    path = new_database()

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    with closing(connect()) as first:
        identity = begin_start(first, cluster_id=CLUSTER, name="matriz", random=Random(1))
    writer = Writer(connect, identity=identity, wall=lambda: 1.0, random=Random(2))

    def add(tx: Transaction) -> None:
        tx.connection.execute(
            "INSERT INTO hearsay_cells (product_id, branch, epoch, confirmed) VALUES ('p', 'norte', 'e', 1)"
        )

    def read(connection: sqlite3.Connection, key: str) -> list[int]:
        found = connection.execute("SELECT confirmed FROM hearsay_cells WHERE product_id = ?", (key,))
        return [row[0] for row in found]

    units = Mirrored("cells", read, lambda connection, keys: {key: read(connection, key) for key in keys})

    def confirmed(tx: Transaction) -> list[int] | None:
        return tx.find(units, "p")

    with closing(writer):
        writer.run_group([add])
        seen = [writer.run_group([confirmed])[0][0].value]
        with closing(connect()) as other:
            other.execute("UPDATE hearsay_cells SET confirmed = 2")
        seen.append(writer.run_group([confirmed])[0][0].value)
    assert seen == [[1], [2]]
