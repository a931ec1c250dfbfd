"""Refusals: written in one piece they say the same as on the long way, and each comes as early as it can."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from unittest import mock

import httpx
import pytest
from starlette.types import Message

from app.api import AT_ONCE
from app.api.at_once import WRITE
from app.api.edge import Edge
from app.services.rights_broker import RightsBroker
from tests.api.conftest import Shop
from tests.support.asgi import http_scope
from tests.support.uploads import upload

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stocked")]

ORDER: dict[str, Any] = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}
PRODUCT = {"sku": "TEA", "name": "Tea", "price_cents": 1}
PIECE = b" " * 65_536
_DRAWN = ("x-request-id", "content-length")


class Written:
    """What a server was given to write in one piece."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, bytes]] = []

    def __call__(self, status: int, lines: bytes, body: bytes) -> bool:
        self.answers.append((status, lines, body))
        return True


async def in_one_piece(
    shop: Shop, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], Any]:
    """The answer of a server that can write whole answers."""
    written = Written()
    sent = {"content-length": str(len(body)), **headers}
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def send(_message: Message) -> None:
        raise AssertionError("the answer is not written in one piece")

    scope = {**http_scope("POST", path, sent), "state": {WRITE: written}}
    await Edge(shop.app, routes=AT_ONCE, api=shop.app)(scope, receive, send)
    ((status, lines, content),) = written.answers
    named = dict(line.split(": ", 1) for line in lines.decode().splitlines())
    assert named["content-length"] == str(len(content))
    return status, named, json.loads(content)


class Case(NamedTuple):
    """A request that is refused: by whom, and how."""

    path: str
    body: dict[str, Any]
    has_token: bool
    status: int


CASES = [
    Case("/orders", ORDER, False, 401),
    Case("/products", PRODUCT, True, 403),
    Case("/orders", {**ORDER, "lines": [{"sku": "CAFE", "quantity": 100}]}, True, 409),
    Case("/orders", {**ORDER, "lines": [{"sku": "CAFE", "quantity": 0}]}, True, 422),
    Case("/orders", {**ORDER, "customer": "\ud800"}, True, 422),
]


@pytest.mark.parametrize("language", ["en", "pt-BR"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.status))
async def test_a_refusal_in_one_piece_says_what_it_says_on_the_long_way(
    shop: Shop, operador: httpx.AsyncClient, case: Case, language: str
) -> None:
    client = operador if case.has_token else shop.client()
    await client.get("/orders")  # from here on the user is known by the token
    headers = {"accept-language": language, "content-type": "application/json"}
    body = json.dumps(case.body).encode()
    asked = await client.post(case.path, content=body, headers=headers)
    if case.has_token:
        headers["authorization"] = client.headers["Authorization"]
    status, named, document = await in_one_piece(shop, case.path, body, headers)
    expected = asked.json()
    for each in (document, expected):
        assert each.pop("request_id")
    assert (asked.status_code, status, document) == (case.status, case.status, expected)
    kept = {name: value for name, value in asked.headers.items() if name not in _DRAWN}
    assert {name: value for name, value in named.items() if name not in _DRAWN} == kept


async def test_of_a_request_by_the_wrong_role_no_body_is_read(
    shop: Shop, operador: httpx.AsyncClient
) -> None:
    await operador.get("/orders")
    headers = {"Authorization": operador.headers["Authorization"]}
    answer = await upload(shop.app, "/products", [PIECE], headers=headers)
    assert (answer.status, answer.document["role"], answer.read) == (403, "admin", 0)


async def test_who_was_made_an_administrator_is_one_at_once(
    shop: Shop, admin: httpx.AsyncClient, operador: httpx.AsyncClient
) -> None:
    """The role that the door remembers ends with the change of it."""
    assert (await operador.post("/products", json=PRODUCT)).status_code == 403
    user = (await operador.get("/auth/me")).json()
    assert (await admin.patch(f"/users/{user['id']}", json={"role": "admin"})).status_code == 200
    promoted = await shop.log_in("ana", "battery staple")
    assert (await promoted.post("/products", json=PRODUCT)).status_code == 201


@pytest.mark.parametrize(("method", "path"), [("PUT", "/products"), ("POST", "/products/nowhere/at/all")])
async def test_what_is_no_route_is_forbidden_to_nobody(
    operador: httpx.AsyncClient, method: str, path: str
) -> None:
    await operador.get("/orders")
    assert (await operador.request(method, path, json={})).status_code in (404, 405)


async def test_who_is_short_in_a_network_of_one_is_told_so_after_one_look(
    operador: httpx.AsyncClient,
) -> None:
    """There is nobody to ask for rights."""
    short = {**ORDER, "lines": [{"sku": "CAFE", "quantity": 100}]}
    with mock.patch.object(
        RightsBroker, "_submit", autospec=True, side_effect=RightsBroker._submit
    ) as looked:
        answer = await operador.post("/orders", json=short)
    assert (answer.status_code, answer.json()["code"], looked.call_count) == (409, "out_of_stock", 1)
