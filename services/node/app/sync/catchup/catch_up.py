"""Catch-up: fetches from peers what no event will bring. That is everything for an empty node, and what dead
lives wrote for any node."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.database import StorageError
from app.domain.life import Life
from app.state.registry import replicated
from app.sync.catchup import anti_entropy, donor_state
from app.sync.catchup.comparison import Comparison, Reason
from app.sync.catchup.donor_client import DonorClient, FetchLock, Progress
from app.sync.catchup.donor_state import DonorState
from app.sync.catchup.importer import Asked, Importer
from app.sync.context import NodeContext
from app.sync.log import positions
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer
from app.sync.wire.messages import Hello, Page

log = logging.getLogger("app.catchup")

PAUSE_SECONDS = 0.5
COMING_SECONDS = 2.0
"""While everything is fetched and a page was merged within this time, events are refused for now."""


class CatchUp:
    """Fetches from peers page by page, and merges one page at a time while the next one is on its way.

    - A page whose hash is wrong is fetched again. After a cut the fetch continues where it stopped.
    - To merge a page twice changes nothing.
    - Buckets whose digest already agrees are not fetched.
    - Positions are adopted only when all pages of a peer are in.
    """

    def __init__(self, context: NodeContext) -> None:
        self._database = context.database
        self._peers = context.peers
        self._clock = context.clock
        self._donors = DonorClient(context.link, identity=lambda: context.database.identity)
        self._importer = Importer(context, donors=self._donors)
        self._comparison = Comparison(context, donors=self._donors, importer=self._importer)
        self._wanted: dict[tuple[str, str | None], Progress] = {}
        self._told: dict[tuple[str, str | None], DonorState] = {}
        self._repairs: dict[str, Reason] = {}
        self._work = asyncio.Event()
        self._fetch_lock = asyncio.Lock()
        self._busy: set[str] = set()
        self._came_at: float | None = None

    def want(self, peer: Peer, branch: str | None = None) -> None:
        """Fetch everything a peer has, or one branch's rows. To ask again while it is under way changes
        nothing."""
        key = (peer.name, branch)
        known = self._wanted.get(key)
        if known is None or known.done:
            self._wanted[key] = Progress(peer=peer.name, branch=branch)
        self._work.set()

    def want_repair(self, peer: Peer, reason: Reason) -> None:
        """Find the rows that differ from a peer's, and merge the peer's."""
        self._repairs[peer.name] = reason
        self._work.set()

    def do_without(self, peer: Peer) -> None:
        """Take the others' word for a peer that can be asked no more, and ask them once more: until now their
        rows of its living epoch were passed over."""
        if peer.given_up:
            return
        peer.given_up = True
        for key, progress in self._wanted.items():
            if progress.branch is None and progress.peer != peer.name:
                self._wanted[key] = Progress(progress.peer, None)
        self._work.set()

    def forget(self) -> None:
        """Count nothing as fetched, because the database was begun anew."""
        self._wanted.clear()
        self._told.clear()
        for peer in self._peers:
            peer.given_up = False

    def is_done(self, peer: Peer) -> bool:
        """Whether everything is here that the peer had when the fetch began."""
        progress = self._wanted.get((peer.name, None))
        return progress is not None and progress.done

    @property
    def fetches(self) -> list[Progress]:
        """Every fetch since the start, done or not, as it is now."""
        return [replace(progress) for progress in self._wanted.values()]

    @property
    def everything_is_coming(self) -> bool:
        """Whether a whole fetch is making progress. Most events that arrive meanwhile would only repeat its
        rows."""
        at = self._came_at
        whole = any(progress.branch is None and not progress.done for progress in self._wanted.values())
        return whole and at is not None and self._clock.monotonic() - at <= COMING_SECONDS

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch is under way from a peer that is still heard from. Parked events that it handed
        over must not be tried yet."""
        unfinished = {progress.peer for progress in self._wanted.values() if not progress.done}
        return any(peer.name in unfinished and self._peers.is_heard_from(peer) for peer in self._peers)

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled. A fetch that fails is tried again while the peer is heard
        from. Each peer has a task of its own, so a silent one delays no other."""
        self._fetch_lock, self._busy = asyncio.Lock(), set()
        self._work.set()  # what an earlier run left undone, if there was one, is wanted still
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._work.wait()
                self._work.clear()
                for peer in self._peers:
                    work = None if peer.name in self._busy else self._next(peer)
                    if work is not None:
                        self._busy.add(peer.name)
                        tasks.create_task(self._do(peer, work), name=f"from {peer.name}")

    def _next(self, peer: Peer) -> Callable[[], Awaitable[bool]] | None:
        if peer.epoch is None:
            return None  # every request names the life it is meant for, which the peer's hello will tell
        wanted = [p for p in self._wanted.values() if p.peer == peer.name and not p.done]
        if wanted and self._peers.is_heard_from(peer):
            return lambda: self._fetch(peer, wanted[0])
        if peer.name in self._repairs:
            reason = self._repairs.pop(peer.name)
            return lambda: self._repair_once(peer, reason)
        return None

    async def _do(self, peer: Peer, work: Callable[[], Awaitable[bool]]) -> None:
        try:
            if not await work():
                await self._clock.sleep(PAUSE_SECONDS)
        finally:
            self._busy.discard(peer.name)
        self._work.set()

    async def consider(self, peer: Peer, hello: Hello) -> None:
        """Want what a peer's hello reports and no event will bring.

        That is everything, if the peer's log begins beyond this node's position. Otherwise it is the rows of
        branches whose dead lives the peer has further than this node. A node that is not founded wants
        nothing here, because its bootstrap fetches everything.
        """
        for branch in await self._database.read(lambda connection: donor_state.lacking(connection, hello)):
            self.want(peer, branch)
        if peer.name in self._repairs:
            self._work.set()

    async def _repair_once(self, peer: Peer, reason: Reason) -> bool:
        try:
            await self._comparison.repair(peer, reason)
        except (Refusal, StorageError, sqlite3.Error) as error:
            log.warning("repairing with %s is put off: %s", peer.name, error)
        return True  # the next hello tells whether the two still differ

    async def _fetch(self, peer: Peer, progress: Progress) -> bool:
        if progress.peer_epoch != peer.epoch:
            # Another life of the peer has other rows and other heads: nothing of the first is half of it.
            progress.peer_epoch, progress.relation = peer.epoch, None
            self._told.pop((peer.name, progress.branch), None)
        try:
            async with FetchLock(self._fetch_lock) as lock:
                relations = await self._begin(lock, peer, progress)
                for relation in relations[_index(relations, progress) :]:
                    if progress.relation != relation:
                        progress.relation, progress.through = relation, ""
                    buckets = await self._lacked(lock, peer, progress, relation)
                    if buckets is not None:
                        await self._fetch_relation(lock, peer, progress, relation, buckets)
                await self._finish(lock, peer, progress)
        except (Refusal, StorageError, sqlite3.Error) as error:
            log.warning("fetching from %s is put off: %s", peer.name, error)
            return False
        return True

    async def _begin(self, lock: FetchLock, peer: Peer, progress: Progress) -> list[str]:
        """Store the donor's state once, and return the relations to fetch. What happens at the donor later
        comes by events, or by another fetch."""
        key, life = (peer.name, progress.branch), progress.peer_epoch or ""
        if key not in self._told:
            before = await self._database.read(positions.heads)
            reply = await lock.answer(self._donors.totals(peer, of=life))
            if reply.heads is not None:  # else it is an older version, whose first page will say
                heads = reply.heads
                told = DonorState(
                    Life(peer.name, life),
                    heads,
                    reply.parked_seqs,
                    before,
                    reply.canonical,
                    reply.kept,
                    over=await self._database.read(lambda connection: donor_state.over(connection, heads)),
                )
                await self._importer.take_parked(peer, told, progress.branch, orders=False, lock=lock)
                self._told[key] = told
        return self._told[key].relations if key in self._told else list(replicated.relations())

    async def _lacked(
        self, lock: FetchLock, peer: Peer, progress: Progress, relation: str
    ) -> list[int] | None:
        """Which digest buckets of a relation to fetch. An empty list stands for all of them, None for none.

        Those with rows of the peer's life that only others told are fetched also where they are alike: once
        the peer's position is adopted, no event says them, and units granted in them are not spent before.
        """
        ours = await self._database.read(anti_entropy.recorded_totals)
        if not any(name.startswith(f"{relation}/") for name in ours):
            return []
        theirs = await lock.answer(self._donors.totals(peer, of=progress.peer_epoch or ""))
        if relation not in anti_entropy.alike(replicated.revisions(), theirs.canonical):
            return []
        buckets = {*anti_entropy.differing(ours, theirs.totals).get(relation, ())}
        heard, life = replicated.get(relation).heard, Life(peer.name, progress.peer_epoch or "")
        buckets.update(await self._database.read(lambda connection: heard(connection, life)))
        return sorted(buckets) or None

    async def _fetch_relation(
        self, lock: FetchLock, peer: Peer, progress: Progress, relation: str, buckets: list[int]
    ) -> None:
        life, branch = progress.peer_epoch or "", progress.branch

        def ask(after: str) -> asyncio.Task[Page]:
            call = self._donors.page(peer, relation, after, of=life, branch=branch, buckets=buckets)
            return asyncio.create_task(call, name=f"{relation} from {peer.name}")

        coming: asyncio.Task[Page] | None = ask(progress.through)
        try:
            while coming is not None:
                page = await lock.answer(coming)
                coming = None if page.next is None else ask(page.next)
                told = self._told.setdefault(
                    (peer.name, branch), DonorState(Life(peer.name, life), page.heads, None)
                )
                asked = Asked(told, progress.through, ask, branch=branch, lock=lock)
                progress.left_out += await self._importer.merge(peer, page, asked)
                progress.rows += len(page.rows)
                progress.through = page.next or progress.through
                if progress.branch is None:
                    self._came_at = self._clock.monotonic()
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def _finish(self, lock: FetchLock, peer: Peer, progress: Progress) -> None:
        key = (peer.name, progress.branch)
        told = self._told.get(key, DonorState(Life(peer.name, progress.peer_epoch or ""), {}, None))
        left = await self._importer.take_parked(peer, told, progress.branch, orders=True, lock=lock)
        self._told.pop(key, None)
        await self._importer.write(
            peer,
            lambda tx: donor_state.finish_fetch(
                tx,
                told,
                left=left,
                branch=progress.branch,
                rows=progress.rows,
                complete=not progress.left_out,
            ),
        )
        progress.done = True
        self._peers.hurry(peer.name)  # it need not send what was fetched, and learns so from hello


def _index(relations: list[str], progress: Progress) -> int:
    return relations.index(progress.relation) if progress.relation in relations else 0
