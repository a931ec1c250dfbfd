"""Nodes that differ though they should not: it is seen, mended and counted; nothing is hidden by it."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from app.database import Transaction
from app.state.tables import order_rows
from app.sync.catchup import snapshot
from app.sync.log import dead_letters
from app.sync.wire.messages import PageRequest
from tests.recovery.trial import NAMES, Trial
from tests.support.branch import ACTOR
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT, HELLO, SNAPSHOT = "/replica/event", "/replica/hello", "/replica/snapshot"


def forget(tx: Transaction, order_id: str) -> None:
    """Lose an order as a mistake in this program would: rows and digest agree, and other nodes have it."""
    row = order_rows.snapshot(tx.connection, order_id)
    tx.connection.execute("DELETE FROM order_lines WHERE order_id = ?", (order_id,))
    tx.connection.execute("DELETE FROM orders WHERE id = ?", (order_id,))
    tx.changed("orders", order_id, before=row, after=None)


def change_schema(trial: Trial, statement: str) -> None:
    """Let sul apply less, or more, than its peers send, as code of another version would."""
    with closing(sqlite3.connect(trial.company.path("sul"))) as connection:
        connection.execute(statement)


async def test_a_lost_row_is_noticed_mended_and_counted(trial: Trial) -> None:
    order = await trial.traded(at="matriz", units=5)
    await trial["sul"].database.write(lambda tx: forget(tx, order))
    status = await trial["sul"].status()
    assert status.digest != (await trial["matriz"].status()).digest
    assert status.heads == (await trial["matriz"].status()).heads
    await trial.verify()
    alarms = await trial.alarms("sul")
    assert alarms.keys() == {"divergence", "repaired"}
    assert "orders 1" in (await trial["sul"].status()).alarms["repaired"].last


async def test_a_row_that_only_one_node_has_reaches_the_others(trial: Trial) -> None:
    order = await trial.traded(at="matriz", units=5)
    for name in ("matriz", "norte"):
        await trial[name].database.write(lambda tx: forget(tx, order))
    await trial.verify()
    assert await trial.order_ids("matriz") == [order]


async def test_what_differs_by_events_that_are_under_way_is_no_alarm(trial: Trial) -> None:
    """A comparison that was asked for at equal heads may come late."""
    await trial.stocked("matriz", "norte", at="matriz", units=5)
    trial.network.answers["norte", EVENT] = problem(503, "not_ready")
    order = await trial.sell("matriz")
    matriz = trial.peer("matriz", seen_by="norte")
    trial["norte"]._replication.catch_up.want_repair(matriz, "ahead")
    await eventually(lambda: trial.has("norte", order))
    trial.network.answers.clear()
    await trial.verify()
    assert "repaired" not in await trial.alarms("norte")


async def test_a_moments_difference_is_no_alarm(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 5)
    for _ in range(3):
        await trial.sell("sul")  # grants make rows newer than heads for a moment
        await trial.converged()
    await asyncio.sleep(20)
    for name in NAMES:
        assert await trial.alarms(name) == {}
    await trial.verify()


async def test_a_silent_nodes_grant_that_outran_its_event_comes_from_itself_without_an_alarm(
    trial: Trial,
) -> None:
    await trial.stocked(at="norte", units=5)
    trial.network.cut |= {("norte", "matriz"), ("norte", "sul")}  # its answers get through, its events do not
    order = await trial.sell("sul", 2)
    await eventually(lambda: trial.has("matriz", order))
    trial.network.down.add("norte")
    matriz, sul = [(await trial[name].status()) for name in ("matriz", "sul")]
    assert (matriz.heads, matriz.digest == sul.digest) == (sul.heads, False)
    greeted = len(trial.network.sent("matriz", "sul", HELLO))
    await eventually(lambda: len(trial.network.sent("matriz", "sul", HELLO)) > greeted + 6)
    assert [await trial.alarms(name) for name in ("matriz", "sul")] == [{}, {}]
    # What no grant explains is an alarm, though norte cannot be asked.
    await trial["matriz"].database.write(lambda tx: forget(tx, order))
    await eventually(lambda: trial.has("matriz", order))
    assert "repaired" in await trial.alarms("matriz")
    trial.network.down.clear()
    trial.network.cut.clear()
    await trial.verify()


async def test_nodes_that_are_still_rebuilding_are_not_compared(trial: Trial) -> None:
    """One has pages that the other has not, and neither has taken over the heads they belong to."""
    await trial.found()
    await trial.converged()
    await trial.wipe("norte", "sul")
    for way in (("matriz", SNAPSHOT), ("norte", EVENT), ("sul", EVENT)):
        trial.network.answers[way] = problem(503, "not_ready")
    for name in ("norte", "sul"):
        await trial.start(name, ready=False)
    wanted = PageRequest(
        to_epoch=trial.epoch("matriz"), epoch=trial.epoch("sul"), relation="customers", after=""
    )
    page = await trial["matriz"].database.read(lambda connection: snapshot.read_page(connection, wanted))
    await trial["sul"].database.write(lambda tx: snapshot.merge_page(tx, page, donor="matriz"))
    await asyncio.sleep(20)
    norte, sul = [(await trial[name].status()) for name in ("norte", "sul")]
    assert (norte.heads, norte.digest == sul.digest) == (sul.heads, False)
    assert [await trial.alarms(name) for name in NAMES] == [{}, {}, {}]
    trial.network.answers.clear()
    await trial.verify()


async def test_a_parked_order_is_listed_and_applied_when_somebody_asks(trial: Trial) -> None:
    await trial.stocked("matriz", "sul", at="matriz", units=5)
    sul = trial["sul"].database
    change_schema(
        trial, "CREATE TRIGGER no BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'not yet'); END"
    )
    order = await trial.sell("matriz")
    await eventually(lambda: trial.is_parked("sul"))
    (listed,) = await sul.read(lambda connection: dead_letters.page(connection, "", 10))
    assert (listed.origin, listed.kind, listed.entity) == ("matriz", "order_created", order)
    assert "not yet" in listed.reason
    assert not await trial.company.converged()
    assert await sul.write(lambda tx: dead_letters.replay(tx, actor=ACTOR)) == {"applied": 0, "left": 1}
    change_schema(trial, "DROP TRIGGER no")
    assert await sul.write(lambda tx: dead_letters.replay(tx, actor=ACTOR)) == {"applied": 1, "left": 0}
    assert await trial.order_ids("sul") == [order]
    await trial.verify()
    assert [after for _, after in await trial.audited("sul", "replayed_parked")] == [
        {"applied": 0, "left": 1},
        {"applied": 1, "left": 0},
    ]
