"""Which rows of a file count as written, and what becomes of them in the database that goes on."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.state import salvage
from app.state.commands import new_epoch
from app.state.salvage import Account, Salvage, VerifiedRows
from app.state.tables import order_durability, stock_table
from tests.support.branch import Branch, Branches

FILE = "node.db.damaged-1"
ROSTER = frozenset(("sul", "norte"))


@pytest.fixture
def sul(branches: Branches) -> Branch:
    """A branch with ten units that sold two orders, one of three units and one of one."""
    branch = branches.make("sul")
    branch.product("rice")
    branch.customer("ALFKI")
    branch.adjust("rice", 10)
    branch.place("ALFKI", ("rice", 3))
    branch.place("ALFKI", ("rice", 1))
    return branch


@contextmanager
def verified(branch: Branch, tmp_path: Path, *changes: str) -> Iterator[VerifiedRows]:
    """A branch's rows as verified from a file with these changes, made behind its back."""
    path = tmp_path / FILE
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as copy:
        branch.connection.backup(copy)
        for change in changes:
            copy.execute(change)
        copy.commit()
    with salvage.verified_rows(path, identity=branch.identity) as rows:
        yield rows


def bring_back(rows: VerifiedRows, into: Branch) -> Account:
    this = Salvage(FILE, ROSTER)
    for command in salvage.commands(this, rows):
        into.do(command)
    return into.do(salvage.finish(this, rows.outcome(into.connection)))


def order_ids(branch: Branch) -> list[str]:
    return [row[0] for row in branch.connection.execute("SELECT id FROM orders ORDER BY id")]


def test_everything_of_a_sound_copy_is_verified_and_comes_back_into_another_life(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    after = branches.make("sul")
    after.next_life()  # two of one name draw one epoch in tests
    with verified(sul, tmp_path) as rows:
        account = bring_back(rows, after)
        assert rows.verified == rows.read == {
            "users": 0, "customers": 1, "products": 1, "stock": 1, "orders": 2,
        }  # fmt: skip
    assert (account.back, account.lost, account.complete) == (2, 0, True)
    assert list(account.back_ids) == order_ids(sul) == order_ids(after)
    assert after.rows()["orders"] == sul.rows()["orders"]
    assert after.rights(after.product_id("rice")) == 0
    totals = after.totals(after.product_id("rice"))
    assert (totals.available, totals.frozen, totals.oversold) == (0, 6, 0)


def test_orders_that_came_back_are_at_risk_until_a_peer_has_stored_them(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    after, peer = branches.make("sul"), branches.make("norte")
    after.next_life()
    with verified(sul, tmp_path) as rows:
        bring_back(rows, after)
    assert order_durability.at_risk(after.connection) == 2
    after.do(new_epoch.announce_orders)
    after.send(peer)
    assert order_durability.at_risk(after.connection) == 0
    assert order_ids(peer) == order_ids(sul)
    assert peer.totals(peer.product_id("rice")).oversold == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE orders SET note = 'another' WHERE id = (SELECT MAX(id) FROM orders)",
        "UPDATE order_lines SET quantity = 2 WHERE order_id = (SELECT MAX(id) FROM orders)",
        "DELETE FROM order_lines WHERE order_id = (SELECT MAX(id) FROM orders)",
        "UPDATE orders SET checksum = 0 WHERE id = (SELECT MAX(id) FROM orders)",
    ],
)
def test_an_order_that_is_not_as_written_does_not_come_back_and_is_named(
    sul: Branch, branches: Branches, tmp_path: Path, change: str
) -> None:
    after = branches.make("sul")
    after.next_life()
    with verified(sul, tmp_path, change) as rows:
        account = bring_back(rows, after)
    assert (account.back, list(account.lost_ids)) == (1, [order_ids(sul)[-1]])
    assert account.sentence(FILE) == (
        f"of the damaged file {FILE} 1 order came back and 1 order could not be brought back"
        f" ({order_ids(sul)[-1]})"
    )


