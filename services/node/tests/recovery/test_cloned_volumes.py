"""Two processes on copies of one volume: neither spends what both hold, and both stand still and say why."""

import sqlite3

import pytest

from app.domain.errors import Fenced, OutOfStock, StateError
from app.node import BranchNode
from app.state.tables import life_table
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.company import buy
from tests.support.virtual import VirtualClock, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

HELLO = "/replica/hello"
A_WHILE = 60.0


async def stocked(trial: Trial) -> None:
    """A network in which sul holds four units and has sold one."""
    await trial.traded(at="sul", units=5)


async def fenced(*nodes: BranchNode) -> None:
    await eventually(lambda: all(node.readiness.fenced for node in nodes))


async def lives_of(trial: Trial, branch: str, *, known_to: str) -> tuple[int, list[str]]:
    """How many lives of a branch a node knows, and which of them go on."""

    def read(connection: sqlite3.Connection) -> tuple[int, list[str]]:
        count = connection.execute("SELECT COUNT(*) FROM epochs WHERE branch = ?", (branch,)).fetchone()[0]
        return count, life_table.living_epochs(connection, branch)

    return await trial[known_to].database.read(read)


async def test_both_are_refused_and_both_show_why_until_one_is_gone(trial: Trial) -> None:
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    both = (trial["sul"], clone)
    await fenced(*both)
    for node in both:
        shown = await node.status()
        assert (shown.ready, shown.reason) == (False, "fenced")
        assert shown.fenced == shown.alarms["fenced"].last
        assert "another process lives on a copy of this branch's data" in shown.fenced
        assert shown.alarms.keys() == {"new_epoch", "fenced"}
        assert [alarm.count for alarm in shown.alarms.values()] == [1, 1]
        with pytest.raises(Fenced):
            await buy(node, RICE, 1)
    for name in ("matriz", "norte"):
        assert "two processes" in (await trial[name].status()).alarms["cloned"].last
        assert trial.peer("sul", seen_by=name).state == "blocked"
    # Each began one new life, and neither begins another.
    await VirtualClock().sleep(A_WHILE)
    assert await lives_of(trial, "sul", known_to="matriz") == (3, [])
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()
    await trial.shows(*NAMES, available=0, frozen=4, here=0)


async def test_what_a_copy_holds_is_not_sold_while_peers_reach_the_first(trial: Trial) -> None:
    """Its very first hello lets them ask the process they know, which sells on until it is told."""
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    sold = 0
    while not (clone.readiness.fenced and trial["sul"].readiness.fenced):
        with pytest.raises(StateError):
            await buy(clone, RICE, 1)
        try:
            await trial.sell("sul")
            sold += 1
        except StateError:
            await VirtualClock().sleep(0.01)
    assert sold <= 4
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()
    await trial.shows(*NAMES, available=0, frozen=4 - sold, here=0)


async def test_a_first_process_that_peers_met_by_its_answers_only_is_asked_before_a_copy_is_believed(
    trial: Trial,
) -> None:
    """Its own hellos did not get through since its peers were started."""
    await stocked(trial)
    peers = ("matriz", "norte")
    trial.network.cut |= {("sul", name) for name in peers}
    for name in peers:
        await trial.stop(name)
        await trial.start(name)
    await eventually(lambda: all(trial.peer("sul", seen_by=name).state == "ok" for name in peers))
    copy = trial.copy("sul")
    trial.network.cut.clear()
    clone = await trial.clone("sul", copy)
    while not (clone.readiness.fenced and trial["sul"].readiness.fenced):
        with pytest.raises(StateError):
            await buy(clone, RICE, 1)
        await VirtualClock().sleep(0.01)
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()


async def test_a_copy_that_takes_the_address_over_is_refused_like_the_first(trial: Trial) -> None:
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"), at_its_address=True)
    await fenced(trial["sul"], clone)
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()
    await trial.shows(*NAMES, available=0, frozen=4, here=0)


async def test_a_process_that_began_its_one_new_life_at_its_start_ends_the_one_it_shares(
    trial: Trial,
) -> None:
    """It is fenced at once, in the epoch that both live in; the copy, which has the address, must hear so."""
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    await fenced(trial["sul"], clone)
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.converged()
    clone = await trial.clone("sul", trial.copy("sul"), at_its_address=True)
    await fenced(trial["sul"], clone)
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()


async def test_an_older_copy_is_refused_before_it_serves(trial: Trial) -> None:
    """It was started less often than the process that its peers know."""
    await stocked(trial)
    copy = trial.copy("sul")
    for _ in range(2):
        await trial.stop("sul")
        await trial.start("sul")
    clone = await trial.clone("sul", copy)
    await eventually(lambda: clone.ready or clone.readiness.fenced)
    with pytest.raises((OutOfStock, Fenced)):
        await buy(clone, RICE, 1)
    await fenced(trial["sul"], clone)


async def test_what_was_fenced_is_over_for_the_next_process_even_if_no_peer_can_say_so(trial: Trial) -> None:
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    await fenced(trial["sul"], clone)
    both = {trial.epoch("sul"), clone.database.identity.epoch}
    await clone.close()
    await trial.stop(*NAMES)
    await trial.start("sul")
    assert trial.epoch("sul") not in both
    with pytest.raises(OutOfStock):
        await buy(trial["sul"], RICE, 1)
    for name in ("matriz", "norte"):
        await trial.start(name)
    await trial.verify()


async def test_starting_one_again_is_of_no_use_while_the_other_is_there(trial: Trial) -> None:
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    await fenced(trial["sul"], clone)
    await trial.stop("sul")
    await trial.start("sul", ready=False)
    await fenced(trial["sul"])
    assert clone.readiness.fenced
    await VirtualClock().sleep(A_WHILE)
    assert await lives_of(trial, "sul", known_to="norte") == (4, [])
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.verify()


async def test_a_hello_of_a_refused_process_that_comes_late_ends_no_later_life(trial: Trial) -> None:
    await stocked(trial)
    clone = await trial.clone("sul", trial.copy("sul"))
    await fenced(trial["sul"], clone)
    await VirtualClock().sleep(A_WHILE)
    epochs = {node.database.identity.epoch for node in (trial["sul"], clone)}
    late = [call.body for call in trial.network.sent("sul", "matriz", HELLO)[-2:]]
    await clone.close()
    await trial.stop("sul")
    await trial.start("sul")
    await trial.converged()
    for body in late:
        said = next(epoch for epoch in epochs if f'"epoch":"{epoch}"'.encode() in body)
        answer = await trial.post("sul", "matriz", HELLO, body, epoch=said)
        assert (answer.status, answer.code) == (409, "dead_epoch")
    await trial.verify()
    assert trial["sul"].ready


async def test_an_answer_that_an_earlier_process_gave_in_its_time_is_no_sign_of_a_clone(trial: Trial) -> None:
    """It is still under way when the next process says hello."""
    await stocked(trial)
    epoch = trial.epoch("sul")
    trial.network.late["matriz", "sul"] = 1.5
    trial["matriz"].peers.hurry("sul")
    asked = len(trial.network.sent("matriz", "sul", HELLO))
    await eventually(lambda: len(trial.network.sent("matriz", "sul", HELLO)) > asked)
    await VirtualClock().sleep(0.1)
    await trial.stop("sul")
    await trial.start("sul")
    await VirtualClock().sleep(2.0)
    trial.network.late.clear()
    await trial.verify()
    assert trial.epoch("sul") == epoch
    for name in NAMES:
        assert await trial.alarms(name) == {}
