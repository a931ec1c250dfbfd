"""A branch loses its disk: it comes back by itself, without rights, and only what nobody else had is gone."""

import pytest

from app.domain.errors import NotReady, OutOfStock
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.company import customer, stock
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT = "/replica/event"


async def test_beside_its_peers_it_rebuilds_and_what_it_held_is_frozen(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=9, share="equal")
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()
    before = trial.epoch("sul")
    await trial.wipe("sul")
    await trial.sell("norte")
    await trial.start("sul")
    assert trial.epoch("sul") != before
    await trial.verify()
    await trial.shows("sul", available=3, frozen=2, here=0)
    assert await trial.alarms("sul") == {}


async def test_it_sells_again_with_what_others_grant_and_never_what_it_held(trial: Trial) -> None:
    await trial.found()
    await trial.receive("sul", 2)
    await trial.receive("matriz", 3)
    await trial.converged()
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.converged()
    for _ in range(3):
        await trial.sell("sul")
    assert isinstance(await trial.refused("sul"), OutOfStock)
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    await trial.verify()
    assert (await trial.view("matriz"))["frozen"] == 2


async def test_with_no_peer_to_ask_it_waits_and_says_why(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    await trial.wipe("sul")
    await trial.stop("matriz", "norte")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: sul.readiness.reason == "waiting_for_peers")
    assert isinstance(await trial.refused("sul"), NotReady)
    assert not sul.readiness.reading
    await trial.start("matriz")
    await eventually(lambda: sul.ready)
    await trial.start("norte")
    await trial.verify()
    assert (await trial.view("sul"))["here"] == 0


async def test_told_not_to_wait_it_serves_without_rights_and_finds_its_past_later(trial: Trial) -> None:
    await trial.traded(at="sul", units=5, sold=2)
    await trial.wipe("sul")
    await trial.stop("matriz", "norte")
    sul = await trial.start("sul", found=True)
    await customer(sul)
    await stock(sul, RICE, 0)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    await trial.receive("sul", 1)
    await trial.sell("sul")
    for name in ("matriz", "norte"):
        await trial.start(name)
    await trial.verify()
    await trial.shows("sul", available=0, frozen=3, here=0)


