"""What is answered at once is answered as on the long way, whatever the request is like."""

import json
from collections.abc import Mapping
from typing import Any
from unittest import mock

import httpx
import pytest

from app.api import edge, orders
from app.api.json_body import LongWay
from app.services.order_service import OrderService
from tests.api.conftest import Shop

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stocked")]

LINE = {"sku": "CAFE", "quantity": 1}
ORDER: dict[str, Any] = {"customer": "ALFKI", "lines": [LINE]}
_DRAWN = ("id", "number", "created_at", "request_id")
_DRAWN_HEADERS = ("x-request-id", "location", "content-length")

BODIES = [
    json.dumps(ORDER),
    json.dumps({**ORDER, "note": "By 10:30, please: no bell"}),
    json.dumps({**ORDER, "note": "Até amanhã 👋"}, ensure_ascii=False),
    json.dumps({**ORDER, "note": None}),
    json.dumps({**ORDER, "note": "  "}),
    json.dumps({**ORDER, "note": "hidden \u200b"}),
    json.dumps({**ORDER, "note": "\ud800"}),
    json.dumps({**ORDER, "note": "x" * 10_000}),
    json.dumps({**ORDER, "lines": [{**LINE, "quantity": 2.0}]}),
    json.dumps({**ORDER, "lines": [LINE, LINE]}, indent=2),
    json.dumps({**ORDER, "lines": [{**LINE, "quantity": 100}]}),
    json.dumps({**ORDER, "customer": "NOBODY"}),
    json.dumps({**ORDER, "customer": " ALFKI "}),
    json.dumps({**ORDER, "customer": "é" * 300}),
    json.dumps({**ORDER, "lines": [{"sku": "NOTHING", "quantity": 1}]}),
    json.dumps({**ORDER, "lines": []}),
    json.dumps({**ORDER, "lines": [{**LINE, "quantity": 0}, {**LINE, "quantity": True}, {"sku": 5}]}),
    json.dumps({**ORDER, "lines": [{**LINE, "quantity": "1"}]}),
    json.dumps({**ORDER, "lines": [{**LINE, "quantity": 1.5}]}),
    json.dumps({**ORDER, "lines": [{**LINE, "price": 1}], "priority": 1}),
    json.dumps({**ORDER, "lines": {"sku": "CAFE", "quantity": 1}}),
    json.dumps([ORDER]),
    "{}",
    "null",
    '"text"',
    "",
    " ",
    "{",
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1}]} x',
    '{"customer":"ALFKI","customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1}]}',
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1,"quantity":1}]}',
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1,"quantity":1}],"note":"a:b"}',
    '{"customer":"ALFKI","note":"a","note":"b","lines":[{"sku":"CAFE","quantity":0}]}',
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":NaN}]}',
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":1e400}]}',
    '{"customer":"ALFKI","lines":[{"sku":"CAFE","quantity":' + "9" * 5000 + "}]}",
    "[" * 100_000,
]
ENCODED = [json.dumps(ORDER).encode(encoding) for encoding in ("utf-8-sig", "utf-16", "utf-32-be")]
RAW = [
    *(body.encode("utf-8", "surrogatepass") for body in BODIES),
    *ENCODED,
    b"\xff\xfe",
    b'{"customer":"\xe9"}',
]


async def asked(client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str], query: str = "") -> Any:
    """The answer, without what is drawn for each."""
    sent = {"Content-Type": "application/json", **headers}
    answer = await client.post(f"/orders{query}", content=body, headers=sent)
    document = {name: value for name, value in answer.json().items() if name not in _DRAWN}
    kept = sorted((k, v) for k, v in answer.headers.multi_items() if k not in _DRAWN_HEADERS)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert ("location" in answer.headers) == (answer.status_code == 201)
    return answer.status_code, document, kept


async def both_ways(
    client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str], query: str = ""
) -> Any:
    at_once = await asked(client, body, headers, query)
    with mock.patch.object(orders, "plain_order", side_effect=LongWay):
        long_way = await asked(client, body, headers, query)
    assert at_once == long_way
    return at_once[0]


@pytest.mark.parametrize("language", ["en", "pt-BR"])
async def test_every_body_is_answered_as_on_the_long_way(admin: httpx.AsyncClient, language: str) -> None:
    statuses = {await both_ways(admin, body, {"Accept-Language": language}) for body in RAW}
    assert statuses == {201, 400, 409, 422}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Idempotency-Key": "k"}, ""),
        ({"Idempotency-Key": ""}, ""),
        ({"Idempotency-Key": "a b"}, ""),
        ({"Idempotency-Key": "k" * 201}, ""),
        ({"Content-Type": "text/plain"}, ""),
        ({"Content-Type": "application/json; charset=latin-1"}, ""),
        ({"Content-Encoding": "gzip"}, ""),
        ({"Authorization": "Bearer x.y.z"}, ""),
        ({"Authorization": "Basic YTpi"}, ""),
        ({"X-Request-Id": "visit-7"}, ""),
        ({}, "?durable=0"),
        ({}, "?durable=1"),
        ({}, "?durabel=0"),
        ({}, "?"),
    ],
)
async def test_every_header_and_parameter_counts_as_on_the_long_way(
    admin: httpx.AsyncClient, headers: Mapping[str, str], query: str
) -> None:
    await both_ways(admin, json.dumps(ORDER).encode(), headers, query)


