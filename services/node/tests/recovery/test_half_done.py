"""Commands that fail in the middle, and commits that report an error: nothing is half done or done twice."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from app.database import Effects, Transaction
from app.domain.errors import OutOfRights
from app.state.commands import order_commands
from app.state.commands.order_commands import PlaceOrder
from tests.recovery.trial import Trial
from tests.support.branch import ACTOR, Branches
from tests.support.seams import write_by

pytestmark = pytest.mark.anyio


class GivenUp(Exception):
    """What a command raises when it has done everything."""


class FragileConnection(sqlite3.Connection):
    """A connection whose next COMMIT takes effect and reports an error nevertheless."""

    fails = True

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql != "COMMIT" or not self.fails:
            return super().execute(sql, parameters)
        self.fails = False
        super().execute("COMMIT")
        raise sqlite3.OperationalError("disk I/O error")


def place(note: str | None) -> Any:
    """The command that orders three units of rice."""
    order = PlaceOrder(customer="ALFKI", lines=(("rice", 3),), note=note)

    def command(tx: Transaction) -> str:
        return order_commands.place_order(
            tx, order, actor=ACTOR, key=None, request_hash="hash", policy="escrow", reserved={}
        ).order_id

    return command


def test_an_order_that_fails_halfway_leaves_nothing_and_hurts_nobody(branches: Branches) -> None:
    """Its stock is taken and announced when its own row turns out to be refused."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    rice = matriz.product("rice")
    matriz.adjust("rice", 10)
    before = matriz.head()
    matriz.connection.execute(
        "CREATE TRIGGER no BEFORE INSERT ON orders WHEN NEW.note = 'no' BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    first, refused, last = matriz.do_all([place(None), place("no"), place(None)])
    assert isinstance(refused.error, sqlite3.IntegrityError)
    assert (first.error, last.error) == (None, None)
    assert matriz.head() - before == 4  # two for each order
    assert matriz.rights(rice) == 4
    found = matriz.connection.execute("SELECT id FROM orders ORDER BY id").fetchall()
    assert sorted(row[0] for row in found) == sorted([first.value, last.value])
    matriz.send(norte)
    assert norte.digest() == matriz.digest()


def test_an_order_that_is_given_up_after_its_rows_were_written_leaves_nothing(branches: Branches) -> None:
    """A reading brings into the file what a command had put off; giving up takes that out again, and nothing
    of its neighbours."""

    def given_up(tx: Transaction) -> None:
        place("given up")(tx)
        assert tx.connection.execute("SELECT COUNT(*) FROM orders WHERE note IS NOT NULL").fetchone()[0] == 1
        raise GivenUp

    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    rice = matriz.product("rice")
    matriz.adjust("rice", 10)
    before = matriz.head()
    first, last, refused = matriz.do_all([place(None), place(None), given_up])
    assert (first.error, type(refused.error), last.error) == (None, GivenUp, None)
    assert matriz.head() - before == 4  # two for each order
    assert matriz.rights(rice) == 4
    found = matriz.connection.execute("SELECT id FROM orders ORDER BY id").fetchall()
    assert sorted(row[0] for row in found) == sorted([first.value, last.value])
    matriz.send(norte)
    assert norte.digest() == matriz.digest()


async def test_orders_whose_commit_reported_an_error_are_taken_once(trial: Trial) -> None:
    """Only the file knows whether they are stored, so it is asked."""
    await trial.stocked("matriz", "norte", at="matriz", units=5)
    path = trial.company.path("matriz")
    fragile = sqlite3.connect(path, isolation_level=None, factory=FragileConnection)
    fragile.row_factory = sqlite3.Row
    write_by(trial["matriz"].database, fragile)
    sold = await asyncio.gather(trial.sell("matriz"), trial.sell("matriz"))
    assert await trial.order_ids("matriz") == sorted(sold)
    await trial.verify()
    assert (await trial.view("norte"))["available"] == 3


async def test_after_every_commit_all_that_changed_is_announced(trial: Trial) -> None:
    """So a crash at any moment leaves no change that peers never hear of."""
    await trial.stocked("matriz", "sul", at="matriz", units=5)
    with closing(sqlite3.connect(trial.company.path("matriz"))) as file:
        seen: list[tuple[int, int]] = []
        trial["matriz"].database.on_commit.append(
            lambda _effects: seen.append(
                file.execute(
                    "SELECT (SELECT COUNT(*) FROM orders WHERE status = 'cancelled'),"
                    " (SELECT COUNT(*) FROM events WHERE kind = 'order_cancelled')"
                ).fetchone()
            )
        )
        for _ in range(2):
            await trial.cancel("matriz", await trial.sell("matriz"))
        await trial.verify()
    assert {(0, 0), (1, 1), (2, 2)} == set(seen)


async def test_after_every_commit_a_position_has_all_that_stands_before_it(trial: Trial) -> None:
    """So a crash at any moment leaves no event that is taken for applied and is not."""
    await trial.stocked("matriz", "sul", at="matriz", units=5)
    log = sqlite3.connect(trial.company.path("matriz"))
    with closing(log), closing(sqlite3.connect(trial.company.path("sul"))) as file:
        seen: list[tuple[int, int]] = []

        def look(_effects: Effects) -> None:
            (applied,) = file.execute("SELECT MAX(seq) FROM positions WHERE origin = 'matriz'").fetchone()
            (told,) = log.execute(
                "SELECT COUNT(*) FROM events WHERE kind = 'order_created' AND seq <= ?", (applied,)
            ).fetchone()
            seen.append((told, file.execute("SELECT COUNT(*) FROM orders").fetchone()[0]))

        trial["sul"].database.on_commit.append(look)
        for _ in range(3):
            await trial.sell("matriz")
            await trial.converged()
    assert [told for told, stored in seen if told != stored] == []
    assert seen[-1] == (3, 3)


def test_two_lines_of_one_product_take_what_both_need(branches: Branches) -> None:
    """Each alone would fit, both do not."""
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    rice = matriz.product("rice")
    matriz.adjust("rice", 5)
    with pytest.raises(OutOfRights):
        matriz.place("ALFKI", ("rice", 3), ("rice", 3))
    matriz.place("ALFKI", ("rice", 2), ("rice", 3))
    assert matriz.rights(rice) == 0
