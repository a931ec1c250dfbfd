"""A branch that is gone for good: nobody waits for it or sends it anything, and it stops if it lives."""

import json
from typing import Any

import pytest

from app.database import Transaction
from app.domain.errors import CountBlocked, NotFound, OutOfStock, OwnBranch, PolicyMismatch
from app.domain.life import Life
from app.state.commands import stock_count
from app.state.tables import membership
from tests.recovery.leaving import closed, count, decommission, gone_with_four, states
from tests.recovery.trial import NAMES, Trial
from tests.support.branch import ACTOR, Branches
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT, TRANSFER, TOTALS = "/replica/event", "/replica/transfer", "/replica/totals"
ANOTHER_NETWORK = "0b9c1d58-8a3e-4c57-9f50-6f4b8c1d2e3f"


async def test_a_decommissioned_branch_that_comes_back_is_told_and_stops(trial: Trial) -> None:
    await gone_with_four(trial)
    await decommission(trial, "sul")
    await count(trial, 0)
    await trial.start("sul", ready=False)
    await closed(trial, "sul")
    assert len(await trial.order_ids("sul")) == 1
    epoch = trial.epoch("sul")
    await trial.stop("sul")
    await trial.start("sul", ready=False)
    await closed(trial, "sul")
    assert trial.epoch("sul") == epoch  # no other life begins
    await trial.shows("matriz", available=4, frozen=0, here=4)
    for path, name in ((EVENT, "matriz"), (TRANSFER, "norte"), (TOTALS, "norte")):
        answer = await trial.post("sul", name, path, _any_body(trial, path, to=name), epoch=epoch)
        assert (answer.status, answer.code) == (409, "decommissioned")
    await trial.sell("matriz", 4)
    assert isinstance(await trial.refused("norte"), OutOfStock)


def _any_body(trial: Trial, path: str, *, to: str) -> bytes:
    head = {"seq": 9, "event_id": "e"}
    wishes: dict[str, dict[str, Any]] = {
        EVENT: {"origin": "sul", "after": head, "through": head, "lamport": 1, "events": []},
        TRANSFER: {"product_id": "p", "wanted": 1, "age": None, "lamport": 1, "cells": []},
        TOTALS: {},
    }
    return json.dumps({"epoch": trial.epoch("sul"), "to_epoch": trial.epoch(to), **wishes[path]}).encode()


async def test_a_decommissioned_branch_whose_disk_is_lost_begins_no_life_that_counts(trial: Trial) -> None:
    await gone_with_four(trial)
    await decommission(trial, "sul")
    await trial.wipe("sul")
    await trial.start("sul", ready=False)
    await closed(trial, "sul")
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)
    for name in NAMES[:2]:
        assert "sul" not in dict(trial[name].peers.lives_heard_from())
    await trial.converged_without("sul")


async def test_a_decommissioned_branch_without_a_common_version_is_told_and_stops(trial: Trial) -> None:
    """Its disk has units that a count released: an older version would sell them until it is upgraded."""
    await gone_with_four(trial)
    await decommission(trial, "sul")
    await count(trial, 0)
    await trial.upgrade("matriz", "norte")
    await trial.converged_without("sul")
    await trial.start("sul", ready=False)
    await closed(trial, "sul")
    await trial.sell("matriz", 4)
    await trial.wipe("sul")
    await trial.start("sul", ready=False)
    await closed(trial, "sul")


async def test_an_upgraded_branch_that_older_members_decommissioned_is_told_and_stops(trial: Trial) -> None:
    await gone_with_four(trial)
    await decommission(trial, "sul")
    await trial.upgrade("sul")
    await closed(trial, "sul")


async def test_two_admins_that_decommission_each_others_branch_stop_both(trial: Trial) -> None:
    await trial.found()
    for name in ("matriz", "norte", "sul"):
        await trial.receive(name, 2)
    await trial.converged()
    trial.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    for other in ("matriz", "norte"):
        trial.network.cut |= {("sul", other), (other, "sul")}
    assert (await decommission(trial, "norte", at="matriz")).state == "decommissioning"
    assert (await decommission(trial, "matriz", at="norte")).state == "decommissioning"
    with pytest.raises(CountBlocked):
        await count(trial, 0)
    with pytest.raises(CountBlocked):
        await count(trial, 0, at="norte")
    trial.network.cut.clear()
    await closed(trial, "matriz")
    await closed(trial, "norte")
    await eventually(lambda: [peer.name for peer in trial["sul"].peers] == [])
    await trial.shows("sul", available=2, frozen=4, here=2)
    await trial.sell("sul", 2)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    with pytest.raises(CountBlocked):
        await count(trial, 0, at="sul")
    for other in ("matriz", "norte"):
        await decommission(trial, other, at="sul", insist=True)
    await count(trial, 0, at="sul")
    await trial.sell("sul", 4)
    assert isinstance(await trial.refused("sul"), OutOfStock)


