"""Slips in single commands: what is not fully understood has no effect, and is named with its place."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.problems.handlers import install_problems
from app.api.strictness import StrictRouter
from app.domain import characters
from tests.api.conftest import ADMIN_PASSWORD, Shop

pytestmark = pytest.mark.anyio

ORDER = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}


async def till(sold: list[str]) -> httpx.AsyncClient:
    """A client of an application with one strict route, which notes what it sold."""
    router = StrictRouter()

    @router.post("/sold/{sku}")
    async def sell(sku: str, twice: bool = False) -> None:  # as FastAPI reads it
        sold.extend([sku] * (1 + twice))

    app = FastAPI()
    app.include_router(router)
    install_problems(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till")


@pytest.mark.parametrize("slip", ["?twise=true", "?twice=true&twice=true"])
async def test_a_slip_in_the_address_sells_nothing(slip: str) -> None:
    sold: list[str] = []
    async with await till(sold) as client:
        refused = await client.post(f"/sold/TEA{slip}")
        plain = await client.post("/sold/CAFE?twice=true")

    assert (refused.status_code, plain.status_code, sold) == (422, 200, ["CAFE", "CAFE"])


async def test_a_body_that_nobody_reads_sells_nothing() -> None:
    sold: list[str] = []
    async with await till(sold) as client:
        refused = await client.post("/sold/TEA", json={"quantity": 3})
        plain = await client.post("/sold/CAFE")

    assert (refused.status_code, plain.status_code, sold) == (422, 200, ["CAFE"])


async def test_a_body_that_has_no_byte_is_none(lab: Shop, teacher: httpx.AsyncClient) -> None:
    async def nothing() -> Any:
        yield b""

    stated = await teacher.post("/parked/replay", content=b"")
    in_pieces = await teacher.post("/parked/replay", content=nothing())

    assert (stated.status_code, in_pieces.status_code) == (200, 200)


async def test_a_body_in_pieces_of_a_request_that_reads_none_is_refused(
    lab: Shop, teacher: httpx.AsyncClient
) -> None:
    async def piece() -> Any:
        yield b"{}"

    refused = [await teacher.request(method, "/faults", content=piece()) for method in ("GET", "DELETE")]

    assert [answer.status_code for answer in refused] == [422, 422]


async def test_an_idempotency_key_that_is_given_twice_is_refused(
    shop: Shop, admin: httpx.AsyncClient, stocked: None
) -> None:
    keys = [("Idempotency-Key", "one"), ("idempotency-key", "another")]
    refused = await admin.post("/orders", json=ORDER, headers=[*admin.headers.items(), *keys])

    assert refused.json()["errors"][0] == {
        "in": "header",
        "field": "Idempotency-Key",
        "reason": "repeated",
        "message": "must be given only once",
    }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"customer": "ALFKI", "customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}', "customer"),
        ('{"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1, "quantity": 5}]}', "quantity"),
        ('{"customer": "ALFKI", "lines": [], "lines": [{"sku": "CAFE", "quantity": 1}]}', "lines"),
    ],
)
async def test_a_name_that_an_object_says_twice_is_refused(
    shop: Shop, admin: httpx.AsyncClient, stocked: None, body: str, name: str
) -> None:
    before = await shop.counts()

    refused = await admin.post("/orders", content=body, headers={"Content-Type": "application/json"})

    named = [(error["in"], error["field"], error["reason"]) for error in refused.json()["errors"]]
    assert named == [("body", name, "repeated")]
    assert await shop.counts() == before


@pytest.mark.parametrize("name", ["username", "password"])
async def test_a_login_names_one_user_and_one_password(shop: Shop, name: str) -> None:
    form = {"username": "admin", "password": ADMIN_PASSWORD}

    refused = await shop.client().post("/auth/login", data={**form, name: [form[name], form[name]]})

    named = [(error["in"], error["field"], error["reason"]) for error in refused.json()["errors"]]
    assert named == [("body", name, "repeated")]


@pytest.mark.parametrize("query", ["durabel=2", "dry_run=true", "durable=0&durable=0"])
async def test_an_order_with_a_slip_in_its_address_is_not_placed(
    shop: Shop, admin: httpx.AsyncClient, stocked: None, query: str
) -> None:
    before = await shop.counts()

    refused = await admin.post(f"/orders?{query}", json=ORDER)

    assert refused.status_code == 422
    assert await shop.counts() == before


async def test_an_order_is_not_cancelled_by_a_request_that_names_one_line(
    shop: Shop, admin: httpx.AsyncClient, stocked: None
) -> None:
    order = (await admin.post("/orders", json=ORDER)).json()

    refused = await admin.post(
        f"/orders/{order['id']}/cancel", json={"lines": [{"sku": "CAFE", "quantity": 1}]}
    )
    after = (await admin.get(f"/orders/{order['id']}")).json()

    assert (refused.status_code, after["status"]) == (422, "placed")


async def test_everything_that_does_not_fit_is_named_at_once(
    shop: Shop, admin: httpx.AsyncClient, stocked: None
) -> None:
    refused = await admin.post("/orders?durabel=2&durable=x", json={**ORDER, "lines": []})

    named = [(error["in"], error["field"], error["reason"]) for error in refused.json()["errors"]]
    assert named == [
        ("query", "durabel", "unknown_field"),
        ("query", "durable", "not_an_integer"),
        ("body", "lines", "too_few"),
    ]


@pytest.mark.parametrize("name", ["durable\u200b", "\ufeffdurable"])
async def test_a_name_that_only_looks_right_is_shown_with_what_is_wrong(
    shop: Shop, admin: httpx.AsyncClient, stocked: None, name: str
) -> None:
    refused = await admin.post("/orders", params={name: "0"}, json={**ORDER, name: 0})

    named = [(error["in"], error["field"]) for error in refused.json()["errors"]]
    assert named == [("query", characters.shown(name)), ("body", characters.shown(name))]
    assert "U+" in named[0][1]


async def test_more_copies_than_peers_is_a_fault_of_the_query(
    shop: Shop, admin: httpx.AsyncClient, stocked: None
) -> None:
    refused = await admin.post("/orders?durable=99", json=ORDER)

    named = [(error["in"], error["field"], error["reason"]) for error in refused.json()["errors"]]
    assert named == [("query", "durable", "more_than_peers")]
