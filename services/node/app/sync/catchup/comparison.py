"""Compares this node's rows with a peer's, bucket by bucket, and merges the peer's where they differ."""

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from app.database import digest
from app.domain.life import Life
from app.state.registry import replicated
from app.state.repair import disowned
from app.sync.catchup import anti_entropy, donor_state
from app.sync.catchup.donor_client import DonorClient
from app.sync.catchup.donor_state import DonorState
from app.sync.catchup.importer import Asked, Importer
from app.sync.context import NodeContext
from app.sync.log import positions
from app.sync.peering.peers import Peer
from app.sync.wire.messages import Page, TotalsReply

log = logging.getLogger("app.catchup")

Reason = Literal["differs", "ahead", "apart", "asked"]
"""Why rows are compared with a peer:

- `differs`: its digest differs at equal heads, which is an alarm;
- `ahead`: the same, where stock rows may be newer than the events received;
- `apart`: its digest differs, and its heads at lives that are over, which no fetch made alike;
- `asked`: an admin wants parked events tried again.
"""

_NONE = digest.as_bytes(0).hex()


@dataclass
class _Told:
    """What a peer sent of its orders: their ids, and by bucket the total of their rows."""

    ids: set[str] = field(default_factory=set)
    totals: dict[int, int] = field(default_factory=dict)

    def add(self, page: Page) -> None:
        entity = replicated.get("orders")
        for row in page.rows:
            key = str(row.get("id"))
            bucket = digest.bucket_of(key)
            self.ids.add(key)
            more = digest.fingerprint_of("orders", entity.encode(row))
            self.totals[bucket] = self.totals.get(bucket, 0) + more

    def whole(self, buckets: list[int], reply: TotalsReply) -> list[int]:
        """Those of the buckets of which the peer sent every row that it ever wrote there."""
        sent = {bucket: digest.as_bytes(self.totals.get(bucket, 0)).hex() for bucket in buckets}
        return [bucket for bucket in buckets if sent[bucket] == reply.totals.get(f"orders/{bucket}", _NONE)]


class Comparison:
    """Finds the rows that differ from a peer's. The peer does the same for itself."""

    def __init__(self, context: NodeContext, *, donors: DonorClient, importer: Importer) -> None:
        self._database = context.database
        self._alarms = context.alarms
        self._donors = donors
        self._importer = importer

    async def repair(self, peer: Peer, reason: Reason) -> None:
        """Merge the peer's rows of every bucket whose totals differ, then drop parked events that the peer
        has applied. Orders of the peer's own that it does not have are moved out. Raises Refusal."""
        life = peer.epoch or ""
        theirs = await self._donors.totals(peer, of=life)
        known = theirs.heads or {}
        over = await self._database.read(lambda connection: donor_state.over(connection, known))
        told = DonorState(Life(peer.name, life), known, theirs.parked_seqs, over=over)
        # Of lives at which this node is behind, they come with the fetch that takes the position over, too.
        takes_parked = reason != "apart"
        if takes_parked:
            await self._importer.take_parked(peer, told, None, orders=False)
        ours, heads = await self._database.read(
            lambda connection: (anti_entropy.recorded_totals(connection), positions.heads(connection))
        )
        alike = anti_entropy.alike(replicated.revisions(), theirs.canonical)
        differing = anti_entropy.differing(ours, theirs.totals, among=alike)
        left_out, orders = 0, _Told()
        for relation in replicated.relations():
            buckets = differing.get(relation, [])
            ask = partial(self._donors.page, peer, relation, of=life, buckets=buckets)
            after: str | None = "" if buckets else None
            while after is not None:
                page = await ask(after)
                asked = Asked(told, after, ask, takes_parked=takes_parked)
                left_out += await self._importer.merge(peer, page, asked)
                if relation == "orders":
                    orders.add(page)
                after = page.next
        if takes_parked:
            await self._importer.take_parked(peer, told, None, orders=True)
        if not left_out:
            await self._importer.write(peer, lambda tx: donor_state.forget_compared(tx, told))
        await self._move_out(told, orders, orders.whole(differing.get("orders", []), theirs))
        listed = ", ".join(f"{relation} {len(buckets)}" for relation, buckets in differing.items())
        if reason == "asked":
            log.info("fetched whole what differed from %s: %s", peer.name, listed or "nothing")
        elif theirs.heads not in (None, heads):  # it was asked late: one of the two lacks events by now
            log.info("took what differed over from %s, which has other events: %s", peer.name, listed)
        elif reason == "ahead" and all(replicated.get(relation).runs_ahead for relation in differing):
            log.info("took stock rows over from %s before their events come: %s", peer.name, listed)
        else:
            self._alarms.raise_("repaired", f"with {peer.name}, buckets: {listed or 'none'}")

    async def _move_out(self, told: DonorState, orders: _Told, buckets: list[int]) -> None:
        """Move out what others told of the peer's life and the peer itself never wrote."""
        head = told.heads.get(told.life.key)
        if not buckets or head is None:
            return
        moved = await self._database.write(
            lambda tx: disowned.move_out(tx, told.life, through=head.seq, buckets=buckets, kept=orders.ids)
        )
        if moved:
            self._alarms.raise_("unwritten_rows", f"{told.life.branch} has no orders {', '.join(moved)}")
