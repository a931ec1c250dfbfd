"""The importer: merges the rows that donors send, and stores the events that they keep parked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from app.database import Transaction
from app.domain import evidence
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.state.tables import membership, stock_table
from app.sync.catchup import donor_state, snapshot
from app.sync.catchup.donor_client import DonorClient, FetchLock
from app.sync.catchup.donor_state import DonorState
from app.sync.catchup.taken import Marks
from app.sync.context import NodeContext
from app.sync.log import kept_room
from app.sync.peering.peers import Peer
from app.sync.wire.errors import KeptFull
from app.sync.wire.messages import HandedEvent, Page


@dataclass(frozen=True)
class Asked:
    """How a page was asked for: of a donor that told its state, from the key `after` on.

    - `ask` asks the donor for the page after another key.
    - `branch` is the one to which the fetch is limited, and `lock` what it holds meanwhile.
    - Without `takes_parked` nothing is taken over of what the donor keeps parked.
    """

    told: DonorState
    after: str
    ask: Callable[[str], Awaitable[Page]]
    branch: str | None = None
    lock: FetchLock | None = None
    takes_parked: bool = True


class Importer:
    """Imports what donors send, each piece in a transaction of its own, as the donor's word."""

    def __init__(self, context: NodeContext, *, donors: DonorClient) -> None:
        self._database = context.database
        self._fencer = context.fencer
        self._alarms = context.alarms
        self._donors = donors
        self._peers = context.peers
        self._room = context.room
        self._kept_watch = context.kept_watch

    async def take_parked(
        self, peer: Peer, told: DonorState, branch: str | None, *, orders: bool, lock: FetchLock | None = None
    ) -> Mapping[str, Ranges]:
        """Store the events that a donor keeps parked: with `orders` those about orders, otherwise all others.
        Returns the seqs that the donor still keeps parked at the end, by life. Raises Refusal.

        Call it without `orders` before the donor's rows are merged, and with `orders` afterwards. Then no
        order shows without its effect on the stock, whichever of the two is parked, and whenever the donor is
        lost. What the donor parked of orders since it told its state is not taken: the stock that they took
        may have come into its rows after those were read.
        """
        if not told.parked_seqs:
            return {}
        return await self._take(peer, told, branch, orders=orders, lock=lock)

    async def _take(
        self, peer: Peer, told: DonorState, branch: str | None, *, orders: bool, lock: FetchLock | None
    ) -> Mapping[str, Ranges]:
        left: Mapping[str, Ranges] = {}
        marks: list[Marks | None] = []
        refused: set[Life] = set()
        after: str | None = ""
        while after is not None:
            call = self._donors.totals(peer, of=told.life[1], parked_after=after)
            reply = await (lock.answer(call) if lock else call)
            parked = [
                handed
                for handed in reply.parked
                if handed.is_of_order == orders and (not orders or told.had(handed))
            ]
            if parked:
                taking = _taking(parked, told, branch, adopting=lock is not None, refused=refused)
                await self.write(peer, taking)
            marks.append(reply.parked_marks)
            left, after = reply.parked_seqs or {}, reply.parked_next
        if not orders:
            told.taken.note(marks, refused=refused)
        return left

    async def merge(self, peer: Peer, page: Page, asked: Asked) -> int:
        """Merge a page. Returns how many of its rows could not be applied. Raises Refusal.

        A page of orders may show one of which the donor parked the stock after its parked events were taken
        over. Then they are taken over again first.
        """
        told = asked.told
        if page.rows and page.before and not told.is_sure_of(page):
            page = await self._complete(peer, page, asked)
        merged = await self.write(
            peer,
            lambda tx: snapshot.merge_page(
                tx, page, donor=peer.name, is_silent=self._peers.is_silent, taken=told.taken
            ),
        )
        return len(merged.forks) + len(merged.waiting)

    async def _complete(self, peer: Peer, page: Page, asked: Asked) -> Page:
        """The orders of a page whose effects are all here afterwards, in rows or parked.

        What the donor had parked as it read the page is parked there still, and taken over; or it is in its
        rows since, and these come with the orders as they are by then. Only those are merged of that second
        reading: it may show orders of which yet other events are parked.
        """
        told = asked.told
        if not asked.takes_parked:
            told.taken.refuse(told.taken.unsure(page))
            return page
        await self._take(peer, told, asked.branch, orders=False, lock=asked.lock)
        if told.is_sure_of(page):
            return page
        left = {row.get("id") for row in page.rows}
        after: str | None = asked.after
        while left and after is not None and (page.next is None or after < page.next):
            call = asked.ask(after)
            again = await (asked.lock.answer(call) if asked.lock else call)
            await self.write(peer, _merging_before(peer, again))
            left -= {row.get("id") for row in again.rows}
            after = again.next
        return page.model_copy(update={"rows": [row for row in page.rows if row.get("id") not in left]})

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

        try:
            merged = await self._database.write(hear)
        except KeptFull as full:
            await self._kept_watch.note(full)
            raise
        for fork in merged.forks:
            self._alarms.raise_("fork", f"{peer.name} has {fork}")
        if merged.ahead:
            await self._fencer.begin(epoch, evidence.newer_rows(peer.name), witness=peer.name)
        return merged


def _taking(
    parked: Sequence[HandedEvent],
    told: DonorState,
    branch: str | None,
    *,
    adopting: bool,
    refused: set[Life],
) -> Callable[[Transaction], stock_table.Merged]:
    """Takes parked events over, and adds to `refused` the lives of which they were passed over."""

    def take(tx: Transaction) -> stock_table.Merged:
        refused.update(donor_state.refused(tx, parked))
        return donor_state.take(tx, parked, told.heads, branch=branch, adopting=adopting)

    return take


def _merging_before(peer: Peer, page: Page) -> Callable[[Transaction], stock_table.Merged]:
    """Merges the rows behind a page's orders, and none of these."""
    behind = page.model_copy(update={"rows": []})
    return lambda tx: snapshot.merge_page(tx, behind, donor=peer.name)
