"""The peer server: answers the messages of peers, once their tokens were checked."""

import sqlite3

from app.domain import evidence
from app.domain.errors import Decommissioned, NotReady, UnconfirmedDeath
from app.domain.life import Life
from app.security.replica_tokens import ReplicaClaims
from app.services.stock_service import StockService
from app.state.commands import grants, stock_count
from app.state.registry import replicated
from app.state.repair import buckets
from app.state.tables import stock_table
from app.sync.catchup import donor_state, snapshot
from app.sync.catchup.catch_up import CatchUp
from app.sync.context import NodeContext
from app.sync.lifecycle import handshake
from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.log import dead_letters, positions, receiver
from app.sync.peering.peers import Peer
from app.sync.wire.errors import Fork, KeptFull, NotTheSender, WrongEpoch
from app.sync.wire.messages import (
    Batch,
    BatchReceipt,
    BucketReply,
    BucketRequest,
    Hello,
    Page,
    PageRequest,
    SealReply,
    SealRequest,
    TotalsReply,
    TotalsRequest,
    TransferReply,
    TransferRequest,
    Wish,
)


class PeerServer:
    """Answers hello, events, transfers and the other requests of peers. A sender may speak for its own life
    only. Every message but hello names this node's present epoch, and is refused in any other."""

    def __init__(
        self, context: NodeContext, *, hello_handler: HelloHandler, catch_up: CatchUp, stock: StockService
    ) -> None:
        self._database = context.database
        self._peers = context.peers
        self._readiness = context.readiness
        self._alarms = context.alarms
        self._room = context.room
        self._kept_watch = context.kept_watch
        self._hello_handler = hello_handler
        self._catch_up = catch_up
        self._stock = stock

    async def hello(self, claims: ReplicaClaims, hello: Hello) -> Hello:
        """Act on a peer's hello and answer with this node's own."""
        peer = self._sender(claims, hello.node, hello.epoch, greets=True)
        if not handshake.ends_itself(hello):
            self._peers.require_latest(peer, hello)
            if not peer.decommissioned and await self._hello_handler.has_outlived(peer, hello):
                await self._hello_handler.end_cloned(peer, hello.epoch)
        answer = await self._hello_handler.take_in(peer, hello)
        self._peers.note_latest(peer, hello)
        return answer

    async def event(self, claims: ReplicaClaims, batch: Batch) -> BatchReceipt:
        """Apply a batch and answer with the durable position. Raises as `receiver.receive` does, and NotReady
        while a whole fetch brings most of its events anyway."""
        peer = self._sender(claims, batch.origin, batch.epoch)
        self._peers.heard(peer)
        if self._readiness.reason == "rebuilding" and self._catch_up.everything_is_coming:
            raise NotReady("rebuilding")
        try:
            receipt = await self._database.write(lambda tx: receiver.receive(tx, batch, room=self._room))
        except Fork as fork:
            self._alarms.raise_("fork", f"{fork.origin} tells another history at event {fork.seq}")
            raise
        except KeptFull as full:
            await self._kept_watch.note(full)
            raise
        await self._watch(peer, receipt.merged, epoch=batch.to_epoch)
        return BatchReceipt(
            epoch=batch.to_epoch,
            position=receipt.position,
            parked=receipt.parked,
            parked_seqs=list(receipt.parked_seqs),
        )

    async def transfer(self, claims: ReplicaClaims, request: TransferRequest) -> TransferReply:
        """Grant what can be granted. The answer is sent after the grant is durable."""
        peer = self._member(claims, request)
        self._readiness.require_selling()
        granted = await self._stock.give(
            grants.Request(
                product_id=request.product_id,
                asker=Life(claims.sender, claims.epoch),
                wanted=request.wanted,
                age=request.age,
                lamport=request.lamport,
                cells=replicated.cells_from(request.cells, request.revisions),
            )
        )
        await self._watch(peer, granted.merged, epoch=request.to_epoch)
        return TransferReply(
            epoch=request.to_epoch,
            granted=granted.quantity,
            lamport=granted.lamport,
            revisions=replicated.sent_revisions(),
            cells=[cell.as_json() for cell in granted.cells],
        )

    async def snapshot(self, claims: ReplicaClaims, wanted: PageRequest) -> Page:
        """Read a page of whole rows for a peer that lacks them."""
        self._member(claims, wanted, wakes=False)
        return await self._database.read(
            lambda connection: snapshot.read_page(connection, wanted), exact=True
        )

    async def hand_over(self, claims: ReplicaClaims, wanted: SealRequest) -> SealReply:
        """Store a counter's dead lives, and answer with what this member knows, after it is durable. Raises
        CountBlocked while rows of a damaged file may still come back here."""
        peer = self._member(claims, wanted)
        name = self._database.identity.name
        if Life(name, wanted.to_epoch) in wanted.dead_lives:
            # Its rights are about to be released: this life must have ended before it says what it knows.
            why = f"{claims.sender} counts this epoch among the dead"
            await self._hello_handler.look_into(peer, wanted.to_epoch, why)
            if self._database.identity.epoch == wanted.to_epoch:
                raise UnconfirmedDeath(name, wanted.to_epoch)
            raise WrongEpoch(self._database.identity.epoch)
        self._readiness.require_all_back(name)
        counter = Life(claims.sender, claims.epoch)
        handed = await self._database.write(
            lambda tx: stock_count.hand_over(
                tx,
                wanted.product_id,
                wanted.dead_lives,
                counter=counter,
                decommissioned=wanted.decommissioned,
                may_move=self._readiness.selling,
            )
        )
        return SealReply(
            epoch=wanted.to_epoch,
            dead=list(handed.dead),
            decommissioned=list(handed.decommissioned),
            revisions=replicated.sent_revisions(),
            cells=[cell.as_json() for cell in handed.cells],
        )

    async def totals(self, claims: ReplicaClaims, wanted: TotalsRequest) -> TotalsReply:
        """Send this node's bucket totals, so that the peer finds where the two differ, and the events parked
        here."""
        self._member(claims, wanted, wakes=False)
        return await self._database.read(lambda connection: donor_state.tell(connection, wanted), exact=True)

    async def bucket(self, claims: ReplicaClaims, wanted: BucketRequest) -> BucketReply:
        """Send the rows of a digest bucket, if each of them fits its seal."""
        self._member(claims, wanted, wakes=False)
        ready = self._readiness.ready

        def read(connection: sqlite3.Connection) -> BucketReply:
            given = buckets.give(connection, wanted.relation, wanted.bucket)
            rows = [(stored.row, stored.written) for stored in given or () if stored.row is not None]
            return BucketReply(
                epoch=wanted.to_epoch,
                relation=wanted.relation,
                bucket=wanted.bucket,
                revisions=replicated.revisions(),
                ready=ready,
                sound=given is not None,
                rows=[row for row, _ in rows],
                seals=[seal for _, seal in rows],
                heads=positions.heads(connection),
                parked_seqs=dead_letters.seqs(connection),
            )

        return await self._database.read(read)

    def _sender(self, claims: ReplicaClaims, node: str, epoch: str, *, greets: bool = False) -> Peer:
        """The peer that sent this message. Raises NotTheSender, NotReady for a damaged file, or
        Decommissioned.

        A decommissioned peer passes only when it `greets`: its hello may name dead lives. The hello is then
        refused too.
        """
        if self._database.damage is not None:  # nothing of a damaged file may be sent, and nothing is taken
            raise NotReady("damaged_database")
        peer = self._peers.get(claims.sender)
        if peer is None or (node, epoch) != (claims.sender, claims.epoch):
            raise NotTheSender(claims.sender)
        if peer.decommissioned and not greets:
            raise Decommissioned(peer.name)
        return peer

    def _member(self, claims: ReplicaClaims, wish: Wish, *, wakes: bool = True) -> Peer:
        """The peer that sent this request, which must name this node's present epoch. Without `wakes`, the
        request is no sign that the peer would apply events now."""
        peer = self._sender(claims, claims.sender, wish.epoch)
        self._peers.heard(peer, wakes=wakes)
        epoch = self._database.identity.epoch
        if wish.to_epoch != epoch:
            raise WrongEpoch(epoch)
        return peer

    async def _watch(self, peer: Peer, merged: stock_table.Merged, *, epoch: str) -> None:
        for fork in merged.forks:
            self._alarms.raise_("fork", f"{peer.name} sent another content of the same version: {fork}")
        if merged.ahead:
            await self._hello_handler.look_into(peer, epoch, evidence.newer_rows(peer.name))
