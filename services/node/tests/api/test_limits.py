"""What is decided before any route: readiness, and the request's id."""

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import ADMIN_PASSWORD, Shop

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/orders", 503),
        ("/auth/login", 503),
        ("/nowhere", 503),
        ("/readyz", 503),
        ("/healthz", 200),
        ("/status", 503),
        ("/replica/hello", 503),
        ("/problems/gap", 200),
        ("/openapi.json", 200),
    ],
)
async def test_a_node_that_is_not_open_yet_answers_only_that_it_is_there(
    unopened: FastAPI, path: str, status: int
) -> None:
    transport = httpx.ASGITransport(unopened)
    async with httpx.AsyncClient(transport=transport, base_url="http://matriz") as client:
        answer = await client.get(path)
    assert answer.status_code == status
    if path == "/orders":
        assert (answer.json()["code"], answer.headers["Retry-After"]) == ("not_ready", "1")


async def test_at_a_fenced_node_people_may_log_in_and_read_why(shop: Shop) -> None:
    shop.node.readiness.fence("another process lives on its data")
    client = await shop.log_in("admin", ADMIN_PASSWORD)
    assert (await client.get("/status")).json()["fenced"] == "another process lives on its data"
    ready, written = await client.get("/readyz"), await client.post("/customers", json={})
    assert (ready.status_code, ready.json()["reason"]) == (503, "fenced")
    assert (written.status_code, written.json()["code"], written.json()["reason"]) == (
        503,
        "not_ready",
        "fenced",
    )


@pytest.mark.parametrize(("path", "status"), [("/orders", 503), ("/status", 401), ("/readyz", 503)])
async def test_a_node_that_is_not_ready_serves_only_those_who_watch_it(
    shop: Shop, path: str, status: int
) -> None:
    shop.node.readiness.wait_for("waiting_for_peers")
    assert (await shop.client().get(path)).status_code == status


async def test_a_node_that_is_not_ready_still_hears_its_peers(shop: Shop) -> None:
    shop.node.readiness.wait_for("waiting_for_peers")
    answer = await shop.client().post("/replica/hello", json={})
    assert (answer.status_code, answer.json()["reason"]) == (401, "missing_token")


async def test_a_node_that_is_not_ready_says_why_in_a_sentence_of_the_readers_language(shop: Shop) -> None:
    shop.node.readiness.wait_for("nobody_serves", reading=True)
    english, portuguese = [
        (await shop.client(**{"Accept-Language": language}).get("/readyz")).json()
        for language in ("en", "pt-BR")
    ]
    assert english["reason"] == portuguese["reason"] == "nobody_serves"
    for told in (english["detail"], portuguese["detail"]):
        assert "`./lab salvage matriz`" in told
        assert "FOUND=1" in told
    assert english["detail"] != portuguese["detail"]


async def test_a_request_keeps_the_id_it_came_with(shop: Shop) -> None:
    answer = await shop.client(**{"X-Request-Id": "visit-7"}).get("/nowhere")
    assert (answer.headers["X-Request-Id"], answer.json()["request_id"]) == ("visit-7", "visit-7")


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é"])
async def test_a_request_without_a_usable_id_gets_one(shop: Shop, given: str) -> None:
    headers = [(b"X-Request-Id", given.encode("latin-1"))]
    answers = [await shop.client().get("/healthz", headers=headers) for _ in range(2)]
    drawn = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(drawn) == 2
    assert all(len(request_id) == 32 for request_id in drawn)


@pytest.mark.parametrize("reason", ["starting", "greeting_peers", "waiting_for_peers", "rebuilding"])
async def test_a_node_that_starts_says_in_a_sentence_what_it_does(shop: Shop, reason: str) -> None:
    shop.node.readiness.wait_for(reason)
    english, portuguese = [
        (await shop.client(**{"Accept-Language": language}).get("/readyz")).json()
        for language in ("en", "pt-BR")
    ]
    assert english["reason"] == portuguese["reason"] == reason
    assert english["detail"].startswith("The branch is ")
    assert portuguese["detail"].startswith("A filial está ")
