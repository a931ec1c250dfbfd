"""`python -m app.salvage`, run beside a node with the node's own environment."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app import program, salvage
from app.config import Settings
from app.database import StorageFailed
from tests.recovery.damage import both, zeroed
from tests.support.company import Company, buy, customer, node_settings, stock

pytestmark = pytest.mark.anyio


def settings_of(company: Company, **values: Any) -> Settings:
    return node_settings("sul", database_path=company.path("sul"), **values)


def environment(settings: Settings) -> dict[str, str]:
    return {
        "NODE_NAME": settings.node_name,
        "PEERS": "",
        "CLUSTER_ID": settings.cluster_id,
        "DATABASE_PATH": str(settings.database_path),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "REPLICA_SECRET": settings.replica_secret.get_secret_value(),
        "ADMIN_USERNAME": settings.admin_username,
        "ADMIN_PASSWORD": settings.admin_password.get_secret_value(),
        "BCRYPT_ROUNDS": "4",
    }


def read(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(query)]


@pytest.fixture
async def sold(company: Company) -> tuple[Company, str]:
    """A network of one branch that sold one order, still running."""
    (node,) = await company.found("sul")
    await customer(node)
    await stock(node, "rice", 5)
    return company, str((await buy(node, "rice", 2)).id)


async def test_show_tells_of_a_held_file_while_the_node_runs_and_changes_nothing(
    sold: tuple[Company, str], capsys: pytest.CaptureFixture[str]
) -> None:
    company, _ = sold
    await company.stop("sul")
    zeroed("audit")(company.path("sul"))
    await company.start("sul")
    before = company.path("sul").read_bytes()
    assert salvage.main(["show"], environment(settings_of(company))) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["node"], shown["database"], bool(shown["damage"])) == ("sul", "node.db", True)
    (file,) = shown["files"]
    assert (file["file"], file["has_seals"], file["damaged_pages"]) == ("node.db", True, 1)
    assert file["rows"]["orders"] == {"read": 1, "verified": 1}
    assert (file["orders"]["only_here"], file["orders"]["lost"]) == (1, 0)
    assert company.path("sul").read_bytes() == before
    assert not list(company.path("sul").parent.glob("show-*"))


async def test_nothing_is_taken_while_the_node_runs(
    sold: tuple[Company, str], capsys: pytest.CaptureFixture[str]
) -> None:
    company, _ = sold
    assert salvage.main(["take"], environment(settings_of(company))) == program.FAILED
    assert "is in use by another process" in capsys.readouterr().err


async def test_a_sound_file_with_nothing_beside_it_is_left_as_it_is(sold: tuple[Company, str]) -> None:
    company, order_id = sold
    await company.stop("sul")
    epoch = read(company.path("sul"), "SELECT epoch FROM node")
    with pytest.raises(StorageFailed, match="there is nothing to salvage"):
        salvage.take(settings_of(company), found=True)
    assert read(company.path("sul"), "SELECT id FROM orders") == [order_id]
    assert read(company.path("sul"), "SELECT epoch FROM node") == epoch


async def test_take_begins_another_life_that_waits_for_peers_or_an_admins_word(
    sold: tuple[Company, str], capsys: pytest.CaptureFixture[str]
) -> None:
    company, order_id = sold
    path = company.path("sul")
    before = company["sul"].database.identity.epoch
    await company.stop("sul")
    zeroed("audit")(path)
    assert salvage.main(["take"], environment(settings_of(company))) == 0
    assert capsys.readouterr().out == (
        "of the damaged file node.db.damaged-1 1 order came back and 0 orders could not be brought back\n"
    )
    assert read(path, "SELECT founded FROM node") == [0]
    assert read(path, "SELECT epoch FROM node") != [before]
    assert read(path, "SELECT id FROM orders") == [order_id]
    assert salvage.main(["take", "--found"], environment(settings_of(company))) == 0
    assert capsys.readouterr().out == "every set-aside file was salvaged before\n"
    assert read(path, "SELECT founded FROM node") == [1]


async def test_an_admin_is_made_only_where_none_came_back(sold: tuple[Company, str]) -> None:
    company, _ = sold
    path = company.path("sul")
    await company.stop("sul")
    whole = path.read_bytes()
    zeroed("audit")(path)
    salvage.take(settings_of(company, admin_username="another"), found=True)
    assert read(path, "SELECT username FROM users") == ["admin"]
    path.write_bytes(whole)
    both(zeroed("audit"), zeroed("users"))(path)
    salvage.take(settings_of(company, admin_username="another"), found=True)
    # The first file that was set aside has the first admin, and is salvaged into this life too.
    assert read(path, "SELECT username FROM users") == ["admin"]
    path.with_name("node.db.damaged-1").unlink()
    path.write_bytes(whole)
    both(zeroed("audit"), zeroed("users"))(path)
    salvage.take(settings_of(company, admin_username="another"), found=True)
    assert read(path, "SELECT username FROM users") == ["another"]


@pytest.mark.parametrize("arguments", [[], ["take", "--founded"], ["show", "take"]])
def test_a_mistake_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert salvage.main(arguments, {}) == program.MISUSED
    assert capsys.readouterr().err == "usage: python -m app.salvage show | take [--found]\n"
