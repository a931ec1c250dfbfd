"""What this node knows of its peers from talking to them. In memory: hello learns it anew after a start."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.life import Life
from app.runtime import Clock
from app.sync.rules.hello_rules import Process
from app.sync.rules.retry import State
from app.sync.wire.errors import StaleIncarnation
from app.sync.wire.messages import Hello

HEARD_FROM_SECONDS = 10.0
"""A peer that said something within this time takes part in sharing new stock."""


@dataclass
class Peer:
    """One configured peer. `clock_offset` is its wall clock minus ours, seconds; `None` is unknown.

    `refused` says that the last attempt failed by an answer, its own or what this node made of it.
    `latest` is the latest process that said hello in the present epoch, of itself or in answer.
    `protocol` is the version that both speak, `schema` names the peer's database schema, `canonical` are the
    revisions of its rows, and `incompatible` says why nothing is said to it but hello. `gone` says that its
    branch was decommissioned.
    `work` tells its sender that there is something to do, `alive` that the peer gave a sign of life, which
    ends a pause between attempts.
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
    gone: bool = False
    work: asyncio.Event = field(default_factory=asyncio.Event)
    alive: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def life(self) -> Life | None:
        """The peer's present life, or None while none is known."""
        return None if self.epoch is None else Life(self.name, self.epoch)


class Peers:
    """The configured peers by name. Iterating goes over the members among them: those not decommissioned."""

    def __init__(self, addresses: Iterable[tuple[str, str]], *, clock: Clock) -> None:
        self._clock = clock
        self._by_name = {name: Peer(name=name, url=url) for name, url in addresses}

    def __iter__(self) -> Iterator[Peer]:
        return iter([peer for peer in self._by_name.values() if not peer.gone])

    @property
    def configured(self) -> Sequence[Peer]:
        """Every configured peer, decommissioned ones included."""
        return list(self._by_name.values())

    def note_gone(self, names: Iterable[str]) -> None:
        """Count these branches as members no more; their senders stop what they were at."""
        for peer in filter(None, map(self._by_name.get, names)):
            peer.gone = True
            peer.work.set()
            peer.alive.set()

    def get(self, name: str) -> Peer | None:
        return self._by_name.get(name)

    def heard(self, peer: Peer, *, wakes: bool = True) -> None:
        """Note that the peer just said something; where that `wakes`, its sender tries again at once."""
        peer.last_heard_at = self._clock.monotonic()
        if wakes:
            peer.alive.set()

    def answered(self, peer: Peer) -> None:
        """Note that the peer just answered a call of this node's."""
        peer.last_answered_at = self._clock.monotonic()
        self.heard(peer)

    def require_latest(self, peer: Peer, hello: Hello) -> None:
        """Raise StaleIncarnation when a later process of the same life has said hello here before: only the
        one that is answered so acts on it, so a delayed or repeated hello ends nobody's life."""
        if peer.latest.is_after(process_of(hello)):
            raise StaleIncarnation(peer.name)

    def note_latest(self, peer: Peer, hello: Hello) -> None:
        """Remember which process of the peer's present life said this hello, of itself or in answer: a later
        one is not believed before it was asked for. One of a life that is over must not count against the
        present one."""
        process = process_of(hello)
        if not peer.latest.is_after(process):
            peer.latest = process

    def is_heard_from(self, peer: Peer) -> bool:
        at = peer.last_heard_at
        return at is not None and self._clock.monotonic() - at <= HEARD_FROM_SECONDS

    def can_be_asked(self, peer: Peer) -> bool:
        """Whether calls to a peer that is heard from get there too, as far as was tried: a link may be cut
        one way."""
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
        """Say hello to every peer at once, as after a start: this node lives another life."""
        for peer in self._by_name.values():
            peer.needs_hello = True
            peer.said_first_hello = False
            peer.work.set()
            peer.alive.set()

    def hurry(self, name: str) -> None:
        """Let a peer's sender say hello now, whatever pause it is in."""
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
