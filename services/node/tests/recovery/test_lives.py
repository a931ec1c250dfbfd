"""What must not be mixed up: lives of one branch, versions of one row, and who has stored what."""

import json

import pytest

from app.sync.catchup import snapshot
from app.sync.wire.messages import PageRequest
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR, Branches, over_the_wire
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

EVENT, SNAPSHOT = "/replica/event", "/replica/snapshot"


async def test_a_batch_of_the_dead_life_that_arrives_late_is_refused(trial: Trial) -> None:
    """What a count has released is not sold a second time by a voice from before."""
    await trial.stocked(at="sul", units=5)
    for name in ("matriz", "norte"):
        trial.network.cut.add(("sul", name))
    sold = await trial.sell("sul", 2)
    await eventually(lambda: sold in trial.network.sent("sul", "matriz", EVENT)[-1].body.decode())
    late, before = trial.network.sent("sul", "matriz", EVENT)[-1], trial.epoch("sul")
    trial.declare_lost(sold)
    await trial.wipe("sul")
    trial.network.cut.clear()
    await trial.start("sul")
    await trial.converged()
    await trial["matriz"].counts.count(RICE, missing=2, actor=ACTOR)
    await trial.converged()
    answer = await trial.post("sul", "matriz", late.path, late.body, epoch=before)
    assert (answer.status, answer.code) == (409, "dead_epoch")
    await trial.shows("matriz", available=3, frozen=0, here=3)
    await trial.verify()


async def test_what_only_a_dead_life_of_a_peer_stored_counts_as_stored_nowhere(trial: Trial) -> None:
    order = await trial.traded("matriz", "norte", at="matriz", units=5)
    assert (await trial["matriz"].orders.view(order)).stored_by == ["norte"]
    await trial.wipe("norte")
    trial.network.answers["matriz", SNAPSHOT] = problem(503, "not_ready")
    trial.network.answers["norte", EVENT] = problem(503, "not_ready")
    await trial.start("norte", ready=False)

    async def at_risk() -> bool:
        return bool((await trial["matriz"].status()).at_risk == 1)

    await eventually(at_risk, within=20)
    assert (await trial["matriz"].orders.view(order)).stored_by == []
    trial.network.answers.clear()
    await trial.verify()
    assert (await trial["matriz"].orders.view(order)).stored_by == ["norte"]


async def test_a_node_serves_when_all_that_can_be_reached_were_asked(trial: Trial) -> None:
    """Else a client that asks again with the same key would get a second order."""
    await trial.found()
    await trial.receive("sul", 5)
    await trial.receive("matriz", 5)
    await trial.converged()
    trial.network.cut.add(("sul", "matriz"))
    order = await trial.sell("sul", key="once")
    await eventually(lambda: trial.has("norte", order))
    await trial.wipe("sul")
    trial.network.cut.clear()
    trial.network.late["sul", "norte"] = 0.5  # matriz, which knows nothing of the order, is much faster
    await trial.start("sul")
    assert await trial.sell("sul", key="once") == order
    await trial.verify()


def test_another_content_of_the_same_version_is_an_alarm(branches: Branches) -> None:
    """Two histories of one life: a database was rolled back, and wrote as often as before."""
    matriz, norte, sul = (branches.make(name) for name in NAMES)
    rice = matriz.product("rice")
    matriz.send(norte)
    matriz.send(sul)
    before = matriz.head()
    matriz.adjust("rice", 5)
    told = matriz.batch_for(norte)
    assert told is not None
    body = json.loads(json.dumps(told.events[-1].body))
    body["cells"][0]["received"] = 7
    event = told.events[-1].model_copy(update={"body": body})
    other = over_the_wire(
        told.model_copy(update={"to_epoch": sul.identity.epoch, "events": [*told.events[:-1], event]})
    )
    norte.receive(told)
    sul.receive(other)
    assert matriz.head() == before + 1
    page = snapshot.read_page(
        sul.connection,
        PageRequest(to_epoch=sul.identity.epoch, epoch=norte.identity.epoch, relation="stock", after=""),
    )
    found = norte.do(lambda tx: snapshot.merge_page(tx, page, donor="sul"))
    assert found.forks == [f"{rice} of matriz@{matriz.identity.epoch}"]
    assert matriz.do(lambda tx: snapshot.merge_page(tx, page, donor="sul")).ahead == [rice]


def test_an_old_page_takes_nothing_back(branches: Branches) -> None:
    """A peer that is behind is asked, too; what it tells is older than what is known here."""
    matriz, norte, sul = (branches.make(name) for name in NAMES)
    rice = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.send(sul)
    matriz.adjust("rice", -2)
    matriz.send(norte)
    page = snapshot.read_page(
        sul.connection,
        PageRequest(to_epoch=sul.identity.epoch, epoch=norte.identity.epoch, relation="stock", after=""),
    )
    norte.do(lambda tx: snapshot.merge_page(tx, page, donor="sul"))
    assert norte.totals(rice).available == 3
    assert norte.digest() == matriz.digest()


def test_stock_of_a_product_that_came_to_the_donor_after_its_page_is_no_fork(branches: Branches) -> None:
    """Its event tells of the product first, and then of the stock."""
    matriz, norte, sul = (branches.make(name) for name in NAMES)
    rice = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.send(sul)
    page = snapshot.read_page(
        sul.connection,
        PageRequest(to_epoch=sul.identity.epoch, epoch=norte.identity.epoch, relation="stock", after=""),
    )
    found = norte.do(lambda tx: snapshot.merge_page(tx, page, donor="sul"))
    assert (found.forks, len(found.waiting)) == ([], 1)
    matriz.send(norte)
    assert norte.totals(rice).available == 5
    assert norte.digest() == matriz.digest()
