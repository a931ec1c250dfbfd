"""A member that lies about others, repeats what was said, or sends what nobody can store: nobody believes
it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from app.database import Transaction
from app.domain import bounds, identity
from app.domain.errors import Invalid
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.repair import checking
from app.state.tables import life_table, order_rows, orders, stock_table
from app.sync.catchup import snapshot
from app.sync.wire.messages import Page, PageRequest
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

HELLO, EVENT, SEAL, TRANSFER = "/replica/hello", "/replica/event", "/replica/seal", "/replica/transfer"
A_MILLION = 1_000_000


async def said(trial: Trial, sender: str, receiver: str, **change: Any) -> bytes:
    """The last hello of a node to another, with some fields changed."""
    hello = json.loads(trial.network.sent(sender, receiver, HELLO)[-1].body)
    return json.dumps({**hello, **change}).encode()


async def dead_at(trial: Trial, name: str) -> set[Life]:
    return await trial[name].database.read(life_table.dead_lives)


def life(trial: Trial, name: str) -> Life:
    return Life(name, trial.epoch(name))


async def rice(trial: Trial) -> str:
    row = await trial["matriz"].database.read(
        lambda connection: connection.execute("SELECT id FROM products WHERE sku = ?", (RICE,)).fetchone()
    )
    return str(row[0])


def granted_by(trial: Trial, name: str) -> int:
    """The units that a node's own file says it granted, in its present life."""
    with closing(sqlite3.connect(trial.company.path(name))) as file:
        query = "SELECT COALESCE(SUM(quantity), 0) FROM stock_grants WHERE branch = ? AND epoch = ?"
        return int(file.execute(query, life(trial, name)).fetchone()[0])


async def forged(trial: Trial, giver: Life, to: Life) -> Cell:
    """A cell by which `giver` received a million units and granted them all."""
    return Cell(
        product_id=await rice(trial),
        branch=giver.branch,
        epoch=giver.epoch,
        received=A_MILLION,
        granted={to: A_MILLION},
        version=1000,
    )


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


async def test_a_donor_that_claims_to_have_no_more_cancels_nobodys_order(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    wanted = PageRequest(
        to_epoch=trial.epoch("norte"), epoch=trial.epoch("matriz"), relation="orders", after=""
    )
    page = await trial["norte"].database.read(lambda connection: snapshot.read_page(connection, wanted))
    lie = Page(**{**page.model_dump(), "rows": [{**page.rows[0], "status": "cancelled", "version": 2}]})

    def hear(tx: Any) -> stock_table.Merged:
        with tx.hearing(life(trial, "norte")):
            return snapshot.merge_page(tx, lie, donor="norte")

    merged = await trial["matriz"].database.write(hear)
    assert not merged.changed
    assert (await trial["matriz"].orders.view(order)).status == "placed"
    await trial.verify()


async def tell(trial: Trial, who: str, order: Any) -> bool:
    """Merge an order at matriz as the word of another branch. Returns whether it changed anything."""

    def merge(tx: Transaction) -> bool:
        with tx.hearing(life(trial, who)):
            return orders.merge(tx, order, donor=who)

    return await trial["matriz"].database.write(merge)


async def test_an_order_that_a_donor_falsified_is_put_right_by_its_branch(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    true = {**row, "id": "018bcfe5-0000-7000-8000-000000000000", "idempotency_key": None}
    false = {**true, "note": "forged"}

    assert await tell(trial, "norte", false)  # of an order that is not here yet
    assert await tell(trial, "sul", true)
    with pytest.raises(Invalid):
        await tell(trial, "norte", false)
    with pytest.raises(Invalid):
        await tell(trial, "sul", {**true, "note": "another history"})
    (stored,) = await trial["matriz"].database.read(lambda c: order_rows.read(c, [true["id"]]))
    assert stored == true
    assert await trial["matriz"].database.read(checking.find_troubles) == []


async def test_an_order_under_an_id_of_another_branch_gives_way_to_the_true_one(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    marked = identity.order_id(1_700_000_000.0, bytes(10), branch="sul")
    true = {**row, "id": marked, "idempotency_key": None, "number": "SUL-2"}
    squatted = {**true, "branch": "norte", "epoch": trial.epoch("norte"), "number": "NORTE-1", "version": 2}

    assert await tell(trial, "norte", squatted)
    assert await tell(trial, "sul", true)
    with pytest.raises(Invalid):
        await tell(trial, "norte", squatted)
    (stored,) = await trial["matriz"].database.read(lambda c: order_rows.read(c, [marked]))
    assert stored == true
    assert await trial["matriz"].database.read(checking.find_troubles) == []


async def test_an_order_that_its_branch_never_took_is_moved_out_when_it_speaks(trial: Trial) -> None:
    """A donor told it while the branch was silent."""
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    invented = identity.order_id(1_700_000_000.0, bytes(10), branch="sul")
    assert await tell(trial, "norte", {**row, "id": invented, "number": "SUL-9", "idempotency_key": None})

    await trial.converged()

    for name in NAMES:
        assert await trial.order_ids(name) == [order]
    assert "unwritten_rows" in await trial.alarms("matriz")


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


async def test_a_stored_time_that_cannot_be_shown_is_shown_as_damaged(trial: Trial) -> None:
    order = await trial.traded(at="matriz", units=5)
    matriz = trial["matriz"]
    await matriz.database.write(
        lambda tx: tx.connection.execute("UPDATE orders SET created_at = 1e12 WHERE id = ?", (order,))
    )
    await matriz.database.write(
        lambda tx: tx.connection.execute(
            "UPDATE orders SET checksum = ? WHERE id = ?", (_seal_of(tx.connection, order), order)
        )
    )
    (shown,) = await matriz.database.read(lambda connection: orders.page(connection, "", 10))
    assert shown.created_at == "damaged"


def _seal_of(connection: Any, order: str) -> int:
    (stored,) = order_rows.stored(connection, [order])
    return stored.found


async def test_what_a_donor_said_of_a_silent_branch_ends_when_that_branch_speaks(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    victim = life(trial, "sul")
    lie = await forged(trial, victim, life(trial, "matriz"))

    def poison(tx: Any) -> None:
        with tx.hearing(victim):
            stock_table.merge(tx, [lie])

    await trial.stop("sul")
    await trial["matriz"].database.write(poison)  # the donor itself believes it
    await trial.wipe("norte")
    await trial.start("norte")
    assert (await trial.view("norte"))["here"] == 0
    assert (await trial.view("norte"))["available"] == A_MILLION
    await trial.stop("matriz")
    await trial.start("sul")

    async def is_put_right() -> bool:
        return bool((await trial.view("norte"))["available"] == 5)

    await eventually(is_put_right, within=30)
    assert "fork" not in await trial.alarms("norte")
