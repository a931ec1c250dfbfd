"""Breaking links and the disk over HTTP: only where LAB_FAULTS is on, and only for administrators."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.config import read_settings
from app.main import create_app
from app.node import BranchNode
from tests.api.conftest import ADMIN_PASSWORD, ENVIRONMENT, OPERADOR_PASSWORD, Shop
from tests.support.network import FakeNetwork, problem
from tests.support.parts import parts
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

LAB = {**ENVIRONMENT, "LAB_FAULTS": "1", "PEERS": "norte=http://norte,sul=http://sul", "FOUND": "1"}
JSON = {"Content-Type": "application/json"}
CUT = {"kind": "cut", "lease_seconds": 60}
ROUTES = [
    ("GET", "/faults", None),
    ("PUT", "/faults/links/norte", CUT),
    ("POST", "/faults/links/norte/probe", None),
    ("DELETE", "/faults/links/norte", None),
    ("PUT", "/faults/disk", {"max_bytes": 0, "lease_seconds": 60}),
    ("POST", "/faults/disk/probe", None),
    ("DELETE", "/faults/disk", None),
    ("DELETE", "/faults", None),
]


@pytest.fixture(scope="session")
def lab_routes() -> FastAPI:
    """The application as a lab's settings make it, once; each test gives it a node of its own."""
    return create_app(
        read_settings({**LAB, "DATABASE_PATH": "never opened"}),
        **parts(),
    )


@pytest.fixture
async def lab(tmp_path: Path, empty_file: Path, lab_routes: FastAPI) -> AsyncIterator[Shop]:
    """A founded node in a lab, whose peer norte answers whatever it is asked with a 401."""
    path = tmp_path / "lab.db"
    shutil.copy(empty_file, path)
    network = FakeNetwork()
    app = lab_routes
    node = app.state.node = BranchNode(
        read_settings({**LAB, "DATABASE_PATH": str(path)}),
        **parts(network.transport("matriz")),
    )
    network.join("norte", app)  # never asked: `answers` stands before it
    for path_of_peer in ("/replica/hello", "/replica/event"):
        network.answers["norte", path_of_peer] = problem(401, "unauthenticated")
    try:
        await node.open()
        await eventually(lambda: node.ready)
        yield Shop(app, node)
    finally:
        await network.close()
        await node.close()


@pytest.fixture
async def teacher(lab: Shop) -> httpx.AsyncClient:
    return await lab.log_in("admin", ADMIN_PASSWORD)


async def faults(client: httpx.AsyncClient) -> Any:
    return (await client.get("/faults")).json()


async def audited(client: httpx.AsyncClient, action: str) -> list[tuple[str, Any, Any]]:
    """(entity id, before, after) of the entries of one action, oldest first."""
    items = (await client.get("/audit", params={"action": action})).json()["items"]
    return [(item["entity_id"], item["before"], item["after"]) for item in reversed(items)]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_where_lab_faults_is_off_there_are_no_faults(
    admin: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await admin.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_where_lab_faults_is_off_nothing_speaks_of_faults(shop: Shop, admin: httpx.AsyncClient) -> None:
    assert "faults" not in (await admin.get("/status")).json()
    document = shop.app.openapi()
    assert not [path for path in document["paths"] if path.startswith("/faults")]
    assert "faults" not in [tag["name"] for tag in document["tags"]]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_only_an_administrator_breaks_things(
    lab: Shop, teacher: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    user = {"username": "ana", "password": OPERADOR_PASSWORD, "role": "operador"}
    assert (await teacher.post("/users", json=user)).status_code == 201
    operador = await lab.log_in("ana", OPERADOR_PASSWORD)
    answers = [await client.request(method, path, json=body) for client in (lab.client(), operador, teacher)]
    assert [answer.status_code for answer in answers] == [401, 403, 200]


async def test_every_route_of_faults_is_tried_here_and_described(lab: Shop) -> None:
    described = {
        (method.upper(), path.replace("{peer}", "norte"))
        for path, methods in lab.app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/faults")
    }
    assert described == {(method, path) for method, path, _ in ROUTES}


async def test_a_cut_is_felt_shown_in_status_audited_and_healed(teacher: httpx.AsyncClient) -> None:
    before = (await teacher.post("/faults/links/norte/probe")).json()
    assert before["answered"] is True
    made = (await teacher.put("/faults/links/norte", json={**CUT, "seed": 4})).json()
    assert [(fault["peer"], fault["kind"], fault["seed"]) for fault in made["links"]] == [("norte", "cut", 4)]
    cut = (await teacher.post("/faults/links/norte/probe")).json()
    assert (cut["answered"], cut["error"]) == (False, "the lab cut this link")
    status = (await teacher.get("/status")).json()
    assert [fault["kind"] for fault in status["faults"]["links"]] == ["cut"]
    assert status["faults"]["links"][0]["hits"] >= 1
    assert status["faults"]["links"][0]["hang_seconds"] == 0.0

    healed = (await teacher.delete("/faults/links/norte")).json()
    assert healed == {"links": [], "disk": None}
    assert (await teacher.post("/faults/links/norte/probe")).json()["answered"] is True
    assert await audited(teacher, "fault_made") == [
        ("norte", None, {"kind": "cut", "hang_seconds": 0.0, "lease_seconds": 60.0, "seed": 4})
    ]
    assert await audited(teacher, "fault_ended") == [("norte", {"kind": "cut", "hang_seconds": 0.0}, None)]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "cut", "hang_seconds": 1},
        {"kind": "slow", "delay_seconds": 0.8, "jitter_seconds": 0.2},
        {"kind": "flaky", "loss": 0.3},
        {"kind": "duplicate", "copies": 5},
        {"kind": "reorder", "chance": 1, "hold_seconds": 0.5},
    ],
    ids=lambda body: body["kind"],
)
async def test_every_kind_is_taken_with_its_settings(
    teacher: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await teacher.put("/faults/links/norte", json={**body, "lease_seconds": 60})
    assert answer.status_code == 200, answer.text
    (shown,) = answer.json()["links"]
    assert {name: shown[name] for name in body} == body


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"kind": "cut"}, "cut.lease_seconds", "missing"),
        ({"kind": "cut", "lease_seconds": 3601}, "cut.lease_seconds", "too_large"),
        ({"kind": "cut", "lease_seconds": 0}, "cut.lease_seconds", "too_small"),
        ({"kind": "cut", "lease_seconds": "60"}, "cut.lease_seconds", "not_a_number"),
        ({"kind": "burn", "lease_seconds": 60}, "", "not_one_of"),
        ({"lease_seconds": 60}, "", "missing"),
        ({"kind": "slow", "lease_seconds": 60}, "slow.delay_seconds", "missing"),
        ({"kind": "slow", "lease_seconds": 60, "delay_seconds": 61}, "slow.delay_seconds", "too_large"),
        ({"kind": "flaky", "lease_seconds": 60, "loss": 1.1}, "flaky.loss", "too_large"),
        ({"kind": "flaky", "lease_seconds": 60, "loss": 0}, "flaky.loss", "too_small"),
        ({"kind": "duplicate", "lease_seconds": 60, "copies": 11}, "duplicate.copies", "too_large"),
        ({"kind": "cut", "lease_seconds": 60, "colour": "red"}, "cut.colour", "unknown_field"),
    ],
)
async def test_what_does_not_fit_is_named(
    teacher: httpx.AsyncClient, body: dict[str, Any], field: str, reason: str
) -> None:
    answer = await teacher.put("/faults/links/norte", json=body)
    assert answer.status_code == 422
    assert [(error["field"], error["reason"]) for error in answer.json()["errors"]] == [(field, reason)]
    assert (await faults(teacher))["links"] == []


