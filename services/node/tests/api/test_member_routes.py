"""/members: who is a member, saying that a branch is gone, and what a branch answers that is."""

import shutil
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.config import read_settings
from app.node import BranchNode
from app.state.tables import membership
from tests.api.conftest import ENVIRONMENT, Shop
from tests.support.parts import parts
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def unopened(tmp_path: Path, empty_file: Path, routes: FastAPI) -> FastAPI:
    """A node with two peers, neither of which answers; it founds alone."""
    path = tmp_path / "node.db"
    shutil.copy(empty_file, path)
    peers = {"PEERS": "norte=http://norte,sul=http://sul", "FOUND": "1", "DATABASE_PATH": str(path)}
    routes.state.node = BranchNode(
        read_settings({**ENVIRONMENT, **peers}),
        **parts(),
    )
    return routes


@pytest.fixture
async def closed(shop: Shop, admin: httpx.AsyncClient) -> httpx.AsyncClient:
    """The administrator of a branch that was decommissioned."""
    await shop.node.database.write(lambda tx: membership.learn(tx, ["matriz"]))
    await eventually(lambda: not shop.node.ready)
    return admin


async def test_a_decommissioning_that_nobody_else_knows_is_accepted_and_shown_as_pending(
    admin: httpx.AsyncClient,
) -> None:
    first = await admin.post("/members/sul/decommission")
    again = await admin.post("/members/sul/decommission")
    listed = await admin.get("/members")

    pending: dict[str, object] = {
        "name": "sul",
        "state": "decommissioning",
        "epoch": None,
        "known_by": [],
        "needed": 2,
    }
    assert (first.status_code, first.json()) == (202, pending)
    assert (again.status_code, again.json()) == (202, pending)
    states = {member["name"]: member["state"] for member in listed.json()["items"]}
    assert states == {"matriz": "member", "norte": "member", "sul": "decommissioning"}
    audited = (await admin.get("/audit?action=decommissioned")).json()["items"]
    assert [(entry["entity"], entry["entity_id"], entry["actor_name"]) for entry in audited] == [
        ("node", "sul", "admin")
    ]


async def test_a_branch_without_a_majority_counts_where_an_admin_insists(admin: httpx.AsyncClient) -> None:
    insist = {"without_majority": True}
    assert (await admin.post("/members/sul/decommission")).status_code == 202
    assert (await admin.post("/members/norte/decommission")).status_code == 202
    assert (await admin.post("/members/sul/decommission", params=insist)).status_code == 200
    again = await admin.post("/members/norte/decommission", params=insist)
    assert (again.status_code, again.json()["state"], again.json()["needed"]) == (200, "decommissioned", 1)


async def test_neither_a_stranger_nor_the_branch_itself_is_decommissioned(admin: httpx.AsyncClient) -> None:
    spoken = {"Accept-Language": "pt-BR"}
    own = await admin.post("/members/matriz/decommission", headers=spoken)
    unknown = await admin.post("/members/leste/decommission", headers=spoken)

    assert (own.status_code, own.json()["code"]) == (409, "own_branch")
    assert own.json()["detail"] == "matriz é esta mesma filial; desative-a em outra."
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert unknown.json()["detail"] == "Não há membro 'leste' aqui."


async def test_a_decommissioned_branch_is_read_and_takes_nothing(
    shop: Shop, closed: httpx.AsyncClient
) -> None:
    ready = await closed.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.json()["reason"] == "decommissioned"
    assert (await closed.get("/orders")).status_code == 200
    assert (await shop.log_in("admin", ENVIRONMENT["ADMIN_PASSWORD"])) is not None
    for path in ("/customers", "/members/sul/decommission", "/orders"):
        refused = await closed.post(path, json={}, headers={"Accept-Language": "pt-BR"})
        assert (refused.status_code, refused.json()["code"]) == (503, "branch_closed")
        assert refused.json()["title"] == "Filial desativada"


async def test_no_more_copies_can_be_asked_for_than_there_are_members(admin: httpx.AsyncClient) -> None:
    order = {"customer": "NOBODY", "lines": [{"sku": "NOTHING", "quantity": 1}]}
    before = await admin.post("/orders", json=order, params={"durable": 2})
    await admin.post("/members/sul/decommission")
    after = await admin.post("/orders", json=order, params={"durable": 2})

    assert before.json()["code"] == "unknown_customer"
    assert (after.status_code, after.json()["errors"][0]["reason"]) == (422, "more_than_peers")
