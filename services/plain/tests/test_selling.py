"""One branch by itself: it sells what it has, and says why it does not."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlmodel import Session, col, select

from plain.database import Audit
from tests.plain_company import PASSWORD, Company

pytestmark = pytest.mark.anyio


async def test_a_branch_sells_what_it_has(alone: Company) -> None:
    await alone.stock("matriz", 5)

    answer = await alone.order("matriz", 2)

    assert answer.status_code == 201
    order = answer.json()
    assert (order["number"], order["status"], order["total_cents"]) == ("MATRIZ-000001", "placed", 3780)
    line = {"sku": "CAFE", "name": "Café", "quantity": 2, "unit_price_cents": 1890}
    assert order["lines"] == [line]
    assert await alone.ask("matriz", "GET", f"/orders/{order['id']}") == order
    assert await alone.units("matriz") == 3


async def test_it_refuses_more_than_there_is_and_sells_none_of_the_order(alone: Company) -> None:
    await alone.stock("matriz", 5)
    await alone.stock("matriz", 1, sku="CHA")

    lines = [{"sku": "CAFE", "quantity": 1}, {"sku": "CHA", "quantity": 2}]
    answer = await alone.call("matriz", "POST", "/orders", json={"customer": "SOL", "lines": lines})

    assert answer.status_code == 409
    refusal = answer.json()
    assert (refusal["code"], refusal["sku"], refusal["wanted"]) == ("out_of_stock", "CHA", 2)
    assert (await alone.units("matriz"), await alone.units("matriz", sku="CHA")) == (5, 1)


async def test_two_lines_of_one_product_are_counted_together(alone: Company) -> None:
    await alone.stock("matriz", 3)

    lines = [{"sku": "CAFE", "quantity": 2}, {"sku": "CAFE", "quantity": 2}]
    answer = await alone.call("matriz", "POST", "/orders", json={"customer": "SOL", "lines": lines})

    assert (answer.status_code, await alone.units("matriz")) == (409, 3)


async def test_of_fifty_buyers_at_once_one_gets_the_last_unit(alone: Company) -> None:
    await alone.stock("matriz", 1)

    answers = await asyncio.gather(*(alone.order("matriz", 1) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
    assert await alone.units("matriz") == 0


async def test_orders_of_the_same_products_in_any_order_do_not_wait_for_each_other_for_ever(
    alone: Company,
) -> None:
    await alone.stock("matriz", 20)
    await alone.stock("matriz", 20, sku="CHA")
    there = [{"sku": "CAFE", "quantity": 1}, {"sku": "CHA", "quantity": 1}]
    bodies = [{"customer": "SOL", "lines": lines} for lines in (there, there[::-1])] * 10

    answers = await asyncio.gather(*(alone.call("matriz", "POST", "/orders", json=body) for body in bodies))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 20


async def test_the_same_key_sells_once(alone: Company) -> None:
    await alone.stock("matriz", 5)

    first, again = await asyncio.gather(*(alone.order("matriz", 2, key="counter-1") for _ in range(2)))

    assert first.json() == again.json()
    assert await alone.units("matriz") == 3


async def test_a_cancelled_order_gives_its_units_back_once(alone: Company) -> None:
    await alone.stock("matriz", 5)
    order = (await alone.order("matriz", 2)).json()

    for _ in range(2):
        cancelled = await alone.ask("matriz", "POST", f"/orders/{order['id']}/cancel")
        assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)

    assert await alone.units("matriz") == 5


async def test_no_more_is_removed_than_there_is(alone: Company) -> None:
    await alone.stock("matriz", 2)

    body = {"sku": "CAFE", "quantity": -3, "reason": "broken"}
    answer = await alone.call("matriz", "POST", "/stock/adjustments", json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    assert await alone.units("matriz") == 2


async def test_what_is_not_known_is_refused_by_name(alone: Company) -> None:
    await alone.stock("matriz", 2)
    nobody = {"customer": "LUA", "lines": [{"sku": "CAFE", "quantity": 1}]}

    unknown = await alone.call("matriz", "POST", "/orders", json=nobody)
    nothing = await alone.order("matriz", 1, sku="CHA")
    nowhere = await alone.call("matriz", "POST", "/orders/no-such/cancel")
    unsaid = await alone.call("matriz", "POST", "/orders", json={"customer": "SOL", "lines": []})
    twice = {"sku": "CAFE", "name": "Café", "price_cents": 1}
    again = await alone.call("matriz", "POST", "/products", json=twice)

    codes = [answer.json()["code"] for answer in (unknown, nothing, nowhere, unsaid, again)]
    assert codes == ["unknown_customer", "unknown_sku", "not_found", "validation", "already_exists"]


async def test_refusals_speak_portuguese_to_who_asks_for_it(alone: Company) -> None:
    headers = {"Accept-Language": "pt-BR"}

    answer = await alone.call("matriz", "GET", "/orders/no-such", headers=headers)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Isso não existe aqui"


async def test_a_list_comes_in_pages(alone: Company) -> None:
    for sku in ("A", "B", "C"):
        await alone.stock("matriz", 1, sku=sku)

    first = await alone.ask("matriz", "GET", "/stock?limit=2")
    second = await alone.ask("matriz", "GET", f"/stock?limit=2&after={first['next']}")

    assert [item["sku"] for item in first["items"] + second["items"]] == ["A", "B", "C"]
    assert second["next"] is None


async def test_who_has_no_token_or_another_role_is_kept_out(alone: Company) -> None:
    await alone.stock("matriz", 1)
    body = {"username": "ana", "password": PASSWORD, "role": "operador"}
    await alone.ask("matriz", "POST", "/users", json=body)
    product = {"sku": "CHA", "name": "Chá", "price_cents": 1}

    without = await alone.call("matriz", "GET", "/orders", headers={"Authorization": "Bearer made.up.token"})
    wrong = {"username": "ana", "password": "wrong"}
    denied = await alone.call("matriz", "POST", "/auth/login", data=wrong)
    await alone.log_in("matriz", "ana", PASSWORD)
    forbidden = await alone.call("matriz", "POST", "/products", json=product)
    listed = await alone.call("matriz", "GET", "/users")
    sold = await alone.order("matriz", 1)

    answers = (without, denied, forbidden, listed, sold)
    assert [answer.status_code for answer in answers] == [401, 401, 403, 403, 201]


async def test_a_token_ends_with_its_time(alone: Company) -> None:
    alone.clock.advance(481 * 60)

    answer = await alone.call("matriz", "GET", "/stock")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_orders_and_adjustments_are_audited(alone: Company) -> None:
    await alone.stock("matriz", 2)
    order = (await alone.order("matriz", 1)).json()
    await alone.ask("matriz", "POST", f"/orders/{order['id']}/cancel")

    def read(session: Session) -> Sequence[Audit]:
        return session.exec(select(Audit).order_by(col(Audit.id))).all()

    entries = await alone.branch("matriz").database.read(read)

    assert [(entry.who, entry.action, entry.entity, entry.detail) for entry in entries] == [
        ("admin", "created", "product", ""),
        ("admin", "created", "customer", ""),
        ("admin", "adjusted", "stock", "+2: delivery"),
        ("admin", "placed", "order", ""),
        ("admin", "cancelled", "order", ""),
    ]


async def test_what_was_sold_is_still_there_after_a_stop(alone: Company) -> None:
    await alone.stock("matriz", 5)
    await alone.order("matriz", 2)

    await alone.kill("matriz")
    await alone.start("matriz")

    assert (await alone.units("matriz"), await alone.sold("matriz")) == (3, 2)
    assert (await alone.call("matriz", "GET", "/readyz")).status_code == 200
