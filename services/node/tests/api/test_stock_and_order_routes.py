"""/stock, /orders and /audit."""

from dataclasses import fields
from typing import Any

import httpx
import pytest

from app.state.tables import orders, stock_views
from tests.api.conftest import Shop

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stocked")]

ORDER: dict[str, Any] = {"customer": "alfki", "lines": [{"sku": "cafe", "quantity": 2}], "note": " By noon "}


def errors(answer: httpx.Response) -> list[tuple[str, str]]:
    """The fields of a validation problem, with their reasons."""
    assert answer.status_code == 422, answer.text
    return [(error["field"], error["reason"]) for error in answer.json()["errors"]]


async def test_an_order_is_priced_by_the_catalogue_and_read_back_as_it_was_answered(
    operador: httpx.AsyncClient,
) -> None:
    placed = await operador.post("/orders", json=ORDER)
    assert placed.status_code == 201
    order = placed.json()
    assert order["lines"] == [{"sku": "CAFE", "name": "Café 500 g", "quantity": 2, "unit_price_cents": 1890}]
    assert (order["total_cents"], order["status"], order["note"], order["branch"]) == (
        3780,
        "placed",
        "By noon",
        "matriz",
    )
    assert (order["customer"]["code"], order["customer"]["name"]) == ("ALFKI", "Alfreds Futterkiste")
    assert (await operador.get(f"/orders/{order['id']}")).json() == order
    assert (await operador.get("/orders")).json() == {"items": [order], "next": None}


async def test_the_same_key_and_body_is_the_same_order_and_sells_once(operador: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "visit-7"}
    first = await operador.post("/orders", json=ORDER, headers=key)
    respelled = {**ORDER, "note": "By noon"}  # the same once it is stripped
    again = await operador.post("/orders", json=respelled, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await operador.get("/stock/cafe")).json()["available"] == 8


