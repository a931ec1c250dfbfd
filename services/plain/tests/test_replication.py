"""Two branches: what one does, the other learns, in order, and until it has answered 2xx."""

import json

import pytest

from tests.plain_company import SECRET, Company

pytestmark = pytest.mark.anyio


async def test_an_order_reaches_the_other_branch_with_its_stock(two: Company) -> None:
    await two.stock("matriz", 5)
    order = (await two.order("matriz", 2)).json()
    await two.quiet()

    assert await two.ask("norte", "GET", f"/orders/{order['id']}") == order
    assert await two.units("norte") == 3
    there, here = [await two.ask(name, "GET", "/status") for name in ("matriz", "norte")]
    assert there["digest"] == here["digest"]
    assert (there["pending"], here["pending"]) == ({"norte": 0}, {"matriz": 0})


async def test_a_user_made_at_one_branch_logs_in_at_the_other(two: Company) -> None:
    body = {"username": "ana", "password": "another long one", "role": "operador"}
    await two.ask("matriz", "POST", "/users", json=body)
    await two.quiet()

    await two.log_in("norte", "ana", "another long one")

    assert (await two.call("norte", "GET", "/users")).status_code == 403


async def test_both_branches_may_sell_one_after_the_other(two: Company) -> None:
    await two.stock("matriz", 2)
    for name in ("norte", "matriz"):
        await two.quiet()
        assert (await two.order(name, 1)).status_code == 201
    await two.quiet()

    assert (await two.order("norte", 1)).status_code == 409
    assert [await two.units(name) for name in ("matriz", "norte")] == [0, 0]


async def test_pending_grows_while_a_peer_is_away_and_drains_in_order(two: Company) -> None:
    two.links.cut.add("norte")
    await two.stock("matriz", 5)
    for _ in range(3):
        await two.order("matriz", 1)
    await two.quiet()

    away = await two.ask("matriz", "GET", "/status")
    assert away["pending"] == {"norte": 6}
    assert (away["peers"]["norte"]["state"], away["peers"]["norte"]["last_error"]) == (
        "backing_off",
        "refused",
    )

    two.links.seen.clear()
    await two.heal()

    sent = [json.loads(request.content)["kind"] for request in two.links.seen]
    assert sent == ["product_upserted", "customer_upserted", "stock_update"] + ["order_created"] * 3
    assert (await two.ask("matriz", "GET", "/status"))["pending"] == {"norte": 0}
    assert await two.units("norte") == 2


async def test_an_event_is_sent_again_until_a_2xx_and_none_overtakes_it(two: Company) -> None:
    two.links.answers["norte"] = [503, 404, 307]
    await two.stock("matriz", 5)
    await two.quiet()
    for _ in range(3):
        await two.retry()

    kinds = [json.loads(request.content)["kind"] for request in two.links.seen]
    assert kinds == ["product_upserted"] * 4 + ["customer_upserted", "stock_update"]
    assert await two.units("norte") == 5


async def test_the_other_branch_cannot_cancel_an_order(two: Company) -> None:
    await two.stock("matriz", 5)
    order = (await two.order("matriz", 2)).json()
    await two.quiet()

    answer = await two.call("norte", "POST", f"/orders/{order['id']}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "other_branch")


def _stock(units: int, *, versao: int, origem: str = "norte") -> dict[str, object]:
    row = {"id": "CAFE", "sku": "CAFE", "received": units, "versao": versao, "origem": origem}
    return {"origin": origem, "kind": "stock_update", "rows": {"Stock": [row]}}


@pytest.mark.parametrize(
    ("versao", "origem", "units"),
    [(1, "norte", 5), (2, "ana", 5), (2, "norte", 9), (3, "ana", 9)],
    ids=["older", "equal, of an earlier name", "equal, of a later name", "newer"],
)
async def test_the_newer_versao_wins(alone: Company, versao: int, origem: str, units: int) -> None:
    await alone.stock("matriz", 5)  # versao 2 of matriz

    body, headers = _stock(9, versao=versao, origem=origem), {"X-Replica-Token": SECRET}
    await alone.ask("matriz", "POST", "/replica/event", json=body, headers=headers)

    assert await alone.units("matriz") == units


@pytest.mark.parametrize("token", [None, "", "x" * 32, "ção"])
async def test_an_event_without_the_replica_token_is_refused(alone: Company, token: str | None) -> None:
    await alone.stock("matriz", 5)

    headers = {} if token is None else {"X-Replica-Token": token.encode()}
    answer = await alone.call("matriz", "POST", "/replica/event", json=_stock(9, versao=9), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "replica_token_refused")
    assert await alone.units("matriz") == 5


async def test_a_snapshot_that_is_no_row_is_refused_whole(alone: Company) -> None:
    await alone.stock("matriz", 5)
    body = _stock(9, versao=9) | {"rows": {"Stock": [{"id": "CAFE"}]}}

    headers = {"X-Replica-Token": SECRET}
    answer = await alone.call("matriz", "POST", "/replica/event", json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
