"""Receives and removes stock at this branch, and moves spare rights to where demand is."""

from collections.abc import Callable, Mapping, Sequence

from app.database import Actor, Database, Effects, Transaction
from app.domain.life import Life
from app.domain.stock import Cell, Policy
from app.domain.waiting import WaitingList
from app.runtime import Clock, Notifier
from app.services.caller import STAYING, Caller
from app.services.rights_broker import RightsBroker
from app.state.commands import grants
from app.state.commands.stock_commands import Adjustment, adjust_stock
from app.state.tables import stock_table, stock_views
from app.state.tables.stock_views import StockView

COOL_DOWN_SECONDS = 10.0
"""After a peer asked for a product, its rights move only on request for this long."""


class StockService:
    """The use cases of stock. `lives_heard_from` returns the lives of the peers heard from lately: only they
    share new stock and get spare rights."""

    def __init__(
        self,
        database: Database,
        *,
        rights: RightsBroker,
        waiting: WaitingList,
        policy: Policy,
        lives_heard_from: Callable[[], Sequence[Life]],
        clock: Clock,
    ) -> None:
        self._database = database
        self._rights = rights
        self._waiting = waiting
        self._policy = policy
        self._lives_heard_from = lives_heard_from
        self._clock = clock
        self._asked_at: dict[str, float] = {}
        self.hearsay = Notifier()
        """Notifies when a stock row came by the word of others."""
        database.on_commit.append(self._note_hearsay)

    async def adjust(self, adjustment: Adjustment, *, actor: Actor, caller: Caller = STAYING) -> StockView:
        """Receive or remove units and return the product's stock view. A removal takes rights as an order
        does. Raises UnknownReference, OutOfStock or CallerGone (nothing written)."""

        def command(tx: Transaction, reserved: Mapping[str, int]) -> str:
            return adjust_stock(
                tx,
                adjustment,
                actor=actor,
                policy=self._policy,
                reserved=reserved,
                peers=self._lives_heard_from(),
            )

        product_id = await self._rights.settle(command, caller=caller)
        return await self._database.read_back(
            lambda connection: stock_views.stock_view(connection, product_id)
        )

    async def give(self, request: grants.Request) -> grants.Granted:
        """Answer a peer that asks for rights. The answer is returned after the grant is durable. Raises
        DeadEpoch."""
        if request.wanted:
            self._asked_at[request.product_id] = self._clock.monotonic()
        reserved = self._waiting.reserved(before=request.age).get(request.product_id, 0)
        return await self._database.write(lambda tx: grants.give(tx, request, reserved=reserved))

    async def accept(self, cells: Sequence[Cell], *, giver: Life, lamport: int) -> stock_table.Merged:
        """Merge the cells of a giver's answer, sent at its logical time `lamport`. The commit wakes waiting
        orders."""
        return await self._database.write(lambda tx: grants.accept(tx, cells, giver=giver, lamport=lamport))

    async def offer_surplus(self) -> None:
        """Move spare rights toward demand, product by product. Units that orders wait for do not move.
        Neither does a product that was asked for lately anywhere, because its last units would be on their
        way when the next order needs them."""
        peers = self._lives_heard_from()
        if self._policy == "optimistic" or not peers:
            return
        now = self._clock.monotonic()
        self._asked_at = {p: at for p, at in self._asked_at.items() if now - at < COOL_DOWN_SECONDS}
        waiting = self._waiting.reserved(before=None)
        found = await self._database.read(
            lambda connection: grants.products_with_surplus(connection, peers=peers, reserved=waiting)
        )
        for product_id in [product_id for product_id in found if product_id not in self._asked_at]:
            reserved = self._waiting.reserved(before=None).get(product_id, 0)
            await self._database.write(_surplus_of(product_id, peers=peers, reserved=reserved))

    async def give_back(self) -> None:
        """Give back to lives that are over what only others say that they granted to this one."""
        for product_id in await self._database.read(grants.products_owed):
            await self._database.write(_giving_back(product_id))

    def _note_hearsay(self, effects: Effects) -> None:
        if effects.hearsay:
            self.hearsay.notify()


def _giving_back(product_id: str) -> Callable[[Transaction], None]:
    return lambda tx: grants.give_back(tx, product_id)


def _surplus_of(
    product_id: str, *, peers: Sequence[Life], reserved: int
) -> Callable[[Transaction], Mapping[Life, int]]:
    return lambda tx: grants.offer_surplus(tx, product_id, peers=peers, reserved=reserved)
