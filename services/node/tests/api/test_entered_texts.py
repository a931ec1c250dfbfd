"""What people enter has only characters that can be seen, or that a script or an emoji needs."""

from typing import Any

import httpx
import pytest

from app.api.problems.validation import sentence
from app.domain.product import NewProduct
from app.state.tables import products, users
from tests.api.conftest import OPERADOR_PASSWORD, Shop
from tests.support.branch import ACTOR

pytestmark = pytest.mark.anyio

CUSTOMER = {"code": "BIA", "name": "Bia"}
PRODUCT = {"sku": "TEA", "name": "Tea", "price_cents": 1}
USER = {"username": "bia", "password": OPERADOR_PASSWORD, "role": "operador"}
ORDER = {"customer": "ALFKI", "lines": [{"sku": "CAFE", "quantity": 1}]}
ADJUSTMENT = {"sku": "CAFE", "quantity": 1, "reason": "Found"}
KEYS: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/products", PRODUCT, "sku"),
    ("POST", "/customers", CUSTOMER, "code"),
    ("POST", "/users", USER, "username"),
]
NAMES: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/products", PRODUCT, "name"),
    ("PATCH", "/products/CAFE", {}, "name"),
    *(("POST", "/customers", CUSTOMER, field) for field in ("name", "contact", "phone", "city", "country")),
    *(("PATCH", "/customers/ALFKI", {}, field) for field in ("name", "contact", "phone", "city", "country")),
    ("POST", "/stock/adjustments", ADJUSTMENT, "reason"),
    ("POST", "/orders", ORDER, "note"),
]
"""Every place where people enter a text: method, path, a good body, the field."""

REFUSED = [
    ("\u200bX1", "hidden_character", "U+200B"),
    ("\u200b", "hidden_character", "U+200B"),
    ("\ufeffX1", "hidden_character", "U+FEFF"),
    ("X\u202e1", "bidi_control", "U+202E"),
    ("X1\u2060", "hidden_character", "U+2060"),
    ("X\ufdd0", "not_a_character", "U+FDD0"),
    ("X\x07", "control_character", "U+0007"),
]


def a_place(entry: tuple[str, str, dict[str, Any], str]) -> str:
    return f"{entry[0]} {entry[1]} {entry[3]}"


@pytest.mark.parametrize("entry", [*KEYS, *NAMES], ids=a_place)
@pytest.mark.usefixtures("stocked")
async def test_a_character_that_cannot_be_seen_is_refused_and_named_in_both_languages(
    shop: Shop, admin: httpx.AsyncClient, entry: tuple[str, str, dict[str, Any], str]
) -> None:
    method, path, body, field = entry
    before = await shop.counts()
    for text, reason, character in REFUSED:
        for language in ("en", "pt-BR"):
            headers = {"Accept-Language": language}
            answer = await admin.request(method, path, json={**body, field: text}, headers=headers)
            message = sentence(reason, "pt-BR" if language == "pt-BR" else "en", {"character": character})
            assert answer.json()["errors"] == [
                {"in": "body", "field": field, "reason": reason, "message": message}
            ]
            assert character in message
    assert await shop.counts() == before


@pytest.mark.usefixtures("stocked")
async def test_an_email_address_has_no_hidden_character(admin: httpx.AsyncClient) -> None:
    refused = await admin.post("/customers", json={**CUSTOMER, "email": "bia@\u200bexample.com"})

    assert refused.json()["errors"][0]["reason"] == "hidden_character"


@pytest.mark.parametrize("entry", NAMES, ids=a_place)
@pytest.mark.usefixtures("stocked")
async def test_names_of_the_whole_world_and_joined_emoji_stay(
    admin: httpx.AsyncClient, entry: tuple[str, str, dict[str, Any], str]
) -> None:
    method, path, body, field = entry
    for number, text in enumerate(["São João", "日本 太郎", "می‌خواهم", "ශ්‍රී", "Família 👩‍👩‍👧", "❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿"]):
        keys = {key: f"{value}{number}" for key, value in body.items() if key in ("sku", "code")}
        sent = body if path == "/stock/adjustments" else {**body, **keys}
        answer = await admin.request(method, path, json={**sent, field: text})
        assert answer.status_code in (200, 201), answer.text
        assert answer.json().get(field, text) == text


@pytest.mark.parametrize("key", ["Pão", "КОФЕ-1", "咖啡", "🍵"])
async def test_keys_of_other_scripts_stay(admin: httpx.AsyncClient, key: str) -> None:
    assert (await admin.post("/products", json={**PRODUCT, "sku": key})).status_code == 201
    assert (await admin.get(f"/products/{key}")).json()["sku"] == key


@pytest.mark.usefixtures("stocked")
async def test_what_an_older_version_took_is_read_changed_sold_and_logs_in(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    older = "\u200bX1"
    product = NewProduct(sku=older, name=older, price_cents=1)
    user = users.NewUser(older, "operador", await shop.node.passwords.hash(OPERADOR_PASSWORD))
    await shop.node.database.write(lambda tx: products.create(tx, product, actor=ACTOR))
    await shop.node.database.write(lambda tx: users.create(tx, user, actor=ACTOR))

    operador = await shop.log_in(older, OPERADOR_PASSWORD)
    path = "/products/%E2%80%8BX1"
    read = await operador.get(path)
    changed = await admin.patch(path, json={"price_cents": 2})
    received = await operador.post("/stock/adjustments", json={**ADJUSTMENT, "sku": older})
    sold = await operador.post("/orders", json={**ORDER, "lines": [{"sku": older, "quantity": 1}]})

    assert [answer.status_code for answer in (read, changed, received, sold)] == [200, 200, 201, 201]
    assert (read.json()["sku"], changed.json()["name"]) == (older, older)


@pytest.mark.usefixtures("stocked")
async def test_an_unknown_product_with_a_hidden_character_is_shown_as_it_was_written(
    admin: httpx.AsyncClient,
) -> None:
    refused = await admin.post("/orders", json={**ORDER, "lines": [{"sku": "\u200bCAFE", "quantity": 1}]})

    problem = refused.json()
    assert (problem["code"], problem["keys"]) == ("unknown_sku", ["\u200bCAFE"])
    assert "<U+200B>CAFE" in problem["detail"]
