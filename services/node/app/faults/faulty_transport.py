"""The lab's hand on this node's outgoing calls (LAB_FAULTS=1 only; without it no gate is built).

    PeerClient ──▶ FaultyTransport ──▶ cut ▶ flaky ▶ slow ▶ reorder ▶ duplicate ──▶ HttpTransport ──▶ peer

A link has at most one fault of each kind; a two-way cut takes the gates of both nodes.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from app.faults.forgery import EVENT_PATH, Overheard
from app.faults.link_faults import ORDER, Late, LinkFault, Means, Send
from app.runtime import Clock
from app.security.replica_tokens import REQUEST_HEADER
from app.sync.peering.transport import Response, Transport
from app.sync.wire.errors import Unreachable

LONGEST_LEASE_SECONDS = 3600.0


@dataclass
class Counts:
    """How many calls met a fault, and how many of them it did not leave alone."""

    calls: int = 0
    hits: int = 0

    def hit(self) -> None:
        self.hits += 1


@dataclass(frozen=True)
class Lease:
    """A fault on the link to `peer` until `ends_at` (monotonic). `seed` decides all it leaves to chance."""

    peer: str
    fault: LinkFault
    seed: int
    seconds: float
    ends_at: float
    means: Means
    counts: Counts


@dataclass(frozen=True)
class Probe:
    """How one call fared that asks nothing of the peer: an answer of any kind is an answer."""

    answered: bool
    seconds: float
    error: str | None


class FaultyTransport:
    """A transport whose calls meet the faults of their link. A fault ends with its lease, by itself."""

    def __init__(
        self,
        inner: Transport,
        *,
        addresses: Iterable[tuple[str, str]],
        clock: Clock,
        random: Random,
        sign_again: Callable[[str], str],
    ) -> None:
        """`sign_again` issues another token for a request: a repeated message is signed anew, since a token
        is good for one."""
        self._inner = inner
        self._urls = dict(addresses)
        self._clock = clock
        self._random = random
        self._sign_again = sign_again
        self._leases: dict[tuple[str, str], Lease] = {}
        self._taken: dict[str, Overheard] = {}
        self._under_way: dict[asyncio.Task[None], None] = {}  # in order: a set's would differ by run

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        sent = 0

        async def send(patience: float) -> Response:
            nonlocal sent
            sent += 1
            signed = headers if sent == 1 else self._signed_again(headers)
            answer = await self._inner.post(url, body=body, headers=signed, patience=patience)
            if answer.status == 200 and REQUEST_HEADER in signed:
                self._overhear(url, body, signed[REQUEST_HEADER])
            return answer

        carried: Send = send
        for lease in reversed(self._on_the_way_to(url)):
            carried = _through(lease, carried)
        return await carried(patience)

    async def close(self) -> None:
        """Drop what is held back or late, and close the real transport."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._inner.close()

    def put(self, peer: str, fault: LinkFault, *, lease_seconds: float, seed: int | None = None) -> Lease:
        """Put a fault on the link to a peer, in place of one of its kind; without a seed, it draws one."""
        seed = self._random.getrandbits(32) if seed is None else seed
        counts = Counts()
        lease = Lease(
            peer=peer,
            fault=fault,
            seed=seed,
            seconds=lease_seconds,
            ends_at=self._clock.monotonic() + lease_seconds,
            means=Means(clock=self._clock, random=Random(seed), hit=counts.hit, later=self._see_through),
            counts=counts,
        )
        self._leases[peer, fault.kind] = lease
        return lease

    def lift(self, peer: str | None = None) -> list[Lease]:
        """End the faults on the link to a peer, or (None) on every link; those that were active."""
        ended = [lease for lease in self.active() if peer in (None, lease.peer)]
        for lease in ended:
            del self._leases[lease.peer, lease.fault.kind]
        return ended

    def active(self) -> list[Lease]:
        """The faults whose lease runs, by peer and then in the order in which a call meets them."""
        now = self._clock.monotonic()
        self._leases = {key: lease for key, lease in self._leases.items() if lease.ends_at > now}
        return sorted(self._leases.values(), key=lambda lease: (lease.peer, ORDER.index(lease.fault.kind)))

    async def probe(self, peer: str, *, patience: float) -> Probe:
        """Send a peer a hello without a token, which it refuses unread, and say how that fared."""
        began = self._clock.monotonic()
        error = None
        try:
            await self.post(self._urls[peer] + "/replica/hello", body=b"", headers={}, patience=patience)
        except Unreachable as unreachable:
            error = str(unreachable)
        return Probe(answered=error is None, seconds=self._clock.monotonic() - began, error=error)

    def overheard(self, peer: str) -> Overheard | None:
        """The last batch that the peer took, as it was sent; None before the first."""
        return self._taken.get(peer)

    def _overhear(self, url: str, body: bytes, token: str) -> None:
        for peer, its_url in self._urls.items():
            if url == its_url + EVENT_PATH:
                self._taken[peer] = Overheard(body, token)

    def _signed_again(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        token = headers.get(REQUEST_HEADER)
        return headers if token is None else {**headers, REQUEST_HEADER: self._sign_again(token)}

    def _on_the_way_to(self, url: str) -> list[Lease]:
        return [lease for lease in self.active() if url.startswith(self._urls[lease.peer] + "/")]

    def _see_through(self, late: Late) -> None:
        task = asyncio.create_task(_unheard(late), name="late call")
        self._under_way[task] = None
        task.add_done_callback(lambda done: self._under_way.pop(done, None))


def _through(lease: Lease, send: Send) -> Send:
    async def carry(patience: float) -> Response:
        lease.counts.calls += 1
        return await lease.fault.carry(send, patience, lease.means)

    return carry


async def _unheard(late: Late) -> None:
    with suppress(Unreachable):
        await late()
