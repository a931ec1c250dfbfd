"""Fetching what peers have and no event will bring: an empty node's whole state, and what was told by lives
that are over."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from app.database import Actor, Database, StorageError, Transaction
from app.database.digest import RELATIONS, Relation
from app.runtime import Clock
from app.state import ledger
from app.state.stock import Life
from app.sync import anti_entropy, handshake, receiver, snapshot
from app.sync.alarms import Alarms
from app.sync.delivery import Answer
from app.sync.events import Head, Hello, Page, PageRequest, TotalsReply, TotalsRequest
from app.sync.link import Refusal, ReplicaLink
from app.sync.peers import Peer, Peers
from app.sync.rebirth import Rebirth

log = logging.getLogger("app.recovery")

PAGE_TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.5


@dataclass
class Progress:
    """How far fetching from one life of a peer is. `through` is the last key of the relation that was
    merged, `left_out` counts rows that could not be applied."""

    peer: str
    branch: str | None
    peer_epoch: str | None = None
    relation: Relation | None = None
    rows: int = 0
    left_out: int = 0
    through: str = ""
    done: bool = False


class Recovery:
    """Fetches from one peer at a time, page by page, and merges.

    A page whose hash does not fit is fetched again; after a cut the fetch goes on where it stopped; what is
    merged twice is merged once. Positions follow only when all of a peer's pages are in.
    """

    def __init__(
        self,
        database: Database,
        *,
        peers: Peers,
        link: ReplicaLink,
        rebirth: Rebirth,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._database = database
        self._peers = peers
        self._link = link
        self._rebirth = rebirth
        self._alarms = alarms
        self._clock = clock
        self._wanted: dict[tuple[str, str | None], Progress] = {}
        self._heads: dict[tuple[str, str | None], dict[str, Head]] = {}
        self._repairs: dict[str, bool] = {}
        self._work = asyncio.Event()

    def want(self, peer: Peer, branch: str | None = None) -> None:
        """Fetch everything a peer has, or one branch's; asking again meanwhile changes nothing."""
        key = (peer.name, branch)
        known = self._wanted.get(key)
        if known is None or known.done:
            self._wanted[key] = Progress(peer=peer.name, branch=branch)
        self._work.set()

    def want_repair(self, peer: Peer, *, ahead: bool = False) -> None:
        """Find and merge what differs from a peer at equal heads. `ahead`: stock rows may run ahead of their
        events, which is no alarm."""
        self._repairs[peer.name] = ahead
        self._work.set()

    def forget(self) -> None:
        """Count nothing as fetched: the database was begun anew."""
        self._wanted.clear()
        self._heads.clear()

    def is_done(self, peer: Peer) -> bool:
        """Whether everything the peer had when it was asked is here."""
        progress = self._wanted.get((peer.name, None))
        return progress is not None and progress.done

    def as_json(self) -> list[dict[str, Any]]:
        """What is or was fetched since the start, for people."""
        return [asdict(progress) for progress in self._wanted.values()]

    async def run(self) -> None:
        """Fetch what is wanted until cancelled; a peer that fails is tried again while it is heard from."""
        while True:
            await self._work.wait()
            self._work.clear()
            for progress in [p for p in self._wanted.values() if not p.done]:
                peer = self._peers.get(progress.peer)
                if (
                    peer is not None
                    and self._peers.is_heard_from(peer)
                    and not await self._fetch(peer, progress)
                ):
                    self._work.set()
            await self._repair_wanted()
            if self._work.is_set():
                await self._clock.sleep(PAUSE_SECONDS)

    async def consider(self, peer: Peer, hello: Hello) -> None:
        """Want whatever the peer's hello says it has and no event will bring: everything, if its log begins
        beyond what was applied here; else what it knows of dead lives beyond what is known here. An empty
        node wants nothing narrow: its founding fetches all there is."""
        for branch in await self._database.read(lambda connection: _lacking(connection, hello)):
            self.want(peer, branch)

    async def _repair_wanted(self) -> None:
        while self._repairs:
            name, ahead = self._repairs.popitem()
            peer = self._peers.get(name)
            if peer is not None:
                try:
                    await self._repair(peer, ahead=ahead)
                except (Refusal, StorageError, sqlite3.Error) as error:
                    log.warning("repairing with %s is put off: %s", peer.name, error)

    async def _repair(self, peer: Peer, *, ahead: bool) -> None:
        """Compare bucket totals with a peer whose digest differs at equal heads, and merge the rows of the
        buckets that do. The peer does the same for itself. Raises Refusal."""
        wanted = TotalsRequest(to_epoch=peer.epoch or "", epoch=self._database.identity.epoch)
        theirs = await self._link.call(
            peer, "/replica/totals", wanted, expect=TotalsReply, patience=PAGE_TIMEOUT_SECONDS
        )
        ours = await self._database.read(anti_entropy.recorded_totals)
        differing = anti_entropy.differing(ours, theirs.totals)
        for relation in RELATIONS:
            after: str | None = "" if relation in differing else None
            while after is not None:
                page = await self._page(peer, relation, after, buckets=differing[relation])
                await self._merge(peer, page)
                after = page.next
        listed = ", ".join(f"{relation} {len(buckets)}" for relation, buckets in differing.items())
        if ahead and differing.keys() <= {"stock"}:
            log.info("took stock rows over from %s before their events come: %s", peer.name, listed)
        else:
            self._alarms.raise_("repaired", f"with {peer.name}, buckets: {listed or 'none'}")

    async def _fetch(self, peer: Peer, progress: Progress) -> bool:
        if progress.peer_epoch != peer.epoch:
            # Another life of the peer has other rows and other heads: nothing of the first is half of it.
            progress.peer_epoch, progress.relation = peer.epoch, None
            self._heads.pop((peer.name, progress.branch), None)
        try:
            for relation in RELATIONS[_index(progress) :]:
                if progress.relation != relation:
                    progress.relation, progress.through = relation, ""
                await self._fetch_relation(peer, progress, relation)
            await self._finish(peer, progress)
        except (Refusal, StorageError, sqlite3.Error) as error:
            log.warning("fetching from %s is put off: %s", peer.name, error)
            return False
        return True

    async def _fetch_relation(self, peer: Peer, progress: Progress, relation: Relation) -> None:
        after: str | None = progress.through
        while after is not None:
            page = await self._page(peer, relation, after, branch=progress.branch, buckets=[])
            # Heads of the first page: whatever happens at the donor later comes by events, or again.
            self._heads.setdefault((peer.name, progress.branch), page.heads)
            progress.left_out += await self._merge(peer, page)
            progress.rows += len(page.rows)
            after = page.next
            progress.through = after or progress.through

    async def _merge(self, peer: Peer, page: Page) -> int:
        """Merge a page and return how many of its rows could not be applied."""
        epoch = self._database.identity.epoch
        merged = await self._database.write(_merging(page, peer.name))
        for fork in merged.forks:
            self._alarms.raise_("fork", f"{peer.name} has {fork}")
        if merged.ahead:
            await self._rebirth.begin(epoch, f"{peer.name} has newer rows of this epoch")
        return len(merged.forks)

    async def _page(
        self,
        peer: Peer,
        relation: Relation,
        after: str,
        *,
        buckets: list[int],
        branch: str | None = None,
    ) -> Page:
        wanted = PageRequest(
            to_epoch=peer.epoch or "",
            epoch=self._database.identity.epoch,
            relation=relation,
            after=after,
            branch=branch,
            buckets=buckets,
        )
        page = await self._link.call(
            peer, "/replica/snapshot", wanted, expect=Page, patience=PAGE_TIMEOUT_SECONDS
        )
        if page.relation != wanted.relation or not snapshot.is_whole(page):
            raise Refusal(Answer(status=200, code="damaged_page"), "a page arrived damaged")
        return page

    async def _finish(self, peer: Peer, progress: Progress) -> None:
        heads = self._heads.pop((peer.name, progress.branch), {})
        await self._database.write(lambda tx: _adopt(tx, heads, progress))
        progress.done = True