async def test_a_link_to_nobody_is_not_found_in_both_languages(teacher: httpx.AsyncClient) -> None:
    said = [
        (await teacher.put("/faults/links/leste", json=CUT, headers={"Accept-Language": language})).json()
        for language in ("en", "pt-BR")
    ]
    assert [one["status"] for one in said] == [404, 404]
    assert said[0]["detail"] == "There is no peer 'leste' here."
    assert said[1]["detail"] == "Não há par 'leste' aqui."


async def test_healing_everything_may_be_repeated(teacher: httpx.AsyncClient) -> None:
    for peer in ("norte", "sul"):
        await teacher.put(f"/faults/links/{peer}", json=CUT)
    await teacher.put("/faults/disk", json={"max_bytes": 0, "lease_seconds": 60})
    for _ in range(2):
        healed = await teacher.delete("/faults")
        assert (healed.status_code, healed.json()) == (200, {"links": [], "disk": None})
    assert len(await audited(teacher, "fault_ended")) == 3


async def fill(client: httpx.AsyncClient, *, prefix: str) -> httpx.Response:
    """Create customers until one is refused; the refusal."""
    for number in range(2000):
        answer = await client.post("/customers", json={"code": f"{prefix}{number}", "name": "x" * 150})
        if answer.status_code != 201:
            return answer
    raise AssertionError("the disk never got full")


async def test_a_full_disk_answers_507_leaves_nothing_behind_and_gets_room_again(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    made = (await teacher.put("/faults/disk", json={"max_bytes": 0, "lease_seconds": 60})).json()
    assert (made["disk"]["max_bytes"], made["disk"]["lease_seconds"]) == (0, 60.0)
    refused = await fill(teacher, prefix="A")
    assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
    before = await lab.counts()
    again = await teacher.post("/customers", content=refused.request.content, headers=JSON)
    assert again.status_code == 507
    assert await lab.counts() == before
    assert (await teacher.get("/customers")).status_code == 200
    assert (await teacher.delete("/faults/disk")).json()["disk"] is None
    at_last = await teacher.post("/customers", content=refused.request.content, headers=JSON)
    assert at_last.status_code == 201


async def test_a_probe_tells_a_full_disk_from_one_with_room_and_leaves_nothing(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    before = await lab.counts()
    assert (await teacher.post("/faults/disk/probe")).json() == {"refused": False}
    assert await lab.counts() == before
    await teacher.put("/faults/disk", json={"max_bytes": 0, "lease_seconds": 60})
    assert (await teacher.post("/faults/disk/probe")).json() == {"refused": True}
    await teacher.delete("/faults/disk")
    assert (await teacher.post("/faults/disk/probe")).json() == {"refused": False}


async def test_a_full_disk_gets_room_again_when_its_lease_ends(lab: Shop, teacher: httpx.AsyncClient) -> None:
    for prefix in ("A", "B"):  # the second renews the lease of the first, full as the disk is
        answer = await teacher.put("/faults/disk", json={"max_bytes": 0, "lease_seconds": 30})
        assert answer.status_code == 200
        refused = await fill(teacher, prefix=prefix)
        assert refused.status_code == 507
        await lab.node.clock.sleep(20)
    assert (await faults(teacher))["disk"] is not None
    await lab.node.clock.sleep(11)
    assert (await faults(teacher))["disk"] is None
    at_last = await teacher.post("/customers", content=refused.request.content, headers=JSON)
    assert at_last.status_code == 201
    assert await audited(teacher, "fault_ended") == [("disk", {"max_bytes": 0}, None)]
