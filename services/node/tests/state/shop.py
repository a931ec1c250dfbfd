"""A shop whose orders wait for rights, without peers: what a round of asking brings is what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.database import Database, Transaction
from app.domain.customer import NewCustomer
from app.domain.life import Life
from app.domain.product import NewProduct
from app.domain.stock import Cell, Policy
from app.domain.waiting import WaitingList
from app.services.rights_broker import RightsBroker
from app.state.commands import order_commands, stock_commands
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.state.tables import customers, products, stock_table
from tests.support.branch import ACTOR
from tests.support.virtual import VirtualClock

PATIENCE = 0.5
NORTE = Life("norte", "an epoch")
ELSEWHERE = 100  # units of rice at norte


class ScriptedAsker:
    """An Asker whose rounds do what the test says, one after the other; then nothing, for ever."""

    def __init__(self) -> None:
        self.rounds: list[Callable[[], Awaitable[bool]]] = []
        self.asked: list[str] = []
        self.within_reach: list[bool] = []

    async def ask(self, product_id: str, *, within_reach: bool) -> bool:
        self.asked.append(product_id)
        self.within_reach.append(within_reach)
        if not self.rounds:
            await asyncio.Event().wait()
        return await self.rounds.pop(0)()


class Shop:
    """A rights broker over a real database that knows a customer and two products, none in stock here. A peer
    that was heard from lately has rice."""

    def __init__(self, database: Database, *, policy: Policy = "escrow") -> None:
        self.database = database
        self.asker = ScriptedAsker()
        self.waiting = WaitingList()
        self.refusal: Exception | None = None
        self.heard_from = [NORTE]
        self.broker = RightsBroker(
            database,
            waiting=self.waiting,
            clock=VirtualClock(),
            policy=policy,
            patience=PATIENCE,
            may_sell=self._may_sell,
            lives_heard_from=lambda: self.heard_from,
        )
        self.broker.use(self.asker)
        self._policy = policy

    def _may_sell(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def receive(self, quantity: int, *, sku: str = "rice") -> None:
        """Units arrive here, past the broker, as a grant does."""
        wanted = Adjustment(sku=sku, quantity=quantity, reason="a delivery", share="keep")
        await self.database.write(
            lambda tx: stock_commands.adjust_stock(
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

    def buy(
        self,
        quantity: int,
        *,
        sku: str = "rice",
        key: str | None = None,
        beside: tuple[str, int] | None = None,
    ) -> "asyncio.Task[str]":
        """An order under way; it has been tried once when this task is first waited for."""
        lines = ((sku, quantity),) if beside is None else ((sku, quantity), beside)
        order = PlaceOrder(customer="ALFKI", lines=lines)

        def command(tx: Transaction, reserved: Mapping[str, int]) -> str:
            return order_commands.place_order(
                tx, order, actor=ACTOR, key=key, request_hash="h", policy=self._policy, reserved=reserved
            ).order_id

        return asyncio.create_task(self.broker.settle(command, key=key))


async def furnish(database: Database) -> None:
    """Create the customer and the products of a shop, and let a peer have rice."""
    await database.write(lambda tx: customers.create(tx, NewCustomer("ALFKI", "Alfred"), actor=ACTOR))
    for sku in ("rice", "beans"):
        await database.write(_creation(NewProduct(sku=sku, name=sku, price_cents=100)))
    await database.write(_elsewhere)


def _creation(product: NewProduct) -> Callable[[Transaction], Any]:
    return lambda tx: products.create(tx, product, actor=ACTOR)


def _elsewhere(tx: Transaction) -> None:
    rice = products.find(tx.connection, "rice")
    assert rice is not None
    stock_table.merge(tx, [Cell(rice.id, *NORTE, received=ELSEWHERE, version=1)])