def _index(progress: Progress) -> int:
    return RELATIONS.index(progress.relation) if progress.relation else 0


def _merging(page: Page, donor: str) -> Callable[[Transaction], ledger.Merged]:
    return lambda tx: snapshot.merge_page(tx, page, donor=donor)


def _adopt(tx: Transaction, heads: dict[str, Head], progress: Progress) -> None:
    """Take over the donor's heads: all of them after a whole fetch, those of the branch's dead lives after a
    narrow one. The audit keeps up to which event the donor had this node's earlier lives."""
    dead = ledger.dead_lives(tx.connection)
    whole = progress.branch is None

    def chosen(life: Life) -> bool:
        return whole or (life in dead and life[0] == progress.branch)

    snapshot.adopt_heads(tx, heads, lives=chosen)
    own = {key: head.seq for key, head in heads.items() if key.startswith(f"{tx.identity.name}@")}
    tx.audit(
        Actor(user_id=f"node:{progress.peer}", request_id=""),
        action="fetched",
        entity="node",
        entity_id=progress.branch or tx.identity.name,
        before=None,
        after={"rows": progress.rows, "had_this_branch_up_to": own},
        version=tx.lamport,
    )


def _lacking(connection: sqlite3.Connection, hello: Hello) -> list[str | None]:
    """What to fetch from who said this hello: None stands for everything, a name for one branch's."""
    if not handshake.is_founded(connection):
        return []
    applied = receiver.position(connection, (hello.node, hello.epoch))
    everything: list[str | None] = [None] if applied.seq < hello.oldest else []
    return [*everything, *_missing(connection, hello.heads)]


def _missing(connection: sqlite3.Connection, heads: dict[str, Head]) -> list[str]:
    known = handshake.heads(connection)
    behind: set[str] = set()
    for branch, epoch in ledger.dead_lives(connection):
        theirs = heads.get(f"{branch}@{epoch}")
        ours = known.get(f"{branch}@{epoch}")
        if theirs and (ours is None or (theirs.seq, theirs.event_id) > (ours.seq, ours.event_id)):
            behind.add(branch)
    return sorted(behind)
