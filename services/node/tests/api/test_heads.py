"""A head that comes again is judged as when it came first: only what follows from its bytes is kept."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from unittest import mock

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import framing
from app.api.heads import HEAD
from tests.api.conftest import Shop

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stocked")]

ORDER = '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1}]}'
JSON = {"Content-Type": "application/json"}


def remembering(api: ASGIApp) -> ASGIApp:
    """The application behind a server that knows heads again."""
    kept: dict[Any, dict[Any, Any]] = defaultdict(dict)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            head = (scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]))
            scope = {**scope, "state": {**scope.get("state", {}), HEAD: kept[head]}}
        await api(scope, receive, send)

    return app


def again(shop: Shop, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client, whose heads are known when they come again."""
    transport = httpx.ASGITransport(remembering(shop.app), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://matriz", headers=client.headers)


@pytest.mark.parametrize(
    ("asked", "headers", "status"),
    [
        (("POST", "/orders", ORDER), JSON, 201),
        (("POST", "/orders", ORDER.replace("1", "0")), JSON, 422),
        (("POST", "/orders", ORDER), {"Content-Type": "text/plain"}, 415),
        (("POST", "/orders", ORDER), {**JSON, "Authorization": ""}, 401),
        (("POST", "/orders", ORDER), {**JSON, "Content-Length": "9", "Transfer-Encoding": "chunked"}, 400),
        (("POST", "/products", "{}"), JSON, 403),
        (("GET", "/orders?limit=1", ""), {}, 200),
        (("GET", "/nothing", ""), {}, 404),
    ],
)
async def test_it_is_answered_as_the_first_time(
    shop: Shop,
    operador: httpx.AsyncClient,
    asked: tuple[str, str, str],
    headers: Mapping[str, str],
    status: int,
) -> None:
    method, path, body = asked
    async with again(shop, operador) as client:
        answers = [await client.request(method, path, content=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status] * 3


async def test_its_framing_is_looked_at_once(shop: Shop, operador: httpx.AsyncClient) -> None:
    looked = mock.Mock(wraps=framing.fault_of)
    with mock.patch.object(framing, "fault_of", looked):
        async with again(shop, operador) as client:
            for _ in range(3):
                await client.post("/orders", content=ORDER, headers=JSON)
    assert looked.call_count == 1


async def test_each_body_is_read(shop: Shop, operador: httpx.AsyncClient) -> None:
    bodies = [ORDER, ORDER.replace("1", "0"), ORDER.replace("CAFE", "NONE")]
    async with again(shop, operador) as client:
        answers = [await client.post("/orders", content=body, headers=JSON) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 422, 422]


async def test_a_user_who_may_no_longer_act_is_refused(
    shop: Shop, admin: httpx.AsyncClient, operador: httpx.AsyncClient
) -> None:
    async with again(shop, operador) as client:
        assert (await client.post("/orders", content=ORDER, headers=JSON)).status_code == 201
        me = (await client.get("/auth/me")).json()
        assert (await admin.patch(f"/users/{me['id']}", json={"active": False})).status_code == 200
        assert (await client.post("/orders", content=ORDER, headers=JSON)).status_code == 401
