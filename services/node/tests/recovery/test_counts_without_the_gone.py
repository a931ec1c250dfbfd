"""A stock count waits for no branch that is decommissioned, once a majority of the members stores that."""

import pytest

from app.domain import bounds
from app.domain.errors import BranchClosed, CountBlocked, NotTheCounter, OutOfStock
from app.domain.life import Life
from app.state.tables import life_table, membership
from app.sync.lifecycle.member_service import Member
from tests.recovery.leaving import closed, count, decommission, gone_with_four, states
from tests.recovery.trial import NAMES, Trial
from tests.support.branch import ACTOR
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT = "/replica/event"


async def test_a_count_that_a_branch_blocks_goes_on_when_it_is_decommissioned(trial: Trial) -> None:
    await gone_with_four(trial)
    with pytest.raises(CountBlocked) as blocked:
        await count(trial, 1)
    assert blocked.value.member == "sul"
    assert await decommission(trial, "sul") == Member(
        "sul", "decommissioned", trial.epoch("sul"), ["norte"], needed=2
    )
    await trial.shows("matriz", "norte", available=0, frozen=4, here=0)
    await count(trial, 1)
    await trial.shows("matriz", available=3, frozen=0, here=3)
    await trial.sell("norte", 2)
    await trial.sell("matriz")
    assert isinstance(await trial.refused("norte"), OutOfStock)
    await trial.converged_without("sul")
    (audited,) = await trial.audited("matriz", "decommissioned")
    assert audited == (ACTOR.user_id, {"member": False})


async def test_it_counts_only_when_a_majority_has_it(trial: Trial) -> None:
    await gone_with_four(trial)
    await trial.stop("norte")
    assert (await decommission(trial, "sul")).state == "decommissioning"
    assert await states(trial, at="matriz") == {
        "matriz": "member",
        "norte": "member",
        "sul": "decommissioning",
    }
    with pytest.raises(CountBlocked) as blocked:
        await count(trial, 0)
    assert (blocked.value.member, blocked.value.reason) == ("sul", "decommissioned_without_majority")
    await trial.start("norte")
    await eventually(lambda: "sul" not in [peer.name for peer in trial["norte"].peers])
    assert (await decommission(trial, "sul")).state == "decommissioned"
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("norte", 4)
    assert len(await trial.audited("matriz", "decommissioned")) == 1


async def test_what_a_member_alone_knew_is_forgotten_with_its_disk_and_counts_no_more(trial: Trial) -> None:
    await gone_with_four(trial)
    assert (await decommission(trial, "sul")).known_by == ["norte"]
    await trial.wipe("norte")
    trial.network.cut.add(("norte", "matriz"))
    trial.network.cut.add(("matriz", "norte"))
    over = ("norte", trial.epoch("norte"))
    await trial["matriz"].database.write(lambda tx: tx.learn_life(over, over=True))
    assert (await states(trial, at="matriz"))["sul"] == "decommissioning"
    trial.network.cut.clear()
    await trial.start("norte")
    await trial.converged_without("sul")
    assert (await states(trial, at="norte"))["sul"] == "decommissioned"
    await eventually(lambda: trial.peer("norte", seen_by="matriz").epoch == trial.epoch("norte"))
    assert (await states(trial, at="matriz"))["sul"] == "decommissioned"


async def test_where_no_majority_is_left_an_admin_has_to_insist(trial: Trial) -> None:
    await gone_with_four(trial, "matriz", "sul")
    assert (await decommission(trial, "sul")).state == "decommissioning"
    with pytest.raises(CountBlocked) as blocked:
        await count(trial, 0)
    assert (blocked.value.member, blocked.value.reason) == ("sul", "decommissioned_without_majority")
    assert (await decommission(trial, "sul", insist=True)).state == "decommissioned"
    (audited,) = await trial.audited("matriz", "decommissioned_without_majority")
    assert audited == (ACTOR.user_id, {"member": False})
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("matriz", 4)


async def test_recovered_units_wait_no_longer_for_who_is_decommissioned_and_known_to_be(trial: Trial) -> None:
    await trial.stocked(at="sul", units=4)
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.converged()
    trial.network.answers["norte", EVENT] = problem(503, "not_ready")
    await count(trial, 0)

    async def is_known_to_sul() -> bool:
        return bool((await trial["matriz"].status()).pending["sul"] == 0)

    await eventually(is_known_to_sul)
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await trial.stop("norte")
    assert (await decommission(trial, "norte")).state == "decommissioning"
    assert (await trial.view("matriz"))["here"] == 0
    assert isinstance(await trial.refused("matriz"), OutOfStock)
    trial.network.cut.clear()
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("matriz", 4)