async def test_a_key_that_is_given_twice_is_refused(admin: httpx.AsyncClient) -> None:
    keys = [("Idempotency-Key", "k"), ("Idempotency-Key", "k")]
    answer = await admin.post("/orders", json=ORDER, headers=[*admin.headers.multi_items(), *keys])
    assert (answer.status_code, answer.json()["errors"][0]["reason"]) == (422, "repeated")


async def test_a_plain_order_never_gets_to_the_router(shop: Shop, admin: httpx.AsyncClient) -> None:
    with mock.patch.object(shop.app.router, "app", side_effect=AssertionError):
        assert (await admin.post("/orders", json=ORDER)).status_code == 201
        assert (await admin.post("/orders", json={})).status_code == 422


async def test_an_error_of_the_nodes_own_is_a_problem_and_goes_to_the_servers_log(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    with mock.patch.object(OrderService, "place", side_effect=RuntimeError("broken")):
        answer = await admin.post("/orders", json=ORDER)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://matriz") as logging_server:
            with pytest.raises(RuntimeError, match="broken"):
                await logging_server.post(
                    "/orders", json=ORDER, headers={"Authorization": admin.headers["Authorization"]}
                )


READS = [
    "/orders/{order}",
    "/orders/{order}?",
    "/orders/{order}?limit=1",
    "/orders/{order}/",
    "/orders/{order}%0A",
    "/orders/nothing",
    "/orders/",
    "/orders/a%2Fb",
    "/orders/%C3%A9",
    "/orders",
    "/orders?limit=1",
    "/orders?limit=2",
    "/orders?limit=1&after={cursor}",
    "/orders?after={cursor}&limit=1",
    "/orders?limit=1&after=x",
    "/orders?limit=1&limit=1",
    "/orders?limit=0",
    "/orders?limit=500",
    "/orders?limit=501",
    "/orders?limit=%31",
    "/orders?limit=",
    "/orders?limits=1",
    *(
        f"/{of}{query}"
        for of in ("products", "customers", "stock")
        for query in ("", "?limit=1", "?limit=0", "?x=1")
    ),
    "/products/CAFE",
    "/products/cafe",
    "/products/TEA",
    "/products/A/B",
    "/products/",
    "/customers/ALFKI",
    "/customers/nobody",
    "/stock/CAFE",
    "/stock/TEA",
    "/stock/adjustments",
    "/status",
    "/status/",
    "/status?limit=1",
]


async def read(client: httpx.AsyncClient, path: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
    answer = await client.request("GET", path, headers=headers, content=body)
    document = {name: value for name, value in answer.json().items() if name not in _DRAWN[3:]}
    kept = sorted((k, v) for k, v in answer.headers.multi_items() if k not in _DRAWN_HEADERS)
    return answer.status_code, list(document), document, kept


async def read_both_ways(
    client: httpx.AsyncClient, path: str, headers: Mapping[str, str], body: bytes = b""
) -> Any:
    at_once = await read(client, path, headers, body)
    with mock.patch.object(edge, "find", return_value=None):
        long_way = await read(client, path, headers, body)
    assert at_once == long_way
    return at_once[0]


async def test_every_read_is_answered_as_on_the_long_way(admin: httpx.AsyncClient) -> None:
    note = 'Até "amanhã" \\ 👋'
    order = (await admin.post("/orders", json={**ORDER, "note": note})).json()["id"]
    assert (await admin.post("/orders", json=ORDER)).status_code == 201
    cursor = (await admin.get("/orders?limit=1")).json()["next"]
    for path in READS:
        await read_both_ways(admin, path.format(order=order, cursor=cursor), {})


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Authorization": ""}, b""),
        ({"Authorization": "Bearer x.y.z"}, b""),
        ({"Authorization": "Basic YTpi"}, b""),
        ({"Accept-Language": "pt-BR", "X-Request-Id": "visit-7"}, b""),
        ({}, b"{}"),
        ({"Content-Type": "application/json"}, b"{}"),
    ],
)
async def test_every_header_and_body_of_a_read_counts_as_on_the_long_way(
    admin: httpx.AsyncClient, headers: Mapping[str, str], body: bytes
) -> None:
    for path in ("/orders", "/orders/nothing", "/stock", "/stock/CAFE", "/status"):
        await read_both_ways(admin, path, headers, body)


async def test_a_plain_read_never_gets_to_the_router(shop: Shop, admin: httpx.AsyncClient) -> None:
    order = (await admin.post("/orders", json=ORDER)).json()["id"]
    with mock.patch.object(shop.app.router, "app", side_effect=AssertionError):
        lists = [f"/{of}?limit=100" for of in ("orders", "products", "customers", "stock")]
        for path in (f"/orders/{order}", *lists, "/products/CAFE", "/stock/CAFE", "/status"):
            assert (await admin.get(path)).status_code == 200
        assert (await admin.get("/orders/nothing")).status_code == 404
