"""A stock count over the network: first every member's answer, then one row."""

from collections.abc import Callable, Mapping

from app.database import Actor, Transaction
from app.domain.errors import CountBlocked, Invalid, NotTheCounter, UnknownReference
from app.domain.life import Life
from app.state.commands import stock_count
from app.state.registry import replicated
from app.state.tables import life_table, membership, products
from app.sync.context import NodeContext
from app.sync.guards.readiness import SALVAGING
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer
from app.sync.wire.messages import SealReply, SealRequest

COUNT_TIMEOUT_SECONDS = 3.0
MOST_ROUNDS = 5  # each one more death became known meanwhile; more than that is no network to count in


class CountService:
    """Releases frozen units by a stock count.

    One branch counts for the company: the first member by name. A member that cannot be reached blocks the
    count, because it may know of a dead life, or of units, that no other node knows. So does one that may
    still bring back what a damaged file of its held, and a branch whose decommissioning no majority of the
    members stores, unless an admin insisted here. A branch whose decommissioning counts blocks nothing.
    """

    def __init__(self, context: NodeContext) -> None:
        self._database = context.database
        self._peers = context.peers
        self._link = context.link
        self._fencer = context.fencer
        self._readiness = context.readiness

    async def count(self, sku: str, *, missing: int, actor: Actor) -> str:
        """Count a product and return its id. `missing` units left unrecorded because of all dead lives
        together; it is negative where more arrived than left. Raises NotTheCounter, UnknownReference or
        CountBlocked."""
        counter = min([self._database.identity.name, *(peer.name for peer in self._peers)])
        if counter != self._database.identity.name:
            raise NotTheCounter(counter)
        self._readiness.require_all_back(counter)
        product = await self._database.read(lambda connection: products.find(connection, sku))
        if product is None:
            raise UnknownReference("product", [sku])
        others = [peer.name for peer in self._peers.configured]
        for _ in range(MOST_ROUNDS):
            undecided = await self._database.read(lambda c: membership.pending(c, others=others))
            if undecided:
                raise CountBlocked(undecided[0], "decommissioned_without_majority")
            dead = sorted(await self._database.read(life_table.dead_lives))
            count = stock_count.Count(product_id=product.id, missing=missing, dead=dead)
            epoch = self._database.identity.epoch
            handovers = {peer.name: await self._handover(peer, count) for peer in self._peers}
            await self._database.write(_learning(handovers))
            try:
                if await self._database.write(_releasing(count, handovers, actor)):
                    return count.product_id
            except stock_count.OwnLifeOver as over:
                # The pool is another one from now on, so the number that was counted for it does not hold.
                await self._fencer.begin(epoch, over.why, witness=over.witness)
                raise CountBlocked(counter, "began_another_life") from over
        raise CountBlocked(counter, "deaths_keep_coming")

    async def _handover(self, peer: Peer, count: stock_count.Count) -> stock_count.Handover:
        request = SealRequest(
            to_epoch=peer.epoch or "unknown",
            epoch=self._database.identity.epoch,
            product_id=count.product_id,
            dead=list(count.dead),
            decommissioned=await self._database.read(membership.decommissioned),
        )
        try:
            reply = await self._link.call(
                peer, "/replica/seal", request, expect=SealReply, patience=COUNT_TIMEOUT_SECONDS
            )
            cells = replicated.cells_from(reply.cells, reply.revisions)
        except (Refusal, Invalid) as refusal:
            is_salvaging = isinstance(refusal, Refusal) and refusal.answer.code == "count_blocked"
            raise CountBlocked(peer.name, SALVAGING if is_salvaging else str(refusal)) from refusal
        return stock_count.Handover(
            dead=reply.dead_lives,
            cells=cells,
            life=Life(peer.name, reply.epoch),
            decommissioned=reply.decommissioned,
        )


def _learning(handovers: Mapping[str, stock_count.Handover]) -> Callable[[Transaction], None]:
    def learn(tx: Transaction) -> None:
        for handover in handovers.values():
            membership.learn(tx, handover.decommissioned)

    return learn


def _releasing(
    count: stock_count.Count, handovers: Mapping[str, stock_count.Handover], actor: Actor
) -> Callable[[Transaction], bool]:
    return lambda tx: stock_count.release(tx, count, handovers=handovers, actor=actor)
