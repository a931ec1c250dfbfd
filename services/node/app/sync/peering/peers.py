"""The state of each peer, as its messages show it. It is in memory only: after a start, hellos bring it
anew."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.life import Life
from app.runtime import Clock
from app.sync.rules.batch_size import SMALLEST, BatchSize
from app.sync.rules.hello_rules import Process
from app.sync.rules.retry import State
from app.sync.wire.errors import StaleIncarnation
from app.sync.wire.messages import Hello

HEARD_FROM_SECONDS = 10.0
"""A peer whose last message is no older than this takes part in the sharing of new stock."""


@dataclass
class Peer:
    """One configured peer. None in a field means unknown.

    - `clock_offset` is the peer's wall clock minus this node's, in seconds.
    - `refused` says that the last attempt failed by an answer: the peer refused, or its answer could not be
      used.
    - `latest` is the latest process seen in the peer's present epoch.
    - `protocol` is the version used with it, `schema` names its database schema, and `canonical` are the
      revisions of its rows. While `incompatible` has a reason, the peer is sent hellos only.
    - `decommissioned` says that its branch is decommissioned. `given_up` says that a rebuilding node could
      ask it no more before everything of its own was there, and took the others' word for it.
    - `batch_size` is how large its next batch may be, and `reported` the position that it reported last.
    - `work` wakes its sender when there is something to send. `alive` is set by a sign of life from the peer,
      which ends a pause between attempts.
    """

    name: str
    url: str
    epoch: str | None = None
    clock_offset: float = 0.0
    latest: Process = field(default_factory=Process)
    policy: str | None = None
    protocol: int | None = None
    schema: str | None = None
    canonical: Mapping[str, int] | None = None
    incompatible: str | None = None
    founded: bool | None = None
    heads: dict[str, int] = field(default_factory=dict)
    said_hello_at: float | None = None
    state: State = "unknown"
    attempts: int = 0
    refused: bool = False
    next_retry_at: float | None = None
    last_heard_at: float | None = None
    last_answered_at: float | None = None
    last_success_at: float | None = None
    last_error: str | None = None
    needs_hello: bool = True
    said_first_hello: bool = False
    decommissioned: bool = False
    given_up: bool = False
    batch_size: BatchSize = SMALLEST
    reported: int | None = None
    work: asyncio.Event = field(default_factory=asyncio.Event)
    alive: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def life(self) -> Life | None:
        """The peer's present life, or None while it is unknown."""
        return None if self.epoch is None else Life(self.name, self.epoch)


class Peers:
    """The configured peers, by name. Iteration yields the members only: those not decommissioned."""

    def __init__(self, addresses: Iterable[tuple[str, str]], *, clock: Clock) -> None:
        self._clock = clock
        self._by_name = {name: Peer(name=name, url=url) for name, url in addresses}
        self.batch_limit: Callable[[], int | None] = lambda: None  # of events; the lab may set one

    def __iter__(self) -> Iterator[Peer]:
        return iter([peer for peer in self._by_name.values() if not peer.decommissioned])

    @property
    def configured(self) -> Sequence[Peer]:
        """Every configured peer, decommissioned ones included."""
        return list(self._by_name.values())

    def note_gone(self, names: Iterable[str]) -> None:
        """Mark these branches as decommissioned. Their senders stop."""
        for peer in filter(None, map(self._by_name.get, names)):
            peer.decommissioned = True
            peer.work.set()
            peer.alive.set()

    def get(self, name: str) -> Peer | None:
        return self._by_name.get(name)

    def heard(self, peer: Peer, *, wakes: bool = True) -> None:
        """Note that a message of the peer just arrived. With `wakes`, its sender tries again at once."""
        peer.last_heard_at = self._clock.monotonic()
        if wakes:
            peer.alive.set()

    def answered(self, peer: Peer) -> None:
        """Note that the peer just answered a call of this node."""
        peer.last_answered_at = self._clock.monotonic()
        self.heard(peer)

    def require_latest(self, peer: Peer, hello: Hello) -> None:
        """Raise StaleIncarnation if a later process of the same epoch has said hello here before. A process
        acts only on that answer, so a delayed or repeated hello ends no life."""
        if peer.latest.is_after(process_of(hello)):
            raise StaleIncarnation(peer.name)

    def note_latest(self, peer: Peer, hello: Hello) -> None:
        """Store which process said this hello, first or in answer, unless a later one of the same epoch is
        stored.

        Call it after the hello was accepted: a process of a dead life must not count against the present one.
        """
        process = process_of(hello)
        if not peer.latest.is_after(process):
            peer.latest = process

    def is_unreached(self, branch: str) -> bool:
        """Whether a branch has not said hello to this process, so that it cannot be asked about itself."""
        peer = self._by_name.get(branch)
        return peer is None or peer.said_hello_at is None or peer.given_up

    def is_heard_from(self, peer: Peer) -> bool:
        at = peer.last_heard_at
        return at is not None and self._clock.monotonic() - at <= HEARD_FROM_SECONDS

    def is_silent(self, branch: str) -> bool:
        """Whether a branch was not heard from lately, so that it cannot be asked about itself."""
        peer = self._by_name.get(branch)
        return peer is None or not self.is_heard_from(peer)

    def can_be_asked(self, peer: Peer) -> bool:
        """Whether calls to a peer arrive, as far as they were tried. To be heard from is not enough: a link
        may be cut one way."""
        at = peer.last_answered_at
        answers = at is not None and self._clock.monotonic() - at <= HEARD_FROM_SECONDS
        return peer.incompatible is None and self.is_heard_from(peer) and (answers or peer.state == "unknown")

    def lives_heard_from(self) -> Sequence[Life]:
        """The present lives of the peers heard from lately, in configured order."""
        return [
            peer.life
            for peer in self
            if peer.life is not None and peer.incompatible is None and self.is_heard_from(peer)
        ]

    def greet_all(self) -> None:
        """Say hello to every peer at once, as after a start, because this node has begun another life."""
        for peer in self._by_name.values():
            peer.needs_hello = True
            peer.said_first_hello = False
            peer.work.set()
            peer.alive.set()

    def hurry(self, name: str) -> None:
        """Let a peer's sender say hello now, even in a pause."""
        peer = self._by_name[name]
        peer.needs_hello = True
        peer.work.set()
        peer.alive.set()

    def wake_all(self) -> None:
        """Let every peer's sender look at the outbox now."""
        for peer in self._by_name.values():
            peer.work.set()


def process_of(hello: Hello) -> Process:
    """The process that said this hello."""
    return Process(hello.epoch, (hello.incarnation.starts, hello.incarnation.random))