async def test_the_same_key_with_another_body_is_refused(operador: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    await operador.post("/orders", json=ORDER, headers=key)
    other = await operador.post("/orders", json={**ORDER, "note": "At noon"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize("key", ["", "k" * 201, "a b", "é", "a\tb"])
async def test_a_key_is_up_to_200_visible_ascii_characters(operador: httpx.AsyncClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode())]
    answer = await operador.post("/orders", json=ORDER, headers=headers)
    assert [field for field, _ in errors(answer)] == ["Idempotency-Key"]


async def test_an_order_beyond_the_stock_says_what_there_is(shop: Shop, operador: httpx.AsyncClient) -> None:
    before = await shop.counts()
    answer = await operador.post("/orders", json={**ORDER, "lines": [{"sku": "CAFE", "quantity": 11}]})
    assert answer.status_code == 409
    problem = answer.json()
    expected = {"sku": "CAFE", "wanted": 11, "available_here": 10, "available_company": 10}
    assert problem["code"] == "out_of_stock"
    assert {name: problem[name] for name in expected} == expected
    assert problem["shortages"] == [expected]
    assert await shop.counts() == before


@pytest.mark.parametrize(
    ("change", "code", "keys"),
    [
        ({"customer": "NOBODY"}, "unknown_customer", ["NOBODY"]),
        (
            {"lines": [{"sku": s, "quantity": 1} for s in ("TEA", "CAFE", "MATE")]},
            "unknown_sku",
            ["MATE", "TEA"],
        ),
    ],
)
async def test_an_unknown_customer_or_product_is_named(
    shop: Shop, operador: httpx.AsyncClient, change: dict[str, Any], code: str, keys: list[str]
) -> None:
    before = await shop.counts()
    answer = await operador.post("/orders", json={**ORDER, **change})
    assert (answer.status_code, answer.json()["code"], answer.json()["keys"]) == (422, code, keys)
    assert await shop.counts() == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lines": []}, [("lines", "too_few")]),
        ({"lines": [{"sku": "CAFE", "quantity": 1}] * 1001}, [("lines", "too_many")]),
        ({"lines": [{"sku": "CAFE", "quantity": 0}]}, [("lines[0].quantity", "too_small")]),
        ({"lines": [{"sku": "CAFE", "quantity": -1}]}, [("lines[0].quantity", "too_small")]),
        ({"lines": [{"sku": "CAFE", "quantity": 1_000_001}]}, [("lines[0].quantity", "too_large")]),
        ({"lines": [{"sku": "CAFE", "quantity": 2**64}]}, [("lines[0].quantity", "too_large")]),
        ({"lines": [{"sku": "CAFE", "quantity": 1.5}]}, [("lines[0].quantity", "not_an_integer")]),
        ({"lines": [{"sku": "CAFE", "quantity": "2"}]}, [("lines[0].quantity", "not_an_integer")]),
        ({"lines": [{"sku": "CAFE", "quantity": True}]}, [("lines[0].quantity", "not_an_integer")]),
        ({"lines": [{"sku": "CAFE"}]}, [("lines[0].quantity", "missing")]),
        ({"lines": [{"sku": "", "quantity": 1}]}, [("lines[0].sku", "blank")]),
        (
            {"lines": [{"sku": "CAFE", "quantity": 1, "price": 1}]},
            [("lines[0].price", "unknown_field")],
        ),
        ({"lines": "CAFE"}, [("lines", "not_a_list")]),
        ({"lines": None}, [("lines", "not_a_list")]),
        ({"customer": 7}, [("customer", "not_a_text")]),
        ({"note": "x" * 1001}, [("note", "too_long")]),
        ({"note": "\0"}, [("note", "control_character")]),
        ({"total_cents": 1}, [("total_cents", "unknown_field")]),
    ],
)
async def test_an_order_that_does_not_fit_is_refused_with_its_reasons(
    shop: Shop, operador: httpx.AsyncClient, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    before = await shop.counts()
    assert errors(await operador.post("/orders", json={**ORDER, **change})) == expected
    assert await shop.counts() == before


async def test_no_field_of_a_view_is_lost_on_its_way_out(shop: Shop, operador: httpx.AsyncClient) -> None:
    """A response model drops what it does not know, in silence."""
    order = (await operador.post("/orders", json=ORDER)).json()
    view = await shop.node.database.read(lambda connection: orders.view(connection, order["id"]))
    assert order.keys() == {field.name for field in fields(view)}
    plain = {name: value for name, value in order.items() if name not in ("customer", "lines")}
    assert plain == {name: getattr(view, name) for name in plain}
    stock = await shop.node.database.read(lambda connection: stock_views.stock_view(connection, "cafe"))
    shown = (await operador.get("/stock/cafe")).json()
    assert shown.keys() == {field.name for field in fields(stock)}
    rows = [row.as_json() for row in stock.rows]
    assert shown["rows"] == [{name: row[name] for name in row if name != "product_id"} for row in rows]


async def test_a_cancelled_order_gives_its_units_back_once(operador: httpx.AsyncClient) -> None:
    order = (await operador.post("/orders", json=ORDER)).json()
    for _ in range(2):
        cancelled = await operador.post(f"/orders/{order['id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await operador.get("/stock/cafe")).json()["available"] == 10


async def test_a_removal_takes_from_the_stock_and_never_more_than_there_is(
    operador: httpx.AsyncClient,
) -> None:
    removed = await operador.post(
        "/stock/adjustments", json={"sku": "cafe", "quantity": -4, "reason": "Broken bags"}
    )
    assert (removed.status_code, removed.json()["available"]) == (201, 6)
    too_many = await operador.post(
        "/stock/adjustments", json={"sku": "cafe", "quantity": -7, "reason": "Broken bags"}
    )
    assert (too_many.status_code, too_many.json()["code"]) == (409, "out_of_stock")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": 0}, [("quantity", "zero")]),
        ({"quantity": 1_000_001}, [("quantity", "too_large")]),
        ({"quantity": -1_000_001}, [("quantity", "too_small")]),
        ({"quantity": 1.5}, [("quantity", "not_an_integer")]),
        ({"reason": " "}, [("reason", "blank")]),
        ({"reason": "x" * 201}, [("reason", "too_long")]),
        ({"share": "fairly"}, [("share", "not_one_of")]),
        ({"branch": "matriz"}, [("branch", "unknown_field")]),
    ],
)
async def test_an_adjustment_that_does_not_fit_is_refused_with_its_reasons(
    shop: Shop, operador: httpx.AsyncClient, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    before = await shop.counts()
    body = {"sku": "CAFE", "quantity": 1, "reason": "Found", **change}
    assert errors(await operador.post("/stock/adjustments", json=body)) == expected
    assert await shop.counts() == before


async def test_an_adjustment_of_an_unknown_product_names_it(operador: httpx.AsyncClient) -> None:
    body = {"sku": "TEA", "quantity": 1, "reason": "Found"}
    answer = await operador.post("/stock/adjustments", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["keys"]) == (422, "unknown_sku", ["TEA"])


async def test_the_audit_says_who_did_what_in_which_request(
    admin: httpx.AsyncClient, operador: httpx.AsyncClient
) -> None:
    order = (await operador.post("/orders", json=ORDER, headers={"X-Request-Id": "visit-7"})).json()
    (entry,) = (await admin.get("/audit", params={"entity": "order", "user": "ana"})).json()["items"]
    assert (entry["actor_name"], entry["action"], entry["entity_id"], entry["request_id"]) == (
        "ana",
        "placed",
        order["id"],
        "visit-7",
    )
    assert (entry["before"], entry["after"]["total_cents"], entry["origin"]) == (None, 3780, "matriz")


@pytest.mark.parametrize(
    ("query", "entities"),
    [
        ({"entity": "product"}, ["product"]),
        ({"action": "adjusted"}, ["stock"]),
        ({"user": "matriz"}, ["user"]),  # founding was done by the node itself
        ({"user": "nobody"}, []),
        ({"until": "2001-01-01T00:00:00Z"}, []),
        ({"since": "2001-01-01T00:00:00+03:00"}, ["stock", "product", "customer", "user"]),
    ],
)
async def test_the_audit_is_filtered_newest_first(
    admin: httpx.AsyncClient, query: dict[str, str], entities: list[str]
) -> None:
    found = (await admin.get("/audit", params=query)).json()["items"]
    assert [entry["entity"] for entry in found] == entities


async def test_the_audit_is_paged(admin: httpx.AsyncClient) -> None:
    first = (await admin.get("/audit", params={"limit": "3"})).json()
    rest = (await admin.get("/audit", params={"limit": "3", "after": first["next"]})).json()
    assert rest["next"] is None
    everything = (await admin.get("/audit")).json()["items"]
    assert first["items"] + rest["items"] == everything


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("since=yesterday", [("since", "not_a_time")]),
        ("since=2026-11-23T22:01:00", [("since", "time_without_zone")]),
        ("since=1795471260", [("since", "not_a_time")]),
        ("after=YWJj", [("after", "bad_cursor")]),  # a cursor of another list
        ("entity=", [("entity", "blank")]),
    ],
)
async def test_an_audit_filter_that_cannot_be_is_refused(
    admin: httpx.AsyncClient, query: str, expected: list[tuple[str, str]]
) -> None:
    assert errors(await admin.get(f"/audit?{query}")) == expected
