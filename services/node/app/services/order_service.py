"""Places and cancels orders at this branch."""

from collections.abc import Mapping

from app.database import Actor, Database, Effects, Transaction
from app.domain.stock import Policy
from app.domain.values import value
from app.runtime import Clock, Notifier, wait
from app.services.caller import STAYING, Caller
from app.services.rights_broker import RightsBroker
from app.services.turns import Turns
from app.state.commands.order_commands import Placed, PlaceOrder, cancel_order, place_order
from app.state.commands.orders_together import place_orders
from app.state.tables import orders
from app.state.tables.orders import OrderView


@value(frozen=True, slots=True)
class Placing:
    """The command that places an order."""

    order: PlaceOrder
    actor: Actor
    key: str | None
    request_hash: str
    policy: Policy

    together = staticmethod(place_orders)

    def __call__(self, tx: Transaction, reserved: Mapping[str, int]) -> Placed:
        return place_order(
            tx,
            self.order,
            actor=self.actor,
            key=self.key,
            request_hash=self.request_hash,
            policy=self.policy,
            reserved=reserved,
        )


class OrderService:
    """The use cases of orders.

    While a key is in progress, a repetition of it waits for the first attempt. A refusal does not use up the
    key.
    """

    def __init__(
        self, database: Database, *, rights: RightsBroker, policy: Policy, clock: Clock, patience: float
    ) -> None:
        self._database = database
        self._rights = rights
        self._policy = policy
        self._clock = clock
        self._patience = patience
        self._turns = Turns()
        self._acknowledged = Notifier()
        database.on_commit.append(self._note_acknowledgement)

    async def place(
        self,
        order: PlaceOrder,
        *,
        actor: Actor,
        key: str | None,
        request_hash: str,
        caller: Caller = STAYING,
    ) -> OrderView:
        """Place the order and return its view once it is durable here. Raises UnknownReference, KeyReused,
        OutOfStock or CallerGone (nothing written), or a storage error."""

        command = Placing(order, actor, key, request_hash, self._policy)
        if key is None:
            placed = await self._rights.settle(command, caller=caller)
        else:
            scope = f"{actor.user_id}/{key}"
            if not self._turns.is_free(scope):
                caller.step_aside()
            await self._turns.begin(scope)
            try:
                placed = await self._rights.settle(command, key=scope, caller=caller)
            finally:
                self._turns.end(scope)
        return placed.view or await self._read_back(placed.order_id)

    async def until_stored(
        self, order_id: str, *, copies: int, caller: Caller = STAYING
    ) -> tuple[OrderView, bool]:
        """Wait until `copies` peers have stored the order durably, for at most `patience` seconds. Returns
        its view, and whether they have."""
        caller.step_aside()
        deadline = self._clock.monotonic() + self._patience
        while True:
            acknowledged = self._acknowledged.next
            order = await self._read_back(order_id)
            left = deadline - self._clock.monotonic()
            if len(order.stored_by) >= copies or left <= 0:
                return order, len(order.stored_by) >= copies
            await wait(acknowledged, left)

    def _note_acknowledgement(self, effects: Effects) -> None:
        if effects.acknowledged:
            self._acknowledged.notify()

    async def cancel(self, order_id: str, *, actor: Actor) -> OrderView:
        """Cancel an order of this branch and return its view. To cancel it again changes nothing. Raises
        NotFound or OtherBranch."""
        await self._database.write(lambda tx: cancel_order(tx, order_id, actor=actor))
        return await self._read_back(order_id)

    async def view(self, order_id: str) -> OrderView:
        """The order as clients see it. Raises NotFound."""
        return await self._database.read(lambda connection: orders.view(connection, order_id))

    async def _read_back(self, order_id: str) -> OrderView:
        return await self._database.read_back(lambda connection: orders.view(connection, order_id))
