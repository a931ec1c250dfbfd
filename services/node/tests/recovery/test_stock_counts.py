"""The stock count: the only way out of the frozen pool, for one branch, with every member's word."""

import pytest

from app.database import Transaction
from app.domain.errors import CountBlocked, NotTheCounter, OutOfStock, UnknownReference
from app.domain.life import Life
from app.state.commands import stock_count
from app.state.tables import life_table
from app.sync.wire.messages import SealRequest
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR, Branches
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

HELLO, EVENT, SEAL = "/replica/hello", "/replica/event", "/replica/seal"


async def frozen_four(trial: Trial) -> None:
    """Three nodes; sul had five units, sold one, and lost its disk."""
    await trial.traded(at="sul", units=5)
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.converged()


async def count(trial: Trial, missing: int, *, at: str = "matriz", sku: str = RICE) -> None:
    await trial[at].counts.count(sku, missing=missing, actor=ACTOR)


async def test_what_was_counted_can_be_sold_once_and_no_more(trial: Trial) -> None:
    await frozen_four(trial)
    await count(trial, 1)
    await trial.converged()
    await trial.shows(*NAMES[1:], available=3, frozen=0, here=0)
    await trial.shows("matriz", available=3, frozen=0, here=3)
    await trial.sell("sul", 2)
    await trial.sell("matriz")
    assert isinstance(await trial.refused("norte"), OutOfStock)
    await trial.verify()


async def test_only_one_branch_counts_and_only_what_exists(trial: Trial) -> None:
    await frozen_four(trial)
    with pytest.raises(NotTheCounter) as refused:
        await count(trial, 0, at="norte")
    assert refused.value.branch == "matriz"
    with pytest.raises(UnknownReference):
        await count(trial, 0, sku="no such thing")
    await trial.shows(*NAMES, available=0, frozen=4, here=0)
    await trial.verify()


async def test_an_unreachable_member_blocks_the_count(trial: Trial) -> None:
    await frozen_four(trial)
    await trial.stop("norte")
    with pytest.raises(CountBlocked) as blocked:
        await count(trial, 0)
    assert blocked.value.member == "norte"
    await trial.start("norte")
    await trial.shows(*NAMES, available=0, frozen=4, here=0)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.verify()


async def test_a_death_that_a_member_alone_knows_enlarges_the_set_and_it_starts_again(trial: Trial) -> None:
    await frozen_four(trial)
    ghost = Life("sul", "a life that only norte heard of")
    await trial["norte"].database.write(lambda tx: life_table.learn_life(tx, ghost, dead=True))
    asked = len(trial.network.sent("matriz", "norte", SEAL))
    await count(trial, 0)
    sealed = [
        SealRequest.model_validate_json(call.body).dead
        for call in trial.network.sent("matriz", "norte", SEAL)[asked:]
    ]
    assert [ghost in dead for dead in sealed] == [False, True]
    for name in NAMES:
        assert ghost in await trial[name].database.read(life_table.dead_lives)
    (audited,) = await trial.audited("matriz", "counted")
    assert ghost.key in audited[1]["dead"]
    await trial.verify()


def test_nothing_is_counted_while_a_death_is_unknown(branches: Branches) -> None:
    matriz = branches.make("matriz")
    rice = matriz.product("rice")
    matriz.adjust("rice", 3)
    ghost = Life("norte", "over")
    handovers = {"norte": stock_count.Handover(life=Life("norte", "present"), dead=[ghost], cells=[])}

    def release(tx: Transaction, *, dead: list[Life]) -> bool:
        wanted = stock_count.Count(product_id=rice, missing=1, dead=dead)
        return stock_count.release(tx, wanted, handovers=handovers, actor=ACTOR)

    assert matriz.do(lambda tx: release(tx, dead=[])) is False
    assert matriz.totals(rice).available == 3
    assert matriz.do(lambda tx: release(tx, dead=[ghost])) is True
    assert (matriz.totals(rice).available, matriz.totals(rice).frozen) == (3, -1)


async def test_a_counter_that_went_back_in_time_counts_nothing_but_begins_another_life(trial: Trial) -> None:
    """Its own row may have recovered units that its disk knows nothing of: they would be released again."""
    await frozen_four(trial)
    copy = trial.copy("matriz")
    await count(trial, 0)
    await trial.converged()
    for name in NAMES[1:]:  # its members answer when they are asked, and tell it nothing before
        trial.network.answers[name, HELLO] = problem(503, "not_ready")
        trial.network.cut.add((name, "matriz"))
    await trial.put_back("matriz", copy)
    trial.network.answers.clear()
    for name in NAMES[1:]:
        peer = trial.peer(name, seen_by="matriz")
        peer.epoch = trial.epoch(name)
    epoch = trial.epoch("matriz")
    with pytest.raises(CountBlocked) as blocked:
        await count(trial, 0)
    assert (blocked.value.member, blocked.value.reason) == ("matriz", "began_another_life")
    assert trial.epoch("matriz") != epoch
    trial.network.cut.clear()
    await trial.shows(*NAMES, available=0, frozen=4, here=0)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("norte", 4)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    await trial.verify()


async def test_a_counter_that_a_member_knows_dead_counts_nothing(trial: Trial) -> None:
    await frozen_four(trial)
    over = Life("matriz", trial.epoch("matriz"))
    await trial["norte"].database.write(lambda tx: life_table.learn_life(tx, over, dead=True))
    with pytest.raises(CountBlocked):
        await count(trial, 0)
    await eventually(lambda: trial.epoch("matriz") != over.epoch)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.verify()


