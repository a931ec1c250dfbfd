"""Breaking links and the disk over HTTP: only where LAB_FAULTS is on, and only for administrators."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import OPERADOR_PASSWORD, Shop

pytestmark = pytest.mark.anyio

NONE: dict[str, Any] = {"links": [], "disk": None, "clock": None, "batch": None}
JSON = {"Content-Type": "application/json"}
CUT = {"kind": "cut", "lease_seconds": 60}
ROUTES = [
    ("GET", "/faults", None),
    ("PUT", "/faults/links/norte", CUT),
    ("POST", "/faults/links/norte/probe", None),
    ("DELETE", "/faults/links/norte", None),
    ("POST", "/faults/links/norte/forge", {"kind": "forged"}),
    ("PUT", "/faults/clock", {"offset_seconds": 600, "lease_seconds": 60}),
    ("DELETE", "/faults/clock", None),
    ("PUT", "/faults/batch", {"events": 1, "lease_seconds": 60}),
    ("DELETE", "/faults/batch", None),
    ("PUT", "/faults/disk", {"max_bytes": 0, "lease_seconds": 60}),
    ("POST", "/faults/disk/probe", None),
    ("DELETE", "/faults/disk", None),
    ("DELETE", "/faults", None),
]


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
    assert healed == NONE
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
        assert (healed.status_code, healed.json()) == (200, NONE)
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


async def test_a_skewed_clock_shows_is_audited_and_ends_with_its_lease(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    before = lab.node.clock.wall()
    made = await teacher.put("/faults/clock", json={"offset_seconds": 600, "lease_seconds": 60})
    assert made.json()["clock"]["value"] == 600.0
    assert lab.node.clock.wall() - before == pytest.approx(600, abs=5)
    await lab.node.clock.sleep(61)
    assert (await faults(teacher))["clock"] is None
    assert lab.node.clock.wall() - before == pytest.approx(61, abs=5)
    assert await audited(teacher, "fault_made") == [("clock", None, {"value": 600.0, "lease_seconds": 60.0})]


async def test_a_batch_limit_is_what_senders_go_by_until_it_is_lifted(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    assert lab.node.peers.batch_limit() is None
    await teacher.put("/faults/batch", json={"events": 3, "lease_seconds": 60})
    assert lab.node.peers.batch_limit() == 3
    for _ in range(2):
        assert (await teacher.delete("/faults/batch")).json() == NONE
    assert lab.node.peers.batch_limit() is None
    assert await audited(teacher, "fault_ended") == [("batch", {"value": 3.0}, None)]


async def test_healing_everything_sets_clock_and_batch_right(teacher: httpx.AsyncClient) -> None:
    await teacher.put("/faults/clock", json={"offset_seconds": -600, "lease_seconds": 60})
    await teacher.put("/faults/batch", json={"events": 1, "lease_seconds": 60})
    assert (await teacher.delete("/faults")).json() == NONE


async def test_where_the_peer_took_nothing_yet_there_is_nothing_to_forge(teacher: httpx.AsyncClient) -> None:
    answer = await teacher.post("/faults/links/norte/forge", json={"kind": "replayed", "times": 5})
    assert answer.json() == {"sent": 0, "answers": []}
    assert await audited(teacher, "event_forged") == [("norte", None, {"kind": "replayed", "times": 5})]


async def test_a_kind_of_forgery_that_is_not_there_is_named(teacher: httpx.AsyncClient) -> None:
    answer = await teacher.post("/faults/links/norte/forge", json={"kind": "stolen"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "kind")
