"""An order that asks to be stored by peers before it is answered: 201 when they have it, 202 when not yet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.exceptions import RequestValidationError

from app.api import application
from app.api.orders import required_copies
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR
from tests.support.company import node_settings
from tests.support.spoiling import deliver_spoiled, newer, upgraded
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

ORDER = {"customer": "ALFKI", "lines": [{"sku": RICE, "quantity": 1}]}


@asynccontextmanager
async def counter(trial: Trial, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client at a node's counter, logged in."""
    app = application(with_faults=False)
    app.state.node = trial[name]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client:
        login = await client.post("/auth/login", data={"username": "admin", "password": "a long password"})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield client


async def stocked(trial: Trial, **settings: Any) -> None:
    await trial.stocked(**settings, at="matriz", units=5)


async def test_an_order_is_answered_when_so_many_peers_have_stored_it(trial: Trial) -> None:
    await stocked(trial)
    async with counter(trial, "matriz") as client:
        placed = await client.post("/orders", json=ORDER, params={"durable": 2})
    assert placed.status_code == 201
    assert placed.json()["stored_by"] == ["norte", "sul"]
    trial.promise(placed.json()["id"], 1)
    await trial.wipe("matriz")  # whatever happens to its branch from now on
    await trial.start("matriz")
    await trial.verify()


async def test_when_peers_take_too_long_the_order_is_accepted_and_its_page_says_who_has_it(
    trial: Trial,
) -> None:
    await stocked(trial, durable_wait_seconds=2.0)
    trial.network.down.add("sul")
    async with counter(trial, "matriz") as client:
        began = trial["matriz"].clock.monotonic()
        placed = await client.post("/orders", json=ORDER, params={"durable": 2})
        assert 2.0 <= trial["matriz"].clock.monotonic() - began < 2.5
        trial.promise(placed.json()["id"], 1)
        assert (placed.status_code, placed.json()["stored_by"]) == (202, ["norte"])
        trial.network.down.clear()
        await trial.verify()
        later = await client.get(placed.headers["Location"])
        assert later.json()["stored_by"] == ["norte", "sul"]


async def test_a_peer_that_could_only_park_the_order_has_not_stored_it(trial: Trial) -> None:
    await stocked(trial, durable_wait_seconds=1.0)
    trial.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    async with counter(trial, "matriz") as client:
        placed = await client.post("/orders", json=ORDER)
        trial.promise(placed.json()["id"], 1)
        spoiled = newer("order_created")
        await deliver_spoiled(trial["matriz"], trial["norte"], kind="order_created", changes=spoiled)
        trial.network.cut.clear()
        await trial.converged_without()
        where = f"/orders/{placed.json()['id']}"
        assert (await client.get(where)).json()["stored_by"] == ["sul"]
        await trial.stop("matriz")
        await trial.start("matriz")
    async with counter(trial, "matriz") as client:
        assert (await client.get(where)).json()["stored_by"] == ["sul"], "a restart forgets nothing of it"
        with upgraded():
            await trial["norte"].replay_parked(actor=ACTOR)
            await trial.verify()
        await eventually(lambda: _names(client, where, ["norte", "sul"]))


async def _names(client: httpx.AsyncClient, where: str, peers: list[str]) -> bool:
    """Whether an order's page names these peers: the next hello tells."""
    return bool((await client.get(where)).json()["stored_by"] == peers)


async def test_more_copies_than_there_are_peers_are_refused_and_nothing_is_sold(trial: Trial) -> None:
    await stocked(trial)
    async with counter(trial, "matriz") as client:
        refused = await client.post("/orders", json=ORDER, params={"durable": len(NAMES)})
    assert refused.status_code == 422
    assert await trial.order_ids("matriz") == []
    await trial.verify()


async def test_the_networks_own_minimum_holds_though_nobody_asks(trial: Trial) -> None:
    await stocked(trial, replication_min_acks=1, durable_wait_seconds=1.0)
    async with counter(trial, "matriz") as client:
        placed = await client.post("/orders", json=ORDER)
        trial.promise(placed.json()["id"], 1)
        assert placed.status_code == 201
        assert len(placed.json()["stored_by"]) >= 1
        trial.network.down |= {"norte", "sul"}
        placed = await client.post("/orders", json=ORDER)
        trial.promise(placed.json()["id"], 1)
        assert (placed.status_code, placed.json()["stored_by"]) == (202, [])
    trial.network.down.clear()
    await trial.verify()


async def test_a_repeated_request_waits_for_the_same_order(trial: Trial) -> None:
    await stocked(trial, durable_wait_seconds=1.0)
    trial.network.down |= {"norte", "sul"}
    key = {"Idempotency-Key": "a-cart"}
    async with counter(trial, "matriz") as client:
        first = await client.post("/orders", json=ORDER, params={"durable": 1}, headers=key)
        trial.promise(first.json()["id"], 1)
        trial.network.down.clear()
        await eventually(lambda: trial.peer("norte", seen_by="matriz").state == "ok")
        again = await client.post("/orders", json=ORDER, params={"durable": 1}, headers=key)
    assert (first.status_code, again.status_code) == (202, 201)
    assert first.json()["id"] == again.json()["id"]
    await trial.verify()


def test_the_larger_of_wish_and_minimum_counts() -> None:
    where = Path("node.db")
    settings = node_settings("matriz", peers=NAMES, database_path=where, replication_min_acks=1)
    assert [required_copies(wish, settings, peers=2) for wish in (None, 0, 1, 2)] == [1, 1, 1, 2]
    with pytest.raises(RequestValidationError):
        required_copies(3, settings, peers=2)
    with pytest.raises(ValueError, match="REPLICATION_MIN_ACKS"):
        node_settings("matriz", peers=NAMES, database_path=where, replication_min_acks=3)
