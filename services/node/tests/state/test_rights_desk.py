"""Where commands wait for rights: who is tried when, who leaves what to whom, and when waiting ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.database import Database, Transaction
from app.domain.errors import Fenced, NotReady, OutOfStock
from app.domain.waiting import WaitingList
from app.services.rights_broker import RightsBroker
from app.state.commands import order_commands
from app.state.commands.order_commands import Adjustment, PlaceOrder, Policy
from app.state.tables import customers, products
from tests.support.branch import ACTOR, CLUSTER
from tests.support.virtual import InlineExecutor, VirtualClock

pytestmark = pytest.mark.anyio

PATIENCE = 0.5


class ScriptedAsker:
    """An Asker whose rounds do what the test says, one after the other; then nothing, for ever."""

    def __init__(self) -> None:
        self.rounds: list[Callable[[], Awaitable[bool]]] = []
        self.asked: list[str] = []

    async def ask(self, product_id: str) -> bool:
        self.asked.append(product_id)
        if not self.rounds:
            await asyncio.Event().wait()
        return await self.rounds.pop(0)()


class Desk:
    """A rights desk over a real database that knows a customer and two products, none in stock."""

    def __init__(self, database: Database, *, policy: Policy = "escrow") -> None:
        self.database = database
        self.asker = ScriptedAsker()
        self.waiting = WaitingList()
        self.refusal: Exception | None = None
        self.desk = RightsBroker(
            database,
            waiting=self.waiting,
            clock=VirtualClock(),
            policy=policy,
            patience=PATIENCE,
            may_sell=self._may_sell,
        )
        self.desk.use(self.asker)
        self._policy = policy

    def _may_sell(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def receive(self, quantity: int, *, sku: str = "rice") -> None:
        """Units arrive here, past the desk, as a grant does."""
        wanted = Adjustment(sku=sku, quantity=quantity, reason="a delivery", share="keep")
        await self.database.write(
            lambda tx: order_commands.adjust_stock(
                tx, wanted, actor=ACTOR, policy="escrow", reserved={}, peers=()
            )
        )

    def bring(self, quantity: int, *, enough: bool = True) -> Callable[[], Awaitable[bool]]:
        """A round in which so many units arrive."""

        async def round_() -> bool:
            if quantity:
                await self.receive(quantity)
            return not enough

        return round_

    def buy(self, quantity: int, *, sku: str = "rice", key: str | None = None) -> "asyncio.Task[str]":
        """An order under way; it has been tried once when this task is first waited for."""
        order = PlaceOrder(customer="ALFKI", lines=((sku, quantity),))

        def attempt(tx: Transaction, reserved: Mapping[str, int]) -> str:
            return order_commands.place_order(
                tx, order, actor=ACTOR, key=key, request_hash="h", policy=self._policy, reserved=reserved
            )

        return asyncio.create_task(self.desk.settle(attempt, key=key))


@pytest.fixture
async def database(new_database: Callable[[], Path]) -> AsyncIterator[Database]:
    made = Database(new_database(), clock=VirtualClock(), random=Random(1), executor=InlineExecutor())
    await made.open(cluster_id=CLUSTER, name="matriz")
    await made.write(lambda tx: customers.create(tx, customers.NewCustomer("ALFKI", "Alfred"), actor=ACTOR))
    for sku in ("rice", "beans"):
        product = products.NewProduct(sku=sku, name=sku, price_cents=100)
        await made.write(_creation(product))
    yield made
    await made.close()


def _creation(product: products.NewProduct) -> Callable[[Transaction], Any]:
    return lambda tx: products.create(tx, product, actor=ACTOR)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def now() -> float:
    return asyncio.get_running_loop().time()


async def moment() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


async def test_an_order_within_rights_asks_nobody(desk: Desk) -> None:
    await desk.receive(5)
    await desk.buy(5)
    assert desk.asker.asked == []


async def test_a_short_order_waits_for_the_round_that_brings_its_rights(desk: Desk) -> None:
    desk.asker.rounds = [desk.bring(5)]
    await desk.buy(5)
    assert len(desk.asker.asked) == 1


async def test_without_a_way_to_the_peers_a_short_order_is_refused_at_once(database: Database) -> None:
    desk = Desk(database)
    desk.desk = RightsBroker(
        database,
        waiting=desk.waiting,
        clock=VirtualClock(),
        policy="escrow",
        patience=PATIENCE,
        may_sell=lambda: None,
    )
    with pytest.raises(OutOfStock):
        await desk.buy(1)
    assert now() < PATIENCE


async def test_when_all_were_asked_and_nothing_moved_the_order_is_refused_early(desk: Desk) -> None:
    desk.asker.rounds = [desk.bring(0, enough=False)]
    with pytest.raises(OutOfStock):
        await desk.buy(5)
    assert (len(desk.asker.asked), now() < PATIENCE) == (1, True)


async def test_as_long_as_rights_move_another_round_is_tried(desk: Desk) -> None:
    desk.asker.rounds = [
        desk.bring(2, enough=False),
        desk.bring(2, enough=False),
        desk.bring(1, enough=False),
    ]
    await desk.buy(5)
    assert len(desk.asker.asked) == 3


async def test_waiting_ends_with_the_patience(desk: Desk) -> None:
    began = now()
    with pytest.raises(OutOfStock):
        await desk.buy(5)
    assert PATIENCE <= now() - began < PATIENCE + 0.01


async def test_newcomers_leave_what_older_orders_wait_for(desk: Desk) -> None:
    await desk.receive(3)
    old = desk.buy(5)
    await moment()
    young = desk.buy(2)
    await moment()
    assert not young.done()
    await desk.receive(2)
    desk.asker.rounds = [desk.bring(0, enough=False)]
    assert await old  # the patience of its round ends, and it finds what it needs
    with pytest.raises(OutOfStock):
        await young


async def test_newcomers_take_what_older_orders_leave(desk: Desk) -> None:
    await desk.receive(3)
    old = desk.buy(5)
    await moment()
    await desk.receive(4)
    await desk.buy(2)
    assert not old.done()
    await old


async def test_who_waits_behind_older_orders_goes_on_when_they_end(desk: Desk) -> None:
    await desk.receive(3)
    old = desk.buy(5)
    await moment()
    young = desk.buy(3)
    await moment()
    old.cancel()
    await moment()
    assert young.done()
    assert (desk.asker.asked, desk.waiting.reserved(before=None)) == (desk.asker.asked[:1], {})


async def test_other_products_are_not_held_up(desk: Desk) -> None:
    await desk.receive(3)
    waiting = desk.buy(5)
    await moment()
    await desk.receive(1, sku="beans")
    await desk.buy(1, sku="beans")
    assert not waiting.done()
    waiting.cancel()


async def test_a_retry_with_the_same_key_keeps_its_place(desk: Desk) -> None:
    desk.asker.rounds = [desk.bring(0, enough=False)]
    with pytest.raises(OutOfStock):
        await desk.buy(1, key="k")
    later = desk.buy(2)
    await moment()
    await desk.receive(1)
    newcomer = desk.buy(1)
    await moment()
    assert not newcomer.done()  # behind the one that waits
    assert await desk.buy(1, key="k")  # which is younger than this one's first attempt
    for task in (later, newcomer):
        task.cancel()


async def test_what_arrives_by_replication_wakes_who_waits_behind(desk: Desk) -> None:
    await desk.receive(3)
    old = desk.buy(5)
    await moment()
    young = desk.buy(3)
    await moment()
    await desk.receive(5)
    await moment()
    assert young.done()  # five are left to the older one
    assert not old.done()
    await old


async def test_nothing_waits_under_the_optimistic_policy(database: Database) -> None:
    desk = Desk(database, policy="optimistic")
    with pytest.raises(OutOfStock):
        await desk.buy(1)
    assert desk.asker.asked == []


async def test_a_node_that_must_not_sell_submits_nothing(desk: Desk) -> None:
    await desk.receive(1)
    desk.refusal = NotReady("rebuilding")
    with pytest.raises(NotReady):
        await desk.buy(1)
    desk.refusal = None
    await desk.buy(1)


async def test_a_node_that_must_not_sell_any_more_refuses_who_waits(desk: Desk) -> None:
    """A peer may end its life, or fence it, with the very answer that brings the rights."""

    async def fenced() -> bool:
        await desk.receive(1)
        desk.refusal = Fenced("a peer knows more")
        return False

    desk.asker.rounds = [fenced]
    with pytest.raises(Fenced):
        await desk.buy(1)


async def test_another_refusal_than_want_of_rights_is_not_waited_for(desk: Desk) -> None:
    def refused(_tx: Transaction, _reserved: Mapping[str, int]) -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError):
        await desk.desk.settle(refused)
    assert now() < PATIENCE