def test_stock_that_is_not_as_written_counts_for_nothing(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    after = branches.make("sul")
    after.next_life()
    with verified(sul, tmp_path, "UPDATE stock SET sold = 0") as rows:
        bring_back(rows, after)
    assert stock_table.cells_of(after.connection, after.product_id("rice")) == []


def test_bringing_back_twice_changes_nothing(sul: Branch, branches: Branches, tmp_path: Path) -> None:
    after = branches.make("sul")
    after.next_life()
    with verified(sul, tmp_path) as rows:
        first = bring_back(rows, after)
        digest, head = after.digest(), after.head()
        assert bring_back(rows, after) == first
    assert (after.digest(), after.head()) == (digest, head)


def test_orders_of_other_branches_come_back_as_rows_and_are_announced_by_nobody(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    norte = branches.make("norte")
    with verified(sul, tmp_path) as rows:
        account = bring_back(rows, norte)
    assert (account.back, account.of_others) == (2, 2)
    assert order_durability.at_risk(norte.connection) == 0
    assert "order_created" not in norte.event_kinds()


def test_an_order_whose_customer_is_nowhere_is_named_and_tried_again(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    after = branches.make("sul")
    after.next_life()
    with verified(sul, tmp_path, "UPDATE customers SET name = 'another'") as rows:
        account = bring_back(rows, after)
    assert (account.back, account.left, account.complete) == (0, 2, False)
    assert list(account.lost_ids) == order_ids(sul)


def test_a_file_from_before_there_were_seals_is_believed_as_far_as_its_rows_add_up(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    after = branches.make("sul")
    after.next_life()
    tables = ("users", "customers", "products", "stock", "orders")
    unsealed = [f"ALTER TABLE {table} DROP COLUMN checksum" for table in tables]
    wrong = "UPDATE orders SET total_cents = total_cents + 1 WHERE id = (SELECT MAX(id) FROM orders)"
    with verified(sul, tmp_path, *unsealed, wrong) as rows:
        assert not rows.sealed
        account = bring_back(rows, after)
    assert (account.back, account.lost) == (1, 1)
    assert "its rows have no checksums" in account.sentence(FILE)


def test_of_several_versions_the_newest_that_verifies_counts(
    sul: Branch, branches: Branches, tmp_path: Path
) -> None:
    """The order's row in the file is damaged; the log beside it has an older version that is whole."""
    path = tmp_path / FILE
    live = tmp_path / "live.db"
    with closing(sqlite3.connect(live)) as made:
        sul.connection.backup(made)
    with closing(sqlite3.connect(live, isolation_level=None)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("PRAGMA wal_autocheckpoint = 0")
        last = order_ids(sul)[-1]
        writing.execute("UPDATE customers SET name = name")
        writing.execute("UPDATE orders SET seq = seq")
        writing.execute("UPDATE orders SET note = 'damage' WHERE id = ?", (last,))
        shutil.copy(live, path)
        shutil.copy(live.with_name("live.db-wal"), path.with_name(f"{FILE}-wal"))
        (root,) = writing.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))
    after = branches.make("sul")
    after.next_life()
    with salvage.verified_rows(path, identity=sul.identity) as rows:
        account = bring_back(rows, after)
    assert (account.back, account.lost) == (2, 0)
    assert after.rows()["orders"] == sul.rows()["orders"]


def test_a_branch_that_is_gone_for_good_stays_so(sul: Branch, branches: Branches, tmp_path: Path) -> None:
    after = branches.make("sul")
    after.next_life()
    gone = "INSERT INTO decommissioned (branch) VALUES ('norte'), ('nobody-of-this-network')"
    with verified(sul, tmp_path, gone) as rows:
        bring_back(rows, after)
    assert [row[0] for row in after.connection.execute("SELECT branch FROM decommissioned")] == ["norte"]
