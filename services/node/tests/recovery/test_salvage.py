"""What a damaged file still holds comes back: to the node whose file it was, and from there to all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

PAGE = 4096


def roots(path: Path) -> dict[str, int]:
    """The first page of every table and index."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")
        return dict(found.fetchall())


def zero_page(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(bytes(PAGE))


def zero(*names: str) -> Callable[[Path], None]:
    """Empties the first page of tables or indexes."""

    def damage(path: Path) -> None:
        pages = roots(path)
        for name in names:
            zero_page(path, pages[name])

    return damage


async def sold_alone(trial: Trial, name: str, quantity: int = 1) -> str:
    """An order that nobody but its branch has: its peers are stopped before, and started after `name` is."""
    others = [other for other in NAMES if other != name]
    await trial.stop(*others)
    order_id = await trial.sell(name, quantity)
    await trial.stop(name)
    for other in others:
        await trial.start(other)
    return order_id


async def founded(trial: Trial) -> list[str]:
    """Three nodes that each had ten units and sold one; their orders."""
    await trial.found()
    await trial.receive("matriz", 30, share="equal")
    await trial.converged()
    orders = [await trial.sell(name) for name in NAMES]
    await trial.converged()
    return orders


async def salvaged(trial: Trial, *names: str) -> dict[str, list[dict[str, Any]]]:
    """What nodes say of their set-aside files, once they have looked into all of them."""
    found: dict[str, list[dict[str, Any]]] = {}

    async def all_looked_into() -> bool:
        for name in names:
            status = await trial[name].status()
            found[name] = status["salvage"] or []
        return all(accounts for accounts in found.values())

    await eventually(all_looked_into)
    return found


async def test_an_order_that_only_the_damaged_file_had_is_back_at_all_nodes(trial: Trial) -> None:
    await founded(trial)
    alone = await sold_alone(trial, "sul", 2)
    zero("audit")(trial.company.path("sul"))
    await trial.start("sul")
    accounts = (await salvaged(trial, "sul"))["sul"]
    assert [(a["file"], a["orders_back"], a["orders_lost"], a["complete"]) for a in accounts] == [
        ("node.db.damaged-1", 1, 0, True)
    ]
    await trial.verify()
    for name in NAMES:
        assert await trial.has(name, alone)
    assert await trial.announced("sul") == [alone]
    assert (await trial[("sul")].status())["alarms"]["salvaged"]["last"] == (
        "of the damaged file node.db.damaged-1 1 order came back and 0 orders could not be brought back"
    )
