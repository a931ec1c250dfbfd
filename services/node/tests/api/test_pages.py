"""Pages of lists: how long they get, what their cursors say, and what clients that do not read hold up."""

import asyncio
import json

import httpx
import pytest
from starlette.types import Message

from app.api import pages
from tests.api.conftest import Shop
from tests.support.asgi import http_scope

pytestmark = pytest.mark.anyio

LINES = [{"sku": "CAFE", "quantity": 1}] * 100


async def large_orders(admin: httpx.AsyncClient, count: int) -> list[str]:
    """Orders of a hundred lines; their ids."""
    received = {"sku": "CAFE", "quantity": 100 * count, "reason": "Delivery"}
    assert (await admin.post("/stock/adjustments", json=received)).status_code == 201
    order = {"customer": "ALFKI", "lines": LINES}
    answers = [await admin.post("/orders", json=order) for _ in range(count)]
    return [answer.json()["id"] for answer in answers]


async def pages_of(admin: httpx.AsyncClient, path: str, limit: int) -> list[httpx.Response]:
    """Every page of a list."""
    found = [await admin.get(f"{path}?limit={limit}")]
    while (following := found[-1].json()["next"]) is not None:
        found.append(await admin.get(f"{path}?limit={limit}&after={following}"))
    return found


@pytest.mark.usefixtures("stocked")
async def test_a_page_of_large_orders_ends_early_and_none_is_left_out(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 2 * pages.PIECE_BYTES
    monkeypatch.setattr(pages, "PAGE_BYTES", most)
    made = await large_orders(admin, 30)
    found = await pages_of(admin, "/orders", 500)
    assert [order["id"] for page in found for order in page.json()["items"]] == sorted(made)
    assert len(found) > 1
    largest = max(len(page.content) for page in found)
    assert most <= largest < most + pages.PIECE_BYTES


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 20, 25, 26, 500])
@pytest.mark.usefixtures("stocked")
async def test_pages_of_any_length_show_every_order_once(admin: httpx.AsyncClient, limit: int) -> None:
    order = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}
    received = {"sku": "CAFE", "quantity": 25, "reason": "Delivery"}
    assert (await admin.post("/stock/adjustments", json=received)).status_code == 201
    made = [(await admin.post("/orders", json=order)).json() for _ in range(25)]
    found = await pages_of(admin, "/orders", limit)
    shown = [order for page in found for order in page.json()["items"]]
    assert shown == sorted(made, key=lambda one: one["id"])
    assert len(found) == -(-25 // limit)
    assert {page.headers["content-type"] for page in found} == {"application/json"}


async def test_an_empty_list_is_one_page(admin: httpx.AsyncClient) -> None:
    (page,) = await pages_of(admin, "/orders", 500)
    assert page.json() == {"items": [], "next": None}


@pytest.mark.usefixtures("stocked")
async def test_clients_that_do_not_read_keep_no_others_out(shop: Shop, admin: httpx.AsyncClient) -> None:
    (made,) = await large_orders(admin, 1)
    scope = http_scope("GET", "/orders", {"authorization": admin.headers["Authorization"]})

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # the connection takes no more

    stuck = []
    for _ in range(10):
        stuck.append(asyncio.create_task(shop.app({**scope}, receive, send)))
        await asyncio.sleep(0.01)
    page = await admin.get("/orders")
    assert [order["id"] for order in page.json()["items"]] == [made]
    for request in stuck:
        request.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    assert json.loads(page.content)["next"] is None
