"""The donor client: asks donors for rows page by page, checks each page, and fetches from one donor at a
time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from app.database import Identity
from app.sync.catchup import snapshot
from app.sync.peering.client import PeerClient, Refusal
from app.sync.peering.peers import Peer
from app.sync.rules.retry import Answer
from app.sync.wire.message import Message
from app.sync.wire.messages import Page, PageRequest, TotalsReply, TotalsRequest

PAGE_TIMEOUT_SECONDS = 10.0
LATE_SECONDS = 0.5

T = TypeVar("T")
M = TypeVar("M", bound=Message)


@dataclass
class Progress:
    """How far a fetch from one life of a peer is. `through` is the last merged key of `relation`, and
    `left_out` counts rows that could not be applied."""

    peer: str
    branch: str | None
    peer_epoch: str | None = None
    relation: str | None = None
    rows: int = 0
    left_out: int = 0
    through: str = ""
    done: bool = False


class FetchLock:
    """The lock that one donor's fetch holds. Donors have nearly the same rows, so they are asked one after
    the other: each sends only what the others did not.

    A donor whose answer is late loses the lock until it answers, so that the others need not wait.
    """

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._mine = False

    async def __aenter__(self) -> "FetchLock":
        await self._take()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._give()

    async def answer(self, call: Awaitable[T]) -> T:
        """The donor's answer, with the lock held again. Raises what the call raises."""
        task = asyncio.ensure_future(call)
        try:
            done, _ = await asyncio.wait({task}, timeout=LATE_SECONDS)
            if not done:
                self._give()
                await asyncio.wait({task})
                await self._take()
            return task.result()
        finally:
            task.cancel()

    async def _take(self) -> None:
        await self._lock.acquire()
        self._mine = True

    def _give(self) -> None:
        if self._mine:
            self._mine = False
            self._lock.release()


class DonorClient:
    """Sends requests to donors. Each request names the donor's life, so that rows of another life are never
    taken for its."""

    def __init__(self, link: PeerClient, *, identity: Callable[[], Identity]) -> None:
        self._link = link
        self._identity = identity

    async def page(
        self,
        peer: Peer,
        relation: str,
        after: str,
        *,
        of: str,
        buckets: list[int],
        branch: str | None = None,
    ) -> Page:
        """A page of a relation after the key `after`, from the peer's life `of`. Raises Refusal, also for a
        page that arrived damaged."""
        wanted = PageRequest(
            to_epoch=of,
            epoch=self._identity().epoch,
            relation=relation,
            after=after,
            branch=branch,
            buckets=buckets,
        )
        page = await self._call(peer, "/replica/snapshot", wanted, expect=Page)
        if page.relation != wanted.relation or not snapshot.is_whole(page):
            raise Refusal(Answer(status=200, code="damaged_page"), "a page arrived damaged")
        return page

    async def totals(self, peer: Peer, *, of: str, parked_after: str | None = None) -> TotalsReply:
        """The bucket totals of the peer's life `of`. With `parked_after`, also the next events that it keeps
        parked after that key. Raises Refusal."""
        wanted = TotalsRequest(to_epoch=of, epoch=self._identity().epoch, parked_after=parked_after)
        return await self._call(peer, "/replica/totals", wanted, expect=TotalsReply)

    async def _call(self, peer: Peer, path: str, wish: Message, *, expect: type[M]) -> M:
        return await self._link.call(peer, path, wish, expect=expect, patience=PAGE_TIMEOUT_SECONDS)