async def test_recovered_units_wait_for_every_members_acknowledgement(trial: Trial) -> None:
    await frozen_four(trial)
    trial.network.answers["norte", EVENT] = problem(503, "not_ready")
    await count(trial, 0)
    assert (await trial.view("matriz"))["here"] == 0
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    trial.network.answers.clear()
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("matriz", 4)
    await trial.verify()


async def test_a_wrong_number_shows_a_pool_below_zero_and_another_count_corrects_it(trial: Trial) -> None:
    await frozen_four(trial)
    await count(trial, 10)
    # Were it true, other branches' units would be gone too: the work list names who would be short of six.
    await trial.shows(*NAMES, available=0, frozen=-6, here=0, oversold=6)
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    await count(trial, -10)
    await trial.converged()
    await trial.shows("norte", "sul", available=4, frozen=0, here=0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("norte", 4)
    await trial.verify()


async def test_counting_twice_releases_once(trial: Trial) -> None:
    await frozen_four(trial)
    await count(trial, 0)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("matriz", 4)
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    await trial.verify()


async def test_nothing_else_releases_frozen_units(trial: Trial) -> None:
    await frozen_four(trial)
    await trial.receive("matriz", 3, share="equal")
    await trial.sell("norte", 3)
    for name in NAMES:
        await trial.stop(name)
        await trial.start(name)
    await trial[NAMES[0]].stock.offer_surplus()
    await trial.converged()
    for name in NAMES:
        assert isinstance(await trial.refused(name), OutOfStock)
    await trial.shows(*NAMES, available=0, frozen=4, here=0)
    await trial.verify()


async def test_a_wipe_of_the_counter_right_after_a_release_freezes_what_was_recovered(trial: Trial) -> None:
    await frozen_four(trial)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("matriz")
    await trial.converged()
    await trial.wipe("matriz")
    await trial.start("matriz")
    await trial.converged()
    await trial.shows(*NAMES, available=0, frozen=3, here=0)
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    await count(trial, 0)
    await trial.shows("matriz", available=3, frozen=0, here=3)
    await trial.sell("sul", 3)
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    await trial.verify()


async def test_a_release_that_no_member_heard_of_dies_with_the_counters_disk(trial: Trial) -> None:
    await frozen_four(trial)
    for name in ("norte", "sul"):
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await count(trial, 0)
    await trial.wipe("matriz")
    trial.network.answers.clear()
    await trial.start("matriz")
    await trial.converged()
    await trial.shows(*NAMES, available=0, frozen=4, here=0)
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("norte", 4)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    await trial.verify()


async def test_rights_moved_between_two_lives_that_are_both_over_are_counted_once(trial: Trial) -> None:
    await trial.stocked(at="sul", units=6)
    await trial.sell("norte", 2)  # sul gave two, and norte spent them
    await trial.receive("sul", 3, share="equal")
    await trial.converged()
    await trial.wipe("norte", "sul")
    for name in ("norte", "sul"):
        await trial.start(name)
    await trial.converged()
    await trial.shows("matriz", available=1, frozen=6, here=1)
    await trial.shows("norte", "sul", available=1, frozen=6, here=0)
    await count(trial, 0)
    await trial.shows("matriz", available=7, frozen=0, here=7)
    await trial.sell("norte", 7)
    await trial.verify()


async def test_a_grant_that_surfaces_late_leaves_the_pool_before_it_is_counted(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    for name in ("matriz", "norte"):
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await trial.sell("norte", 2)  # the reply brought the grant; no event tells matriz
    await trial.stop("norte")
    await trial.wipe("sul")
    trial.network.answers.clear()
    await trial.start("sul")
    await trial.converged_without("norte")
    assert (await trial.view("matriz"))["frozen"] == 5
    with pytest.raises(CountBlocked):
        await count(trial, 0)
    await trial.start("norte")
    await eventually(lambda: trial.peer("norte", seen_by="matriz").state == "ok")
    await count(trial, 0)  # each member hands over all it knows, so no other way of hearing is needed
    await trial.verify()
    await trial.shows("matriz", available=3, frozen=0, here=3)
    await trial.sell("matriz", 3)
    assert isinstance(await trial.refused("norte"), OutOfStock)
    await trial.verify()


async def test_who_was_sealed_hears_nothing_more_from_a_dead_life(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy = trial.copy("sul")
    await trial.wipe("sul")
    await trial.start("sul")
    await count(trial, 0)
    await trial.put_back("sul", copy)  # an old volume comes back to light
    await trial.shows("matriz", available=5, frozen=0, here=5)
    await trial.sell("sul", 5)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    await trial.verify()


@pytest.mark.parametrize("heard_by", ["sul", "matriz"])
async def test_a_life_that_one_node_alone_ever_heard_blocks_no_count(trial: Trial, heard_by: str) -> None:
    """Its disk was lost before it did anything: it had no rights, and nobody counts it among the dead."""
    await trial.stocked(at="matriz", units=9, share="equal")
    (deaf,) = {"sul", "matriz"} - {heard_by}
    cut = {("norte", deaf), (deaf, "norte")}
    trial.network.cut |= cut
    await trial.wipe("norte")
    await trial.start("norte")
    await trial.wipe("norte")
    trial.network.cut -= cut
    await trial.start("norte")
    await trial.converged()
    await count(trial, 0)
    await trial.verify()