async def test_while_it_cannot_hear_it_sells_what_it_holds_and_a_count_must_know_of_it(trial: Trial) -> None:
    """Why its disk has to be taken away first: the count here enters what it sold meanwhile."""
    await trial.stocked(at="sul", units=5)
    for other in ("matriz", "norte"):
        trial.network.cut |= {("sul", other), (other, "sul")}
    await decommission(trial, "sul")
    await trial.sell("sul", 2)
    await count(trial, 2)
    await trial.sell("norte", 3)
    trial.network.cut.clear()
    await closed(trial, "sul")
    await trial.shows("matriz", "norte", available=0, frozen=0, here=0)
    assert isinstance(await trial.refused("matriz"), OutOfStock)


async def test_the_next_branch_counts_when_the_counter_is_decommissioned(trial: Trial) -> None:
    await gone_with_four(trial, "centro", *NAMES)
    await decommission(trial, "sul")
    await trial.stop("centro")
    with pytest.raises(NotTheCounter) as refused:
        await count(trial, 0)
    assert refused.value.branch == "centro"
    await decommission(trial, "centro", at="norte")
    await eventually(lambda: "centro" not in [peer.name for peer in trial["matriz"].peers])
    await eventually(lambda: _is_done(trial, "centro", at="matriz"))
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    await trial.sell("norte", 4)


async def _is_done(trial: Trial, name: str, *, at: str) -> bool:
    return (await states(trial, at=at))[name] == "decommissioned"


async def test_a_counter_that_learns_while_counting_that_it_is_decommissioned_releases_nothing(
    trial: Trial,
) -> None:
    await trial.stocked(at="sul", units=4)
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.converged()
    trial.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    await trial["norte"].database.write(lambda tx: membership.learn(tx, ["matriz"]))
    trial.network.cut.clear()
    with pytest.raises((BranchClosed, CountBlocked)):
        await count(trial, 0)
    await closed(trial, "matriz")
    await trial.shows("norte", "sul", available=0, frozen=4, here=0)


async def test_two_halves_of_a_cut_that_decommission_each_other_count_nothing(trial: Trial) -> None:
    """Of four branches two are no majority. Before, each half counted, and both sold the same units."""
    left, right = ("centro", "matriz"), ("norte", "sul")
    await trial.found(*left, *right)
    for name in (*left, *right):
        await trial.receive(name, 2)
    await trial.converged()
    trial.network.cut |= {pair for one in left for other in right for pair in ((one, other), (other, one))}
    for own, others in ((left, right), (right, left)):
        for other in others:
            assert (await decommission(trial, other, at=own[0])).state == "decommissioning"
        with pytest.raises(CountBlocked) as blocked:
            await count(trial, 0, at=own[0])
        assert blocked.value.reason == "decommissioned_without_majority"


async def test_the_larger_side_of_a_cut_counts_and_the_smaller_one_does_not(trial: Trial) -> None:
    await trial.found("centro", *NAMES)
    await trial.receive("sul", 5)
    await trial.converged()
    for other in ("centro", "matriz", "norte"):
        trial.network.cut |= {("sul", other), (other, "sul")}
    assert (await decommission(trial, "sul", at="centro")).known_by == ["matriz", "norte"]
    for other in ("centro", "matriz", "norte"):
        assert (await decommission(trial, other, at="sul")).state == "decommissioning"
    await count(trial, 0, at="centro")
    with pytest.raises(CountBlocked):
        await count(trial, 0, at="sul")


async def test_the_word_of_an_admin_counts_only_at_the_node_where_it_was_given(trial: Trial) -> None:
    await gone_with_four(trial, "centro", *NAMES)
    await trial.stop("norte")
    await decommission(trial, "sul", at="matriz", insist=True)
    assert (await states(trial, at="matriz"))["sul"] == "decommissioned"
    await eventually(lambda: "sul" not in [peer.name for peer in trial["centro"].peers])
    assert (await states(trial, at="centro"))["sul"] == "decommissioning"
    await trial.stop("matriz")
    await trial.start("matriz")
    assert (await states(trial, at="matriz"))["sul"] == "decommissioned"


@pytest.mark.parametrize("listener", ["matriz", "norte"])
async def test_lives_that_a_liar_named_to_one_node_block_no_count_once_it_is_decommissioned(
    trial: Trial, listener: str
) -> None:
    """The others have no room for all of them. They know without that every life of that branch is over."""
    await gone_with_four(trial)
    liar = trial.peer("sul", seen_by=listener).life
    assert liar is not None
    named = [Life("sul", f"ghost {number}") for number in range(bounds.MOST_LIVES_BY_HEARSAY + 1)]
    await trial[listener].database.write(lambda tx: life_table.learn_deaths(tx, named, by=liar))
    await decommission(trial, "sul")

    await count(trial, 1)

    await trial.shows("matriz", available=3, frozen=0, here=3)
