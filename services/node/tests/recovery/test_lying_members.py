"""A member that lies about others, repeats what was said, or sends what nobody can store: nobody believes
it."""

import asyncio
import json
from typing import Any

import pytest

from app.domain import bounds
from app.domain.life import Life
from app.state.tables import life_table
from tests.recovery.lies import (
    A_MILLION,
    EVENT,
    HELLO,
    SEAL,
    TRANSFER,
    dead_at,
    forged,
    granted_by,
    life,
    rice,
    said,
)
from tests.recovery.trial import Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


async def test_a_hello_that_calls_a_living_epoch_dead_ends_it_nowhere(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    victim = life(trial, "sul")
    for receiver in ("matriz", "sul"):
        body = await said(trial, "norte", receiver, dead=[list(victim)])
        for _ in range(2):
            answer = await trial.post("norte", receiver, HELLO, body, epoch=trial.epoch("norte"))
            assert answer.status == 200
    assert life(trial, "sul") == victim
    assert victim not in await dead_at(trial, "matriz")
    assert (await trial.alarms("sul"))["accused"] == 2
    await trial.sell("sul", 5)
    await trial.verify()


async def test_a_hello_that_claims_more_of_a_life_than_there_is_ends_it_not(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    victim = life(trial, "sul")
    heads = {victim.key: {"seq": A_MILLION, "event_id": "f" * 32}}
    body = await said(trial, "norte", "sul", heads=heads)
    await trial.post("norte", "sul", HELLO, body, epoch=trial.epoch("norte"))
    assert life(trial, "sul") == victim
    await trial.sell("sul", 5)
    await trial.verify()


async def test_a_transfers_answer_grants_nothing_in_anothers_name(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    lie = await forged(trial, life(trial, "sul"), life(trial, "matriz"))
    await trial["matriz"].stock.accept([lie], giver=life(trial, "norte"), lamport=1)
    await trial.shows("matriz", available=5, frozen=0, here=0)
    await trial.refused("matriz", 500_000)
    await trial.sell("sul", 5)
    await trial.verify()


async def test_what_others_say_that_a_dead_life_granted_is_not_spent(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    ghost, me, liar = Life("sul", "a life before"), life(trial, "matriz"), life(trial, "norte")
    lie = await forged(trial, ghost, me)
    matriz = trial["matriz"]
    await matriz.database.write(lambda tx: life_table.learn_deaths(tx, [ghost], by=liar))
    await matriz.stock.accept([lie], giver=liar, lamport=1)
    await trial.shows("matriz", available=5, frozen=A_MILLION, here=0)  # given back; people count it
    await trial.refused("matriz", 500_000)


async def test_a_request_stores_nothing_about_third_branches(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    lie = await forged(trial, life(trial, "sul"), life(trial, "matriz"))
    wish = {
        "to_epoch": trial.epoch("matriz"),
        "epoch": trial.epoch("norte"),
        "product_id": lie.product_id,
        "wanted": 1,
        "age": None,
        "lamport": 1,
        "cells": [lie.as_json()],
    }
    body = json.dumps(wish).encode()
    answer = await trial.post("norte", "matriz", TRANSFER, body, epoch=trial.epoch("norte"))
    assert answer.status == 200
    await trial.shows("matriz", available=5, frozen=0, here=0)
    await trial.verify()


async def test_a_fenced_node_gives_no_units_away(trial: Trial) -> None:
    """It may be a copy, or its life may be over: then its rows count for nobody."""
    await trial.stocked(at="sul", units=30, rebalance_seconds=1.0)
    await eventually(lambda: granted_by(trial, "sul"))
    await trial.receive("sul", 300)
    trial["sul"].readiness.fence("another process lives on its data")
    before = granted_by(trial, "sul")
    await asyncio.sleep(60)
    assert granted_by(trial, "sul") == before


async def test_a_count_ends_no_life_that_has_not_said_so_itself(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    victim = life(trial, "sul")
    for receiver in ("matriz", "sul"):
        wish = {
            "to_epoch": trial.epoch(receiver),
            "epoch": trial.epoch("norte"),
            "product_id": await rice(trial),
            "dead": [list(victim)],
        }
        body = json.dumps(wish).encode()
        answer = await trial.post("norte", receiver, SEAL, body, epoch=trial.epoch("norte"))
        assert (answer.status, answer.code) == (409, "unconfirmed_death")
    assert life(trial, "sul") == victim
    assert victim not in await dead_at(trial, "matriz")


async def test_a_token_is_good_for_one_request_also_after_a_restart(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    body = await said(trial, "norte", "matriz")
    norte = trial["norte"]
    now = norte.clock.wall()
    token = norte.replica_tokens.issue(
        "matriz", epoch=trial.epoch("norte"), method="POST", path=HELLO, body=body, receiver_now=now
    )
    headers = {"content-type": "application/json", "x-replica-token": token}

    async def post() -> tuple[int, Any]:
        response = await trial.network.carry(
            "norte", f"http://matriz{HELLO}", body=body, headers=headers, patience=5.0
        )
        return response.status, json.loads(response.body).get("code")

    assert await post() == (200, None)
    assert await post() == (401, "used_token")
    await trial.stop("matriz")
    await trial.start("matriz")
    assert await post() == (401, "used_token")


async def test_logical_time_far_ahead_is_refused_and_hurts_nobody(trial: Trial) -> None:
    await trial.stocked(at="norte", units=5)
    real = json.loads(trial.network.sent("norte", "matriz", EVENT)[-1].body)
    after = {"seq": real["through"]["seq"] + 1, "event_id": "f" * 32}
    batch = {**real, "after": real["through"], "through": after, "lamport": 2**62, "events": []}
    body = json.dumps(batch).encode()
    answer = await trial.post("norte", "matriz", EVENT, body, epoch=trial.epoch("norte"))
    assert (answer.status, answer.code) == (422, "beyond_bounds")
    await trial.receive("matriz", 2)
    await trial.sell("matriz", 2)
    await trial.verify()


async def test_thousands_of_dead_lives_are_not_stored(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    epoch = trial.epoch("norte")
    for branch, most, status in (
        ("sul", bounds.MOST_LIVES_BY_HEARSAY, 200),
        ("norte", bounds.MOST_LIVES_OF_BRANCH, 422),
    ):
        invented = [[branch, f"life {number}"] for number in range(5_000)]
        answer = await trial.post(
            "norte", "matriz", HELLO, await said(trial, "norte", "matriz", dead=invented), epoch=epoch
        )
        assert answer.status == status
        assert sum(dead.branch == branch for dead in await dead_at(trial, "matriz")) <= most
    (by_hearsay,) = await trial["matriz"].database.read(
        lambda connection: connection.execute("SELECT COUNT(*) FROM hearsay_deaths").fetchone()
    )
    assert by_hearsay <= bounds.MOST_LIVES_BY_HEARSAY
    too_many = [["sul", f"life {number}"] for number in range(bounds.MOST_LIVES_TOLD + 1)]
    body = await said(trial, "norte", "matriz", dead=too_many)
    answer = await trial.post("norte", "matriz", HELLO, body, epoch=epoch)
    assert (answer.status, answer.code) == (422, "beyond_bounds")
