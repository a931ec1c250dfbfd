"""Where commands wait for rights: who is tried when, who leaves what to whom, and when waiting ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from random import Random

import pytest

from app.database import Database, Transaction
from app.domain.errors import Fenced, NotReady, OutOfStock
from app.services.rights_broker import RightsBroker
from tests.state.shop import ELSEWHERE, PATIENCE, Shop, furnish
from tests.support.branch import CLUSTER
from tests.support.virtual import InlineExecutor, VirtualClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(new_database: Callable[[], Path]) -> AsyncIterator[Database]:
    made = Database(new_database(), clock=VirtualClock(), random=Random(1), executor=InlineExecutor())
    await made.open(cluster_id=CLUSTER, name="matriz")
    await furnish(made)
    yield made
    await made.close()


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def now() -> float:
    return asyncio.get_running_loop().time()


async def moment() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


async def test_an_order_within_rights_asks_nobody(shop: Shop) -> None:
    await shop.receive(5)
    await shop.buy(5)
    assert shop.asker.asked == []


async def test_a_short_order_waits_for_the_round_that_brings_its_rights(shop: Shop) -> None:
    shop.asker.rounds = [shop.bring(5)]
    await shop.buy(5)
    assert len(shop.asker.asked) == 1


async def test_without_a_way_to_the_peers_a_short_order_is_refused_at_once(database: Database) -> None:
    shop = Shop(database)
    shop.broker = RightsBroker(
        database,
        waiting=shop.waiting,
        clock=VirtualClock(),
        policy="escrow",
        patience=PATIENCE,
        may_sell=lambda: None,
        lives_heard_from=list,
    )
    with pytest.raises(OutOfStock):
        await shop.buy(1)
    assert now() < PATIENCE


async def test_when_all_were_asked_and_nothing_moved_the_order_is_refused_early(shop: Shop) -> None:
    shop.asker.rounds = [shop.bring(0, enough=False)]
    with pytest.raises(OutOfStock):
        await shop.buy(5)
    assert (len(shop.asker.asked), now() < PATIENCE) == (1, True)


async def test_as_long_as_rights_move_another_round_is_tried(shop: Shop) -> None:
    shop.asker.rounds = [
        shop.bring(2, enough=False),
        shop.bring(2, enough=False),
        shop.bring(1, enough=False),
    ]
    await shop.buy(5)
    assert len(shop.asker.asked) == 3


async def test_waiting_ends_with_the_patience(shop: Shop) -> None:
    began = now()
    with pytest.raises(OutOfStock):
        await shop.buy(5)
    assert PATIENCE <= now() - began < PATIENCE + 0.01


async def test_newcomers_leave_what_older_orders_wait_for(shop: Shop) -> None:
    await shop.receive(3)
    old = shop.buy(5)
    await moment()
    young = shop.buy(2)
    await moment()
    assert not young.done()
    await shop.receive(2)
    shop.asker.rounds = [shop.bring(0, enough=False)]
    assert await old  # the patience of its round ends, and it finds what it needs
    with pytest.raises(OutOfStock):
        await young


async def test_newcomers_take_what_older_orders_leave(shop: Shop) -> None:
    await shop.receive(3)
    old = shop.buy(5)
    await moment()
    await shop.receive(4)
    await shop.buy(2)
    assert not old.done()
    await old


async def test_who_waits_behind_older_orders_goes_on_when_they_end(shop: Shop) -> None:
    await shop.receive(3)
    old = shop.buy(5)
    await moment()
    young = shop.buy(3)
    await moment()
    old.cancel()
    await moment()
    assert young.done()
    assert (shop.asker.asked, shop.waiting.reserved(before=None)) == (shop.asker.asked[:1], {})


async def test_other_products_are_not_held_up(shop: Shop) -> None:
    await shop.receive(3)
    waiting = shop.buy(5)
    await moment()
    await shop.receive(1, sku="beans")
    await shop.buy(1, sku="beans")
    assert not waiting.done()
    waiting.cancel()


async def test_an_order_for_more_than_the_company_has_holds_nobody_up(shop: Shop) -> None:
    await shop.receive(3)
    impossible = [shop.buy(ELSEWHERE + 4) for _ in range(4)]
    await moment()
    began = now()
    await shop.buy(3)
    assert now() == began
    for order in impossible:
        with pytest.raises(OutOfStock):
            await order


async def test_an_order_for_more_than_can_be_reached_holds_nobody_up(shop: Shop) -> None:
    """The peer that has the units was not heard from lately."""
    await shop.receive(3)
    shop.heard_from.clear()
    unreachable = shop.buy(4)
    await moment()
    began = now()
    await shop.buy(3)
    assert now() == began
    unreachable.cancel()


async def test_an_order_that_one_product_makes_impossible_holds_up_none_of_its_others(shop: Shop) -> None:
    await shop.receive(3)
    impossible = shop.buy(2, sku="rice", beside=("beans", 1))
    await moment()
    began = now()
    await shop.buy(3)
    assert now() == began
    impossible.cancel()


async def test_a_retry_with_the_same_key_keeps_its_place(shop: Shop) -> None:
    shop.asker.rounds = [shop.bring(0, enough=False)]
    with pytest.raises(OutOfStock):
        await shop.buy(1, key="k")
    later = shop.buy(2)
    await moment()
    await shop.receive(1)
    newcomer = shop.buy(1)
    await moment()
    assert not newcomer.done()  # behind the one that waits
    assert await shop.buy(1, key="k")  # which is younger than this one's first attempt
    for task in (later, newcomer):
        task.cancel()


async def test_what_arrives_by_replication_wakes_who_waits_behind(shop: Shop) -> None:
    await shop.receive(3)
    old = shop.buy(5)
    await moment()
    young = shop.buy(3)
    await moment()
    await shop.receive(5)
    await moment()
    assert young.done()  # five are left to the older one
    assert not old.done()
    await old


async def test_nothing_waits_under_the_optimistic_policy(database: Database) -> None:
    shop = Shop(database, policy="optimistic")
    with pytest.raises(OutOfStock):
        await shop.buy(ELSEWHERE + 1)
    assert shop.asker.asked == []


async def test_a_node_that_must_not_sell_submits_nothing(shop: Shop) -> None:
    await shop.receive(1)
    shop.refusal = NotReady("rebuilding")
    with pytest.raises(NotReady):
        await shop.buy(1)
    shop.refusal = None
    await shop.buy(1)


async def test_a_node_that_must_not_sell_any_more_refuses_who_waits(shop: Shop) -> None:
    """A peer may end its life, or fence it, with the very answer that brings the rights."""

    async def fenced() -> bool:
        await shop.receive(1)
        shop.refusal = Fenced("a peer knows more")
        return False

    shop.asker.rounds = [fenced]
    with pytest.raises(Fenced):
        await shop.buy(1)


async def test_another_refusal_than_want_of_rights_is_not_waited_for(shop: Shop) -> None:
    def refused(_tx: Transaction, _reserved: Mapping[str, int]) -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError):
        await shop.broker.settle(refused)
    assert now() < PATIENCE
