"""Queues whose peer is behind, away, or answers too late: nothing is skipped, nothing counts that is not."""

import asyncio

import pytest

from app.state.commands import new_epoch
from app.sync.wire.messages import Batch
from tests.recovery.trial import Trial
from tests.support.branch import Branches
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT, SNAPSHOT = "/replica/event", "/replica/snapshot"
TRIMMED_SECONDS = 31.0  # a little more than the time between two trims


def batches(trial: Trial, sender: str, receiver: str) -> list[Batch]:
    """What one node sent another so far."""
    return [Batch.model_validate_json(call.body) for call in trial.network.sent(sender, receiver, EVENT)]


async def test_a_peer_that_is_behind_is_told_from_where_it_is_even_before_any_hello(trial: Trial) -> None:
    await trial.stocked("matriz", "sul", at="matriz", units=9)
    copy = trial.copy("sul")
    for _ in range(3):
        await trial.sell("matriz")
    await trial.converged()
    trial.network.cut.add(("sul", "matriz"))  # it cannot say how far it is
    await trial.put_back("sul", copy, ready=False)
    sent = len(batches(trial, "matriz", "sul"))
    await trial.sell("matriz")

    def goes_back() -> bool:
        begins = [batch.after.seq for batch in batches(trial, "matriz", "sul")[sent:]]
        return len(begins) > 1 and begins[-1] < begins[0]

    await eventually(goes_back, within=2)
    trial.network.cut.clear()
    await trial.verify()
    assert await trial.alarms("matriz") == await trial.alarms("sul") == {}


async def test_a_batch_that_comes_again_late_changes_nothing(trial: Trial) -> None:
    order = await trial.traded("matriz", "sul", at="matriz", units=9, sold=2)
    early = trial.network.sent("matriz", "sul", EVENT)[0]
    await trial.cancel("matriz", order)
    await trial.converged()
    before = await trial["sul"].status()
    answer = await trial.post("matriz", "sul", early.path, early.body, epoch=trial.epoch("matriz"))
    assert answer.status == 200
    after = await trial["sul"].status()
    assert (after.heads, after.digest) == (before.heads, before.digest)
    await trial.verify()


async def test_what_a_cut_off_peer_lacks_stays_in_the_log(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=9)
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz"), ("norte", "sul"), ("sul", "norte")}
    for _ in range(3):
        await trial.sell("matriz")
    await asyncio.sleep(TRIMMED_SECONDS)
    shown = (await trial["matriz"].status()).peers["sul"]
    assert (shown.state, shown.pending) == ("backing_off", 6)
    trial.network.cut.clear()
    await trial.verify()
    assert trial.network.sent("sul", "matriz", SNAPSHOT) == []


async def test_a_late_acknowledgement_of_the_ended_life_moves_no_cursor_of_the_next(trial: Trial) -> None:
    """The new life announces everything again, from its first event on."""
    await trial.stocked("matriz", "sul", at="sul", units=5)
    trial.network.late["sul", "matriz"] = 0.5
    order = await trial.sell("sul")
    before = trial.epoch("sul")
    await eventually(lambda: trial.has("matriz", order), within=0.4)
    await trial["sul"].database.write(lambda tx: new_epoch.begin_again(tx, why="a test says so"))
    await trial["sul"].database.write(new_epoch.announce_orders)
    sent = len(batches(trial, "sul", "matriz"))
    await eventually(lambda: len(batches(trial, "sul", "matriz")) > sent, within=2)
    first = batches(trial, "sul", "matriz")[sent]
    assert (first.epoch != before, first.after.seq) == (True, 0)
    assert (await trial["sul"].orders.view(order)).stored_by == []
    trial.network.late.clear()
    await trial.verify()


def test_a_batch_cut_by_its_size_shows_no_order_without_its_stock(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    rice = matriz.product("rice")
    matriz.adjust("rice", 10_000)
    for _ in range(90):  # of some 15 kB each: more than one batch may hold
        matriz.place("ALFKI", *[("rice", 1)] * 100)
    cut = 0
    while (batch := matriz.batch_for(norte)) is not None:
        matriz.acknowledge(norte, norte.receive(batch).position.seq)
        (ordered,) = norte.connection.execute(
            "SELECT COALESCE(SUM(quantity), 0) FROM order_lines WHERE product_id = ?", (rice,)
        ).fetchone()
        sold = norte.connection.execute("SELECT sold FROM stock WHERE product_id = ?", (rice,)).fetchone()
        assert ordered <= (sold[0] if sold else 0)
        cut += 1
    assert cut > 1
    assert norte.digest() == matriz.digest()
