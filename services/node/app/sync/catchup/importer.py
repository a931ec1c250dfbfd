"""The importer: merges the rows that donors send, and stores the events that they keep parked."""

from collections.abc import Callable, Mapping, Sequence

from app.database import Transaction
from app.domain import evidence
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.state.tables import membership, stock_table
from app.sync.catchup import donor_state, snapshot
from app.sync.catchup.donor_client import DonorClient, FetchLock
from app.sync.catchup.donor_state import DonorState
from app.sync.context import NodeContext
from app.sync.log import kept_room
from app.sync.peering.peers import Peer
from app.sync.wire.messages import HandedEvent, Page


class Importer:
    """Imports what donors send, each piece in a transaction of its own, as the donor's word."""

    def __init__(self, context: NodeContext, *, donors: DonorClient) -> None:
        self._database = context.database
        self._fencer = context.fencer
        self._alarms = context.alarms
        self._donors = donors
        self._peers = context.peers
        self._room = context.room

    async def take_parked(
        self, peer: Peer, told: DonorState, branch: str | None, *, orders: bool, lock: FetchLock | None = None
    ) -> Mapping[str, Ranges]:
        """Store the events that a donor keeps parked: with `orders` those about orders, otherwise all others.
        Returns the seqs that the donor still keeps parked at the end, by life. Raises Refusal.

        Call it without `orders` before the donor's rows are merged, and with `orders` afterwards. Then no
        order shows without its effect on the stock, whichever of the two is parked, and whenever the donor is
        lost.
        """
        left: Mapping[str, Ranges] = {}
        after = "" if told.parked_seqs else None
        while after is not None:
            call = self._donors.totals(peer, of=told.life[1], parked_after=after)
            reply = await (lock.answer(call) if lock else call)
            parked = [handed for handed in reply.parked if handed.is_of_order == orders]
            if parked:
                await self.write(peer, _taking(parked, told, branch, adopting=lock is not None))
            left, after = reply.parked_seqs or {}, reply.parked_next
        return left

    async def merge(self, peer: Peer, page: Page) -> int:
        """Merge a page. Returns how many of its rows could not be applied."""
        merged = await self.write(
            peer, lambda tx: snapshot.merge_page(tx, page, donor=peer.name, is_silent=self._peers.is_silent)
        )
        return len(merged.forks) + len(merged.waiting)

    async def write(
        self, peer: Peer, merge: Callable[[Transaction], stock_table.Merged]
    ) -> stock_table.Merged:
        """Run one merge in a transaction. A fork that it finds raises an alarm. Rows of this node's own epoch
        that this disk did not write end the epoch. Raises KeptFull, with nothing stored."""
        epoch = self._database.identity.epoch
        life = Life(peer.name, peer.epoch or "")

        def hear(tx: Transaction) -> stock_table.Merged:
            if membership.has_left(tx, life.branch):
                return stock_table.Merged()
            with tx.hearing(life, unreached=self._peers.is_unreached):
                merged = merge(tx)
            if merged.kept:
                kept_room.require_room(tx, life.branch, self._room)
            return merged

        merged = await self._database.write(hear)
        for fork in merged.forks:
            self._alarms.raise_("fork", f"{peer.name} has {fork}")
        if merged.ahead:
            await self._fencer.begin(epoch, evidence.newer_rows(peer.name), witness=peer.name)
        return merged


def _taking(
    parked: Sequence[HandedEvent], told: DonorState, branch: str | None, *, adopting: bool
) -> Callable[[Transaction], stock_table.Merged]:
    return lambda tx: donor_state.take(tx, parked, told.heads, branch=branch, adopting=adopting)
