"""What reading costs: how many statements a list takes, and that none reads a whole table that grows."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from app.api import pages
from app.database import Database
from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio

GROWING = "orders|order_lines|events|products|customers|stock|stock_grants|o|l|e|d"
"""Tables that grow with sales, by their names and aliases. The audit is read backwards from its end, and who
administers is looked for among all users. Of parked events and others' words there are few."""

SCAN = re.compile(rf"SCAN (?:{GROWING})\b")


@contextmanager
def statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that reads take meanwhile, each with its values; none reads a growing table whole."""
    said: list[str] = []
    found: list[str] = []
    read = database.read

    async def noted(query: Callable[[sqlite3.Connection], Any], **how: bool) -> Any:
        def traced(connection: sqlite3.Connection) -> Any:
            mine: list[str] = []
            connection.set_trace_callback(mine.append)
            try:
                return query(connection)
            finally:
                connection.set_trace_callback(None)
                said.extend(mine)
                found.extend(plan for one in mine for plan in scans(connection, one))

        return await read(traced, **how)

    with monkeypatch.context() as patch:
        patch.setattr(database, "read", noted)
        yield said
    assert found == []


def scans(connection: sqlite3.Connection, statement: str) -> list[str]:
    """The parts of a statement's plan that read a growing table whole."""
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return [f"{part}: {statement}" for part in plan if SCAN.match(part)]


async def fill(admin: httpx.AsyncClient, count: int, *, first: int = 0) -> None:
    """So many products with stock, each with a customer who buys one of it and of the first."""
    for number in range(first, first + count):
        for path, body in (
            ("/customers", {"code": f"C-{number}", "name": "Somebody"}),
            ("/products", {"sku": f"P-{number}", "name": "Something", "price_cents": 100}),
            ("/stock/adjustments", {"sku": f"P-{number}", "quantity": 1000, "reason": "Delivery"}),
        ):
            assert (await admin.post(path, json=body)).status_code == 201
        lines = [{"sku": f"P-{number}", "quantity": 1}, {"sku": "P-0", "quantity": 1}]
        key = {"Idempotency-Key": f"key-{number}"}
        made = await admin.post("/orders", json={"customer": f"C-{number}", "lines": lines}, headers=key)
        assert made.status_code == 201


MOST = {"/orders": 10, "/stock": 10, "/products": 2, "/customers": 2, "/users": 5, "/audit": 2}


@pytest.mark.parametrize(
    ("path", "most"),
    [
        pytest.param(path, most, marks=[] if path == "/orders" else pytest.mark.whole)
        for path, most in MOST.items()
    ],
)
async def test_a_page_takes_as_many_statements_however_long_it_is(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str, most: int
) -> None:
    await fill(admin, 30)
    counts = []
    for limit in (2, 25):
        with statements(shop.node.database, monkeypatch) as said:
            answer = await admin.get(path, params={"limit": limit})
        assert path == "/users" or len(answer.json()["items"]) == limit
        counts.append(len([one for one in said if "FROM users" not in one or path == "/users"]))
    assert counts[0] == counts[1] <= most


@pytest.mark.parametrize("path", ["/orders", "/stock"])
async def test_entries_of_many_parts_are_read_a_few_at_a_time_and_none_is_left_out(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await fill(admin, 7)
    whole = (await admin.get(path)).json()
    monkeypatch.setattr(f"app.api.{path[1:]}.MOST_PARTS", 4)
    assert (await admin.get(path)).json() == whole
    part = (await admin.get(path, params={"limit": 6})).json()
    assert part["items"] == whole["items"][:6]
    rest = (await admin.get(path, params={"after": part["next"]})).json()
    assert rest == {"items": whole["items"][6:], "next": None}


async def test_the_audits_long_entries_are_read_a_few_at_a_time(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(admin, 3)
    whole = (await admin.get("/audit")).json()
    monkeypatch.setattr("app.api.audit.PAGE_BYTES", 300)
    assert (await admin.get("/audit")).json() == whole


async def test_a_listed_order_is_shown_as_the_order_alone_is(admin: httpx.AsyncClient) -> None:
    await fill(admin, 3)
    for order in (await admin.get("/orders")).json()["items"]:
        assert (await admin.get(f"/orders/{order['id']}")).json() == order


async def test_one_entry_is_found_without_a_scan(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(admin, 2)
    (order, _) = (await admin.get("/orders")).json()["items"]
    for path in (f"/orders/{order['id']}", "/stock/P-0", "/products/P-1", "/customers/C-1"):
        with statements(shop.node.database, monkeypatch) as said:
            assert (await admin.get(path)).status_code == 200
        assert said


async def test_a_status_costs_as_much_however_much_is_sold_and_pending(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(admin, 3)
    assert (await admin.get("/status")).json()["counts"]["orders"] == 3
    counts: list[int] = []
    there = 3
    for more in (1, 12):
        await fill(admin, more, first=there)
        there += more
        with statements(shop.node.database, monkeypatch) as said:
            status = (await admin.get("/status")).json()
        counts.append(len(said))
        assert status["counts"]["orders"] == status["at_risk"] == await rows(shop, "orders")
    assert counts[0] == counts[1]


async def rows(shop: Shop, table: str) -> int:
    return (await shop.counts())[table]


def test_a_page_holds_fewer_parts_than_are_read_at_once() -> None:
    shortest = len('{"sku":"P","name":"P","quantity":1,"unit_price_cents":1},')
    assert pages.MOST_PARTS * shortest < pages.PAGE_BYTES
