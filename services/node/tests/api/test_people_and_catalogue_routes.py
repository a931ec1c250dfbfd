"""/users, /customers and /products."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import ADMIN_PASSWORD, OPERADOR_PASSWORD, Shop

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse"


def errors(answer: httpx.Response) -> list[tuple[str, str]]:
    """The fields of a validation problem, with their reasons."""
    assert answer.status_code == 422, answer.text
    return [(error["field"], error["reason"]) for error in answer.json()["errors"]]


async def test_an_admin_creates_a_user_who_can_log_in(shop: Shop, admin: httpx.AsyncClient) -> None:
    user = {"username": " Bia ", "password": PASSWORD, "role": "operador"}
    made = await admin.post("/users", json=user)
    assert made.status_code == 201
    expected = {"id": made.json()["id"], "username": "Bia", "role": "operador", "active": True}
    assert made.json() == expected
    assert (await admin.get(f"/users/{expected['id']}")).json() == expected
    await shop.log_in("bia", PASSWORD)


async def test_a_username_is_taken_in_every_spelling(admin: httpx.AsyncClient) -> None:
    again = await admin.post("/users", json={"username": "ADMIN", "password": PASSWORD, "role": "admin"})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_a_reset_password_is_the_only_one_that_counts(
    shop: Shop, admin: httpx.AsyncClient, operador: httpx.AsyncClient
) -> None:
    user_id = (await operador.get("/auth/me")).json()["id"]
    assert (await admin.post(f"/users/{user_id}/password", json={"password": PASSWORD})).status_code == 200
    assert (await operador.get("/auth/me")).status_code == 401
    await shop.log_in("ana", PASSWORD)
    old = await shop.client().post("/auth/login", data={"username": "ana", "password": OPERADOR_PASSWORD})
    assert old.status_code == 401


async def test_the_last_administrator_can_neither_go_nor_step_down(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    path = f"/users/{(await admin.get('/auth/me')).json()['id']}"
    before = await shop.counts()
    for change in ({"active": False}, {"role": "operador"}):
        answer = await admin.patch(path, json=change)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert await shop.counts() == before
    await shop.log_in("admin", ADMIN_PASSWORD)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("username", "missing"), ("password", "missing"), ("role", "missing")]),
        ({"username": "bia", "password": PASSWORD, "role": "owner"}, [("role", "not_one_of")]),
        ({"username": " ", "password": PASSWORD, "role": "admin"}, [("username", "blank")]),
        ({"username": "b" * 65, "password": PASSWORD, "role": "admin"}, [("username", "too_long")]),
        ({"username": "b\n", "password": "x", "role": "admin"}, [("password", "password_too_short")]),
        ({"username": "b\nc", "password": PASSWORD, "role": "admin"}, [("username", "control_character")]),
        ({"username": "b", "password": 7, "role": "admin"}, [("password", "not_a_text")]),
        ({"username": "b", "password": PASSWORD, "role": "admin", "x": 1}, [("x", "unknown_field")]),
        ([], [("", "not_an_object")]),
        (None, [("", "missing")]),
    ],
)
async def test_a_user_that_does_not_fit_is_refused_with_every_reason(
    admin: httpx.AsyncClient, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert errors(await admin.post("/users", json=body)) == expected


async def test_a_customer_is_found_by_id_and_by_code_in_any_spelling(admin: httpx.AsyncClient) -> None:
    body = {"code": "ALFKI", "name": " Alfreds ", "email": "maria@example.com", "city": " "}
    made = (await admin.post("/customers", json=body)).json()
    expected = {
        "id": made["id"],
        "code": "ALFKI",
        "name": "Alfreds",
        "contact": None,
        "email": "maria@example.com",
        "phone": None,
        "city": None,
        "country": None,
    }
    assert made == expected
    for reference in (made["id"], "ALFKI", "alfki"):
        assert (await admin.get(f"/customers/{reference}")).json() == expected


async def test_only_what_is_sent_of_a_customer_changes_and_null_removes(admin: httpx.AsyncClient) -> None:
    body = {"code": "ALFKI", "name": "Alfreds", "email": "maria@example.com", "city": "Berlin"}
    await admin.post("/customers", json=body)
    changed = (await admin.patch("/customers/alfki", json={"email": None, "country": "Germany"})).json()
    assert (changed["name"], changed["email"], changed["city"], changed["country"]) == (
        "Alfreds",
        None,
        "Berlin",
        "Germany",
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("", "nothing_to_change")]),
        ({"name": None}, [("name", "not_a_text")]),
        ({"email": "nowhere"}, [("email", "not_an_email")]),
        ({"email": "x" * 250 + "@y.z"}, []),
        ({"email": "x" * 251 + "@y.z"}, [("email", "too_long")]),
        ({"city": "x" * 98 + "  "}, []),
        ({"city": "x" * 98 + "   "}, [("city", "too_long")]),
        ({"phone": "\x07"}, [("phone", "control_character")]),
        ({"code": "OTHER"}, [("code", "unknown_field")]),
    ],
)
async def test_a_change_of_a_customer_fits_or_says_why(
    admin: httpx.AsyncClient, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    await admin.post("/customers", json={"code": "ALFKI", "name": "Alfreds"})
    answer = await admin.patch("/customers/alfki", json=change)
    assert (errors(answer) if expected else answer.status_code) == (expected or 200)


@pytest.mark.parametrize("sku", ["TS-M/L", "a b", "100%", "Ñandú?#", "🍵", "..%2f"])
async def test_a_product_with_an_awkward_sku_is_found_by_it(admin: httpx.AsyncClient, sku: str) -> None:
    made = await admin.post("/products", json={"sku": sku, "name": "Odd", "price_cents": 0})
    assert made.status_code == 201
    path = "/products/" + "".join(f"%{byte:02X}" for byte in sku.encode())
    assert (await admin.get(path)).json() == made.json()


async def test_a_changed_price_is_the_price_from_then_on(admin: httpx.AsyncClient) -> None:
    await admin.post("/products", json={"sku": "CAFE", "name": "Café", "price_cents": 1890})
    changed = await admin.patch("/products/cafe", json={"price_cents": 1990})
    assert (changed.json()["price_cents"], changed.json()["name"]) == (1990, "Café")


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (-1, "too_small"),
        (10**12 + 1, "too_large"),
        (10**30, "too_large"),
        (1.5, "not_an_integer"),
        (1e30, "too_large"),
        ("1", "not_an_integer"),
        (True, "not_an_integer"),
        (None, "not_an_integer"),
        ([], "not_an_integer"),
    ],
)
async def test_a_price_is_cents_in_bounds(admin: httpx.AsyncClient, price: Any, reason: str) -> None:
    answer = await admin.post("/products", json={"sku": "CAFE", "name": "Café", "price_cents": price})
    assert errors(answer) == [("price_cents", reason)]


async def test_a_whole_number_is_an_integer_however_json_writes_it(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/products", json={"sku": "CAFE", "name": "Café", "price_cents": 1890.0})
    assert (answer.status_code, answer.text.count("1890.0"), answer.json()["price_cents"]) == (201, 0, 1890)


@pytest.mark.parametrize("resource", ["customers", "products", "users"])
async def test_pages_hold_everything_once_in_order_of_id(admin: httpx.AsyncClient, resource: str) -> None:
    bodies: dict[str, Any] = {
        "customers": lambda n: {"code": f"C{n}", "name": "x"},
        "products": lambda n: {"sku": f"P{n}", "name": "x", "price_cents": n},
        "users": lambda n: {"username": f"u{n}", "password": PASSWORD, "role": "operador"},
    }
    for number in range(7):
        assert (await admin.post(f"/{resource}", json=bodies[resource](number))).status_code == 201
    everything = (await admin.get(f"/{resource}")).json()
    assert everything["next"] is None
    paged: list[Any] = []
    after: str | None = ""
    while after is not None:
        query = {"limit": "3", "after": after} if after else {"limit": "3"}
        page = (await admin.get(f"/{resource}", params=query)).json()
        assert len(page["items"]) <= 3
        paged += page["items"]
        after = page["next"]
    assert paged == everything["items"]
    assert paged == sorted(paged, key=lambda item: str(item["id"]))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", [("limit", "too_small")]),
        ("limit=501", [("limit", "too_large")]),
        ("limit=" + "9" * 5000, [("limit", "out_of_range")]),
        ("limit=ten", [("limit", "not_an_integer")]),
        ("after=!", [("after", "bad_cursor")]),
        ("after=", [("after", "bad_cursor")]),
        ("after=AAAA", [("after", "bad_cursor")]),
        ("after=%ED%A0%80", [("after", "bad_cursor")]),
        ("after=" + "a" * 201, [("after", "too_long")]),
        ("offset=3", [("offset", "unknown_field")]),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    admin: httpx.AsyncClient, query: str, expected: list[tuple[str, str]]
) -> None:
    assert errors(await admin.get(f"/products?{query}")) == expected
