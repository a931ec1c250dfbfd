"""Where the plain design loses, by design. The lesson shows each of these, and what prevents it."""

import pytest

from tests.plain_company import Company

pytestmark = pytest.mark.anyio


async def test_two_nodes_that_sell_at_once_sell_the_last_unit_twice(two: Company) -> None:
    await two.stock("matriz", 1)
    await two.quiet()
    two.links.cut |= {"matriz", "norte"}

    answers = [await two.order(name, 1) for name in ("matriz", "norte")]
    await two.quiet()
    await two.heal()

    assert [answer.status_code for answer in answers] == [201, 201]
    assert [await two.sold(name) for name in ("matriz", "norte")] == [2, 2], "of one unit"


async def test_a_newer_version_overwrites_a_sale_and_its_units_come_back(two: Company) -> None:
    await two.stock("matriz", 10)
    await two.quiet()
    two.links.cut |= {"matriz", "norte"}

    await two.order("matriz", 3)
    await two.order("norte", 1)
    await two.quiet()
    await two.heal()

    assert [await two.sold(name) for name in ("matriz", "norte")] == [4, 4]
    assert [await two.units(name) for name in ("matriz", "norte")] == [9, 9], "6 are left on the shelves"


async def test_a_node_that_is_killed_loses_its_queue(two: Company) -> None:
    await two.stock("matriz", 5)
    await two.quiet()
    two.links.cut.add("norte")
    order = (await two.order("matriz", 2)).json()
    await two.quiet()

    await two.kill("matriz")
    await two.start("matriz", "norte")
    await two.heal()

    status = await two.ask("matriz", "GET", "/status")
    assert status["pending"] == {"norte": 0}, "it says that all is sent"
    assert (await two.call("norte", "GET", f"/orders/{order['id']}")).status_code == 404
    assert [await two.units(name) for name in ("matriz", "norte")] == [3, 5]


async def test_a_token_read_on_the_wire_forges_an_event(two: Company) -> None:
    await two.stock("matriz", 5)
    await two.quiet()
    read_on_the_wire = two.links.seen[0].headers["X-Replica-Token"]

    row = {"id": "CAFE", "sku": "CAFE", "received": 1_000_000, "versao": 10**9, "origem": "nobody"}
    event = {"origin": "nobody", "kind": "stock_update", "rows": {"Stock": [row]}}
    headers = {"X-Replica-Token": read_on_the_wire}
    answer = await two.call("norte", "POST", "/replica/event", json=event, headers=headers)

    assert answer.status_code == 200
    assert await two.units("norte") == 1_000_000


async def test_a_wiped_volume_loses_an_acknowledged_order_and_sells_its_unit_twice(two: Company) -> None:
    await two.stock("matriz", 1)
    await two.quiet()
    two.links.cut.add("norte")
    first = await two.order("matriz", 1)
    await two.quiet()

    await two.kill("matriz")
    two.wipe("matriz")
    await two.start("matriz", "norte")
    await two.heal()
    again = await two.order("norte", 1)
    await two.quiet()

    assert [answer.status_code for answer in (first, again)] == [201, 201]
    assert [await two.sold(name) for name in ("matriz", "norte")] == [1, 1], "nobody knows of the first one"


async def test_a_wiped_node_sells_again_what_a_peer_still_counts(two: Company) -> None:
    await two.stock("matriz", 1)
    await two.quiet()
    two.links.cut.add("norte")
    await two.order("matriz", 1)
    await two.quiet()

    await two.kill("matriz")
    two.wipe("matriz")
    await two.start("matriz", "norte")
    await two.heal()
    await two.receive("norte", 1)
    await two.quiet()
    await two.ask("matriz", "POST", "/customers", json={"code": "SOL", "name": "Padaria do Sol"})
    again = await two.order("matriz", 2)

    assert again.status_code == 201, "3 of 2 units are sold"


async def test_a_peer_that_never_takes_an_event_blocks_all_later_ones(two: Company) -> None:
    two.links.answers["norte"] = [422] * 10
    await two.stock("matriz", 5)
    await two.quiet()
    for _ in range(5):
        await two.retry()

    assert (await two.ask("matriz", "GET", "/status"))["pending"] == {"norte": 3}
