"""A command that is not fully understood is refused: every route of the document is asked for more than it
takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from app.api.strictness import StrictRoute
from app.sync.wire.messages import Hello
from tests.api.conftest import OPERADOR_PASSWORD, Shop

pytestmark = pytest.mark.anyio

WITHOUT_TOKEN = {"/auth/login", "/healthz", "/readyz", "/problems/{code}"}
QUERIES = {"limit": "1", "durable": "0", "without_majority": "false", "since": "2026-11-23T22:01:00Z"}
"""A good value of the parameters for which any text will not do."""


@dataclass(frozen=True)
class Operation:
    """One operation of the document, and what it says that it takes."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def takes_body(self) -> bool:
        return "requestBody" in self.described

    def named(self, place: str) -> list[str]:
        """Its parameters in a query or a header."""
        return [p["name"] for p in self.described.get("parameters", []) if p["in"] == place]

    def url(self, query: str = "") -> str:
        url = self.path
        for parameter in self.named("path"):
            url = url.replace(f"{{{parameter}}}", "norte")
        return f"{url}{query}"


def operations(shop: Shop) -> Iterator[Operation]:
    for path, methods in shop.app.openapi()["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described)


def peer_token(shop: Shop, operation: Operation, body: bytes) -> dict[str, str]:
    """The header of a message from another node of the network."""
    token = shop.node.replica_tokens.issue(
        "matriz",
        epoch="an epoch",
        method=operation.method,
        path=operation.path,
        body=body,
        receiver_now=shop.node.clock.wall(),
    )
    return {"X-Replica-Token": token}


async def ask(
    shop: Shop,
    client: httpx.AsyncClient,
    operation: Operation,
    query: str = "",
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> list[tuple[str, str, str]]:
    """Each fault that the node finds: where, of what, why. Each has a sentence in both languages."""
    content = b"{}" if operation.takes_body and body is None else body
    kind = "x-www-form-urlencoded" if operation.path == "/auth/login" else "json"
    faults: list[list[dict[str, str]]] = []
    for language in ("en", "pt-BR"):
        sent = {"Accept-Language": language, "Content-Type": f"application/{kind}", **(headers or {})}
        if operation.path.startswith("/replica/"):
            sent |= peer_token(shop, operation, content or b"")
        answer = await client.request(operation.method, operation.url(query), content=content, headers=sent)
        assert answer.status_code == 422, (operation.name, query, answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json", operation.name
        faults.append(answer.json()["errors"])
    english, portuguese = faults
    assert all(one["message"] != other["message"] for one, other in zip(english, portuguese, strict=True))
    return [(fault["in"], fault["field"], fault["reason"]) for fault in english]


@pytest.fixture
async def operador_of_lab(lab: Shop, teacher: httpx.AsyncClient) -> httpx.AsyncClient:
    """Somebody there who does not administer."""
    user = {"username": "ana", "password": OPERADOR_PASSWORD, "role": "operador"}
    assert (await teacher.post("/users", json=user)).status_code == 201
    return await lab.log_in("ana", OPERADOR_PASSWORD)


async def test_every_route_refuses_an_unknown_parameter(lab: Shop, teacher: httpx.AsyncClient) -> None:
    asked, before = 0, await lab.counts()
    for operation in operations(lab):
        for query in ("?durabel=2", "?durabel", "?=2", "?Limit=1", "?durabel=1&durabel=2"):
            name = query[1:].partition("=")[0]
            found = await ask(lab, teacher, operation, query)
            assert found.count(("query", name, "unknown_field")) == 1, (operation.name, query, found)
        asked += 1

    assert asked > 50
    assert await lab.counts() == before


async def test_every_route_refuses_a_parameter_that_is_given_twice(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    asked = []
    for operation in operations(lab):
        for name in operation.named("query"):
            value = QUERIES.get(name, "MQ")
            for other in (value, "another"):
                found = await ask(lab, teacher, operation, f"?{name}={value}&{name}={other}")
                assert ("query", name, "repeated") in found, (operation.name, name, found)
            asked.append(name)

    assert {"limit", "after", "durable", "without_majority", "entity"} <= set(asked)


async def test_every_route_without_a_body_refuses_one(lab: Shop, teacher: httpx.AsyncClient) -> None:
    before = await lab.counts()
    asked = []
    for operation in operations(lab):
        if not operation.takes_body:
            for body, kind in ((b"{}", "application/json"), (b"sku=CAFE", "text/plain"), (b" ", "a/b")):
                found = await ask(lab, teacher, operation, body=body, headers={"Content-Type": kind})
                assert found == [("body", "", "unexpected_body")], (operation.name, body)
            asked.append(operation.method)

    assert {method: asked.count(method) > 2 for method in ("GET", "POST", "DELETE")} == dict.fromkeys(
        ("GET", "POST", "DELETE"), True
    )
    assert await lab.counts() == before


async def test_every_route_of_the_api_is_strict(lab: Shop) -> None:
    contexts = [c for c in iter_route_contexts(lab.app.routes) if isinstance(c.original_route, APIRoute)]

    assert [
        c.path for c in contexts if c.include_in_schema and not isinstance(c.original_route, StrictRoute)
    ] == []


async def test_nobody_learns_by_a_slip_what_only_others_may_ask(
    lab: Shop, operador_of_lab: httpx.AsyncClient
) -> None:
    """Who may not use a route is told so first, whatever else is wrong."""
    stranger = lab.client()
    for operation in operations(lab):
        if operation.path not in WITHOUT_TOKEN and operation.method == "GET":
            answer = await stranger.request(operation.method, operation.url("?durabel=2"))
            assert answer.status_code == 401, operation.name

    assert (await operador_of_lab.get("/audit?durabel=2")).status_code == 403
    assert (await operador_of_lab.post("/parked/replay", json={})).status_code == 403


async def test_a_peers_message_with_a_query_is_refused_only_after_its_token_was_checked(shop: Shop) -> None:
    hello = next(operation for operation in operations(shop) if operation.path == "/replica/hello")
    client = shop.client()
    forged = {"X-Replica-Token": "a.b.c", "Content-Type": "application/json"}

    stranger = await client.post("/replica/hello?durabel=2", content=b"{}", headers=forged)
    found = await ask(shop, client, hello, "?durabel=2")

    assert stranger.status_code == 401
    assert ("query", "durabel", "unknown_field") in found


async def test_a_field_of_a_later_version_in_a_peers_message_is_no_fault() -> None:
    """New words between nodes go into bodies, where older nodes pass them over; never into a query."""
    assert Hello.model_config.get("extra") != "forbid"