async def test_two_branches_that_decommission_each_other_both_hear_of_it(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await decommission(trial, "sul", at="matriz")
    await decommission(trial, "matriz", at="sul")
    trial.network.cut.clear()
    await closed(trial, "matriz")
    await closed(trial, "sul")


async def test_a_branch_that_cannot_call_is_told_by_a_member_that_was_started_again(trial: Trial) -> None:
    """It lives, and what a count released are its units: nobody but that member can tell it."""
    await trial.found("matriz", "sul")
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await decommission(trial, "sul")
    await trial.stop("matriz")
    await trial.start("matriz")
    trial.network.cut.remove(("matriz", "sul"))
    await closed(trial, "sul")


async def test_two_branches_without_a_common_version_that_decommission_each_other_both_hear_of_it(
    trial: Trial,
) -> None:
    """Neither calls the other any more but to tell it that."""
    await trial.found("matriz", "sul")
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await decommission(trial, "sul", at="matriz")
    await decommission(trial, "matriz", at="sul")
    await trial.upgrade("sul")
    trial.network.cut.clear()
    await closed(trial, "matriz")
    await closed(trial, "sul")


async def test_another_networks_branch_is_never_told_that_it_is_decommissioned(trial: Trial) -> None:
    """It closes by that for good, and only its name is the same."""
    await trial.found("matriz", "sul")
    await decommission(trial, "sul")
    await trial.wipe("sul")
    await trial.start("sul", ready=False, cluster_id=ANOTHER_NETWORK)
    matriz = trial.peer("matriz", seen_by="sul")
    await eventually(lambda: "another_cluster" in (matriz.last_error or ""))
    assert not trial["sul"].readiness.closed


async def test_the_log_is_kept_for_no_branch_that_is_gone(trial: Trial) -> None:
    await gone_with_four(trial)
    for _ in range(3):
        await trial.receive("matriz", 1)
    await trial.converged_without("sul")

    async def kept() -> int:
        return await trial["matriz"].database.read(
            lambda c: int(c.execute("SELECT COUNT(*) FROM events JOIN node USING (epoch)").fetchone()[0])
        )

    before = await kept()
    status = await trial["matriz"].status()
    assert status.pending["sul"]
    await decommission(trial, "sul")
    status = await trial["matriz"].status()
    assert "sul" not in status.pending
    assert status.decommissioned == ["sul"]
    assert (status.peers["sul"].state, status.peers["sul"].pending) == ("decommissioned", 0)

    async def trimmed() -> bool:
        return await kept() < before

    await eventually(trimmed, within=90)


async def test_a_member_that_is_rebuilt_learns_who_is_gone(trial: Trial) -> None:
    await gone_with_four(trial)
    await decommission(trial, "sul")
    await trial.wipe("norte")
    await trial.start("norte")
    await trial.converged_without("sul")
    assert (await states(trial, at="norte"))["sul"] == "decommissioned"
    await trial.stop("matriz")
    await trial.start("matriz")
    assert [peer.name for peer in trial["matriz"].peers] == ["norte"]
    await count(trial, 0)
    await trial.shows("matriz", available=4, frozen=0, here=4)


async def test_a_lone_wiped_branch_founds_nothing_anew_beside_a_decommissioned_one(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    await decommission(trial, "sul")
    await closed(trial, "sul")
    await trial.wipe("matriz")
    await trial.start("matriz", ready=False)
    await eventually(lambda: trial["matriz"].readiness.reason == "waiting_for_peers", within=30)
    await eventually(lambda: trial.peer("sul", seen_by="matriz").decommissioned, within=30)
    assert trial["matriz"].readiness.reason == "waiting_for_peers"


async def test_no_copy_at_a_decommissioned_branch_counts(trial: Trial) -> None:
    await gone_with_four(trial)
    await trial.receive("matriz", 1)
    order = await trial.sell("matriz")
    await trial.converged_without("sul")
    await trial.start("sul")
    await trial.converged()
    assert (await trial["matriz"].orders.view(order)).stored_by == ["norte", "sul"]
    await decommission(trial, "sul")
    assert (await trial["matriz"].orders.view(order)).stored_by == ["norte"]
    assert trial["matriz"].members.others == 1


async def test_another_policy_of_a_decommissioned_branch_stops_no_sales(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 1)
    await trial.stop("sul")
    await trial.start("sul", stock_policy="optimistic")
    await eventually(lambda: trial.peer("sul", seen_by="matriz").policy == "optimistic")
    assert isinstance(await trial.refused("matriz"), PolicyMismatch)
    await decommission(trial, "sul")
    await trial.sell("matriz")


async def test_who_can_be_decommissioned(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    with pytest.raises(OwnBranch):
        await decommission(trial, "matriz")
    with pytest.raises(NotFound):
        await decommission(trial, "leste")
    assert await states(trial, at="matriz") == {"matriz": "member", "sul": "member"}


def test_a_life_learnt_of_later_is_over_at_once(branches: Branches) -> None:
    matriz = branches.make("matriz")
    matriz.do(lambda tx: membership.decommission(tx, "sul", actor=ACTOR))
    handed = matriz.do(
        lambda tx: stock_count.hand_over(
            tx, "rice", [], counter=Life("norte", "e1"), decommissioned=["oeste"]
        )
    )
    assert list(handed.decommissioned) == ["oeste", "sul"]
    late = [("sul", "a late one"), ("oeste", "another")]

    def learn(tx: Transaction) -> list[bool]:
        for life in late:
            tx.learn_life(life, over=False)
        return [tx.lives[life] for life in late]

    assert matriz.do(learn) == [True, True]
