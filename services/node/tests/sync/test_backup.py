"""Copies of a database made while its node runs, and what a node is after one was put in place."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app import backup, program
from app.config import Settings
from app.database import DamagedDatabase, StorageError, StorageFailed, WrongDatabase
from app.node import BranchNode
from tests.support.branch import CLUSTER
from tests.support.company import Company, buy, customer, node_settings, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte", "sul")


def copy_of(path: Path) -> bytes:
    target = io.BytesIO()
    backup.save(path, target)
    return target.getvalue()


def settings_at(company: Company, name: str) -> Settings:
    return node_settings(name, peers=NAMES, database_path=company.path(name))


async def orders(node: BranchNode) -> set[str]:
    rows = await node.database.read(lambda c: c.execute("SELECT id FROM orders").fetchall())
    return {row[0] for row in rows}


@pytest.fixture
async def sold(company: Company) -> tuple[Company, bytes]:
    """Three branches with 30 units each; a copy of sul's database made while it runs, then two orders more:
    one that the peers have, one that they lack."""
    await company.found(*NAMES)
    await customer(company["matriz"])
    await stock(company["matriz"], "rice", 90, share="equal")
    await eventually(company.converged)
    await buy(company["sul"], "rice", 1)
    await eventually(company.converged)
    copy = copy_of(company.path("sul"))
    await buy(company["sul"], "rice", 2)
    await eventually(company.converged)
    return company, copy


async def test_a_restored_node_lives_a_new_epoch_and_gets_back_what_peers_have(
    sold: tuple[Company, bytes],
) -> None:
    company, copy = sold
    before = company["sul"].database.identity
    known = await orders(company["matriz"])
    await company.stop("sul")

    restored = backup.restore(settings_at(company, "sul"), io.BytesIO(copy))

    assert restored.epoch != before.epoch
    node = await company.start("sul", peers=NAMES)
    await eventually(company.converged)
    assert node.database.identity.epoch == restored.epoch
    assert await orders(node) == known
    totals = (await node.status()).stock
    assert (totals["here"], totals["frozen"]) == (0, 27)
    assert node.readiness.fenced is None


async def test_a_restored_node_announces_the_orders_that_peers_lack(company: Company) -> None:
    """The copy may be all that is left of them."""
    await company.found(*NAMES)
    await customer(company["matriz"])
    await stock(company["matriz"], "rice", 90, share="equal")
    await eventually(company.converged)
    for name in ("matriz", "norte"):
        await company.stop(name)
    order = await buy(company["sul"], "rice", 1)
    copy = copy_of(company.path("sul"))
    await company.stop("sul")

    backup.restore(settings_at(company, "sul"), io.BytesIO(copy))

    for name in NAMES:
        await company.start(name, peers=NAMES)
    await eventually(company.converged)
    assert await orders(company["matriz"]) == {order.id}


async def test_nothing_is_restored_under_a_running_node(sold: tuple[Company, bytes]) -> None:
    company, copy = sold
    with pytest.raises(StorageFailed, match="stop the node first"):
        backup.restore(settings_at(company, "sul"), io.BytesIO(copy))
    assert len(await orders(company["sul"])) == 2


async def test_a_damaged_database_may_be_replaced_by_a_copy(sold: tuple[Company, bytes]) -> None:
    company, copy = sold
    await company.stop("sul")
    company.path("sul").write_bytes(b"no database" * 1000)
    restored = backup.restore(settings_at(company, "sul"), io.BytesIO(copy))
    assert restored.name == "sul"


def _another_branch(copy: bytes, path: Path) -> bytes:
    path.write_bytes(copy)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE node SET name = 'norte'")
    return copy_of(path)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda _copy, _path: b"", WrongDatabase),
        (lambda _copy, _path: b"text" * 5000, DamagedDatabase),
        (lambda copy, _path: copy[: len(copy) // 2], DamagedDatabase),
        (_another_branch, WrongDatabase),
    ],
    ids=["empty", "no database", "cut short", "another branch's"],
)
async def test_a_copy_that_does_not_do_changes_nothing(
    sold: tuple[Company, bytes],
    tmp_path: Path,
    wrong: Callable[[bytes, Path], bytes],
    error: type[StorageError],
) -> None:
    company, copy = sold
    await company.stop("sul")
    before = company.path("sul").read_bytes()
    given = wrong(copy, tmp_path / "other.db")
    for take in (backup.check, backup.restore):
        with pytest.raises(error, match=r"this (copy|is no copy)") as refused:
            take(settings_at(company, "sul"), io.BytesIO(given))
        assert str(company.path("sul").parent) not in str(refused.value)  # nobody gave that file
    assert company.path("sul").read_bytes() == before
    assert {path.name for path in company.path("sul").parent.iterdir()} == {"node.db", "node.db.lock"}


async def test_a_copy_is_looked_at_while_the_node_runs_and_changes_nothing(
    sold: tuple[Company, bytes],
) -> None:
    company, copy = sold
    before = company["sul"].database.identity
    backup.check(settings_at(company, "sul"), io.BytesIO(copy))
    assert company["sul"].database.identity == before
    assert len(await orders(company["sul"])) == 2
    assert not [path for path in company.path("sul").parent.iterdir() if path.is_dir()]


FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def founded(company: Company) -> tuple[Company, bytes]:
    """A branch by itself whose network was given a founding, stopped, and a copy of its database."""
    await company.found("sul", founding_id=FIRST)
    copy = copy_of(company.path("sul"))
    await company.stop("sul")
    return company, copy


def founded_again(company: Company, founding: str | None) -> Settings:
    return node_settings(
        "sul",
        peers=("sul",),
        database_path=company.path("sul"),
        **({"founding_id": founding} if founding else {}),
    )


async def test_a_copy_of_the_same_founding_is_restored(founded: tuple[Company, bytes]) -> None:
    company, copy = founded
    assert backup.restore(founded_again(company, FIRST), io.BytesIO(copy)).name == "sul"


async def test_a_copy_of_a_network_that_was_removed_changes_nothing(founded: tuple[Company, bytes]) -> None:
    """Its CLUSTER_ID is the same: the network was founded again with the same secrets."""
    company, copy = founded
    company.path("sul").unlink()
    await company.start("sul", peers=("sul",), founding_id=SECOND)
    await company.stop("sul")
    before = company.path("sul").read_bytes()

    with pytest.raises(WrongDatabase, match=f"another founding of the network .{FIRST}."):
        backup.restore(founded_again(company, SECOND), io.BytesIO(copy))

    assert company.path("sul").read_bytes() == before


async def test_a_lost_disk_takes_a_copy_by_what_was_set(founded: tuple[Company, bytes]) -> None:
    company, copy = founded
    company.path("sul").unlink()

    with pytest.raises(WrongDatabase, match="another founding of the network"):
        backup.restore(founded_again(company, SECOND), io.BytesIO(copy))
    assert backup.restore(founded_again(company, FIRST), io.BytesIO(copy)).name == "sul"


async def test_a_file_keeps_its_founding_whatever_is_set_later(founded: tuple[Company, bytes]) -> None:
    company, copy = founded
    await company.start("sul", peers=("sul",), founding_id=SECOND)
    await company.stop("sul")

    assert backup.restore(founded_again(company, SECOND), io.BytesIO(copy)).name == "sul"


async def test_a_copy_that_says_no_founding_is_restored_by_its_cluster_and_name(company: Company) -> None:
    await company.found("sul")
    copy = copy_of(company.path("sul"))
    await company.stop("sul")

    assert backup.restore(founded_again(company, FIRST), io.BytesIO(copy)).name == "sul"


async def test_without_a_database_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no database"):
        backup.save(tmp_path / "node.db", io.BytesIO())


@pytest.mark.parametrize("arguments", [[], ["erase"], ["save", "here"]])
async def test_other_words_are_one_line_of_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup.main(arguments, {}) == program.MISUSED
    assert capsys.readouterr().err.startswith("usage: python -m app.backup save")


async def test_what_goes_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {
        "NODE_NAME": "sul",
        "PEERS": "",
        "CLUSTER_ID": CLUSTER,
        "DATABASE_PATH": str(tmp_path / "node.db"),
        "JWT_SECRET": "a secret of clients, as long as one must be",
        "REPLICA_SECRET": "a secret of nodes, as long as one must be",
        "ADMIN_USERNAME": "admin",
        "ADMIN_PASSWORD": "a long password",
    }
    assert backup.main(["save"], environment) == program.FAILED
    assert capsys.readouterr().err == f"there is no database {tmp_path / 'node.db'}\n"
    assert backup.main(["save"], {}) == program.MISUSED