async def test_one_peer_is_enough_and_the_others_tell_the_rest_when_they_are_back(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    await trial.stop("norte")
    await trial.sell("sul")
    await trial.converged_without("norte")
    await trial.wipe("sul")
    await trial.start("sul")
    assert len(await trial.order_ids("sul")) == 1
    await trial.start("norte")
    await trial.verify()


async def test_an_order_that_one_peer_had_of_the_dead_life_reaches_everybody(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    trial.network.cut.add(("sul", "matriz"))
    order = await trial.sell("sul")
    await eventually(lambda: trial.has("norte", order))
    await trial.wipe("sul")
    await trial.stop("norte")
    trial.network.cut.clear()
    await trial.start("sul")  # from matriz, which has not heard of the order
    assert [await trial.order_ids(name) for name in ("sul", "matriz")] == [[], []]
    await trial.start("norte")
    await trial.verify()
    assert await trial.order_ids("matriz") == [order]


async def test_an_order_that_nobody_else_had_is_all_that_is_lost(trial: Trial) -> None:
    kept = await trial.traded(at="sul", units=5)
    trial.network.cut |= {("sul", "matriz"), ("sul", "norte")}
    lost = await trial.sell("sul")
    assert (await trial["sul"].status()).at_risk == 1
    trial.declare_lost(lost)
    await trial.wipe("sul")
    trial.network.cut.clear()
    await trial.start("sul")
    await trial.verify()
    assert await trial.order_ids("sul") == [kept]
    # The lost order's unit is among those that only a stock count can release: it is sold to nobody else.
    assert (await trial.view("matriz"))["frozen"] == 4


async def test_a_second_wipe_before_any_release_freezes_again_and_releases_nothing(trial: Trial) -> None:
    await trial.stocked(at="sul", units=4)
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.receive("sul", 3)
    await trial.sell("sul")
    await trial.converged()
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.verify()
    for name in NAMES:
        await trial.shows(name, available=0, frozen=6, here=0)
    assert isinstance(await trial.refused("sul"), OutOfStock)


async def test_two_nodes_wiped_at_once_rebuild_from_the_third(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=9, share="equal")
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()
    await trial.wipe("norte", "sul")
    for name in ("norte", "sul"):
        await trial.start(name, ready=False)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await trial.verify()
    await trial.shows("norte", available=2, frozen=4, here=0)


async def test_two_wiped_nodes_do_not_found_another_network_without_the_third(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 9, share="equal")
    await trial.sell("norte")
    await trial.converged()
    await trial.stop("matriz")
    await trial.wipe("norte", "sul")
    for name in ("norte", "sul"):
        await trial.start(name, ready=False)
    await eventually(lambda: trial.peer("norte", seen_by="sul").founded is False)
    assert [trial[name].readiness.reason for name in ("norte", "sul")] == ["waiting_for_peers"] * 2
    await trial.start("matriz")
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await trial.verify()


async def half_rebuilt(trial: Trial) -> str:
    """Found a network, and lose every disk that served while sul was being rebuilt; the order it has."""
    order = await trial.traded(at="matriz", units=5)
    await trial.wipe("sul")
    trial.network.late["sul", "matriz"] = 3.0
    await trial.start("sul", ready=False)
    await eventually(lambda: trial.has("sul", order))
    assert trial["sul"].readiness.reason == "rebuilding"
    await trial.stop("sul")
    trial.network.late.clear()
    await trial.wipe("matriz", "norte")
    return order


async def test_where_no_disk_is_left_that_served_all_found_again_with_what_one_has(trial: Trial) -> None:
    order = await half_rebuilt(trial)
    for name in NAMES:
        await trial.start(name, ready=False)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await trial.verify()
    assert [await trial.order_ids(name) for name in NAMES] == [[order]] * 3


async def test_while_one_cannot_be_asked_they_wait_until_one_is_told_to_found_again(trial: Trial) -> None:
    order = await half_rebuilt(trial)
    for name in ("matriz", "sul"):
        await trial.start(name, ready=False)
    await eventually(lambda: trial.peer("matriz", seen_by="sul").founded is False)
    assert [trial[name].readiness.reason for name in ("matriz", "sul")] == ["waiting_for_peers"] * 2
    await trial.stop("sul")
    await trial.start("sul", found=True)
    await trial.start("norte")
    await eventually(lambda: trial["matriz"].ready)
    await trial.verify()
    assert [await trial.order_ids(name) for name in NAMES] == [[order]] * 3
    await trial.shows("sul", available=0, frozen=4, here=0)


async def test_rights_given_to_it_are_frozen_with_it(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    await trial.sell("sul", 2)  # asks matriz for two, and spends them
    await trial.converged()
    await trial.receive("matriz", 4, share="equal")  # one each for norte and sul
    await trial.wipe("sul")  # before it may have heard of the second grant
    await trial.start("sul")
    await trial.verify()
    await trial.shows("matriz", available=6, frozen=1, here=5)


async def test_rights_it_gave_stay_with_who_got_them_though_nobody_else_heard_of_the_grant(
    trial: Trial,
) -> None:
    await trial.stocked(at="sul", units=5)
    for name in ("matriz", "norte"):  # grants travel in replies, and outrun the outbox
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await trial.sell("norte", 2)
    await trial.wipe("sul")
    trial.network.answers.clear()
    await trial.start("sul")
    await trial.verify()
    await trial.shows("matriz", available=0, frozen=3, here=0)


async def test_a_grant_whose_reply_it_never_got_is_frozen_not_sold_twice(trial: Trial) -> None:
    await trial.stocked("matriz", "sul", at="matriz", units=5)
    trial.network.deaf.add(("sul", "matriz"))
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    assert isinstance(await trial.refused("sul", 2), OutOfStock)
    assert (await trial.view("matriz"))["here"] == 3
    await trial.wipe("sul")
    trial.network.deaf.clear()
    trial.network.answers.clear()
    await trial.start("sul")
    await trial.verify()
    await trial.shows("sul", available=3, frozen=2, here=0)


async def test_a_request_of_the_dead_life_that_arrives_late_is_granted_nothing(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    trial.network.cut.add(("sul", "matriz"))
    assert isinstance(await trial.refused("sul", 2), OutOfStock)
    late = trial.network.sent("sul", "matriz", "/replica/transfer")[-1]
    before = trial.epoch("sul")
    await trial.wipe("sul")
    trial.network.cut.clear()
    await trial.start("sul")
    await trial.converged()
    answer = await trial.post("sul", "matriz", late.path, late.body, epoch=before)
    assert (answer.status, answer.code) == (409, "dead_epoch")
    await trial.verify()
    assert (await trial.view("matriz"))["here"] == 5
