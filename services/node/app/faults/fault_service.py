"""Makes and ends the lab's faults at this node: of its links, its disk, its clock and its batches.
LAB_FAULTS=1 only."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.database import Actor, Database, StorageError, StorageFull, Transaction
from app.domain.errors import NotFound
from app.domain.forms import Row
from app.faults.faulty_transport import FaultyTransport, Probe
from app.faults.forgery import Forged, Forger, Kind
from app.faults.knobs import Knob
from app.faults.link_faults import LinkFault, settings_of
from app.runtime import Clock
from app.sync.peering.peers import Peers

log = logging.getLogger("app.faults")

PROBE_SECONDS = 2.0  # as long as a hello waits
_BALLAST_PAGES = 4  # beyond the free ones of the file: more than any page in use has left


class _Undone(Exception):
    """Ends a probe of the disk that found room."""


@dataclass(frozen=True)
class FullDisk:
    """A disk that holds `max_bytes` of the database and no more, until `ends_at` (monotonic)."""

    max_bytes: int
    seconds: float
    ends_at: float


@dataclass(frozen=True)
class ActiveLinkFault:
    """A fault of the calls to `peer`. `calls` met it; `hits` of them it did not leave alone."""

    peer: str
    fault: LinkFault
    seed: int
    lease_seconds: float
    seconds_left: float
    calls: int
    hits: int


@dataclass(frozen=True)
class ActiveFullDisk:
    """A full disk, and how long it stays full."""

    max_bytes: int
    lease_seconds: float
    seconds_left: float


@dataclass(frozen=True)
class ActiveKnob:
    """A clock that is shifted by `value` seconds, or batches of `value` events; and for how long."""

    value: float
    lease_seconds: float
    seconds_left: float


@dataclass(frozen=True)
class ActiveFaults:
    """This node's faults of now."""

    links: Sequence[ActiveLinkFault]
    disk: ActiveFullDisk | None
    clock: ActiveKnob | None = None
    batch: ActiveKnob | None = None


class FaultService:
    """Makes and ends faults. Every fault is in the audit. Its end is written there too, unless the full disk
    forbids it, or a link's lease has just ended."""

    def __init__(
        self,
        database: Database,
        *,
        gate: FaultyTransport,
        peers: Peers,
        clock: Clock,
        skew: Knob,
        forger: Forger,
    ) -> None:
        """`skew` shifts the clock that the node reads."""
        self._database = database
        self._gate = gate
        self._peers = peers
        self._clock = clock
        self._forger = forger
        self._knobs = {"clock": skew, "batch": Knob(clock)}
        peers.batch_limit = self._batch_limit
        self._full: FullDisk | None = None
        self._ending: asyncio.Task[None] | None = None

    def active(self) -> ActiveFaults:
        """The active faults."""
        now, full = self._clock.monotonic(), self._full
        links = [
            ActiveLinkFault(
                peer=lease.peer,
                fault=lease.fault,
                seed=lease.seed,
                lease_seconds=lease.seconds,
                seconds_left=lease.ends_at - now,
                calls=lease.counts.calls,
                hits=lease.counts.hits,
            )
            for lease in self._gate.active()
        ]
        disk = None
        if full is not None:
            disk = ActiveFullDisk(full.max_bytes, full.seconds, max(0.0, full.ends_at - now))
        knobs = {
            name: ActiveKnob(turned.value, turned.seconds, turned.ends_at - now)
            for name, knob in self._knobs.items()
            if (turned := knob.active) is not None
        }
        return ActiveFaults(links=links, disk=disk, **knobs)

    async def put(
        self, peer: str, fault: LinkFault, *, lease_seconds: float, seed: int | None, actor: Actor
    ) -> None:
        """Put a fault on the link to a peer, in place of one of the same kind. The next call meets it at
        once. Raises NotFound for an unknown peer."""
        self._require(peer)
        settings = {"kind": fault.kind, **settings_of(fault), "lease_seconds": lease_seconds, "seed": seed}
        await self._database.write(lambda tx: _audit(tx, actor, "fault_made", "link", peer, after=settings))
        self._gate.put(peer, fault, lease_seconds=lease_seconds, seed=seed)
        self._peers.hurry(peer)

    async def lift(self, peer: str | None, *, actor: Actor) -> None:
        """End the faults on the link to a peer, or (None) every fault of this node, the disk's too. These
        peers get a hello at once. To end nothing is no error. Raises NotFound for an
        unknown peer."""
        if peer is not None:
            self._require(peer)
        else:
            if self._full is not None:
                await self.empty_disk(actor=actor)
            for name in self._knobs:
                await self.release(name, actor=actor)
        ended = self._gate.lift(peer)
        for name in dict.fromkeys(lease.peer for lease in ended):
            self._peers.hurry(name)
        await self._record_end(
            actor,
            [("link", lease.peer, {"kind": lease.fault.kind, **settings_of(lease.fault)}) for lease in ended],
        )

    async def probe(self, peer: str) -> Probe:
        """Send one harmless call to a peer over the link as it is. Raises NotFound."""
        self._require(peer)
        return await self._gate.probe(peer, patience=PROBE_SECONDS)

    async def forge(self, peer: str, kind: Kind, *, times: int, actor: Actor) -> list[Forged]:
        """Send a peer so many messages that no honest node sends; its answers. Raises NotFound."""
        self._require(peer)
        settings = {"kind": kind, "times": times}
        await self._database.write(lambda tx: _audit(tx, actor, "event_forged", "link", peer, after=settings))
        known = self._peers.get(peer)
        assert known is not None, "it was just required"
        return await self._forger.send(known, kind, times)

    async def turn(self, name: str, value: float, *, lease_seconds: float, actor: Actor) -> None:
        """Shift the `clock` by so many seconds, or let each `batch` hold so many events at most: a batch ends
        with a command, so it may hold the events of one command more."""
        after = {"value": value, "lease_seconds": lease_seconds}
        await self._database.write(lambda tx: _audit(tx, actor, "fault_made", name, name, after=after))
        self._knobs[name].turn(value, seconds=lease_seconds)

    async def release(self, name: str, *, actor: Actor) -> None:
        """Let the `clock` or the `batch` be as it is without the lab; again changes nothing."""
        value = self._knobs[name].release()
        if value is not None:
            await self._record_end(actor, [(name, name, {"value": value})])

    async def fill_disk(self, max_bytes: int, *, lease_seconds: float, actor: Actor) -> None:
        """Let the database grow to `max_bytes`, or to its present size if that is more, and no further. A
        command that needs more room is answered 507 and leaves nothing behind."""
        after = {"max_bytes": max_bytes, "lease_seconds": lease_seconds}
        await self._database.limit_bytes(None)  # or the audit of a renewed lease might find no room
        await self._database.write(lambda tx: _audit(tx, actor, "fault_made", "disk", "disk", after=after))
        await self._database.limit_bytes(max_bytes)
        self._stop_waiting()
        self._full = FullDisk(max_bytes, lease_seconds, self._clock.monotonic() + lease_seconds)
        self._ending = asyncio.create_task(self._end_of_lease(lease_seconds), name="lease of the full disk")

    async def empty_disk(self, *, actor: Actor) -> None:
        """Let the database grow again."""
        self._stop_waiting()
        await self._give_space(actor)

    async def probe_disk(self) -> bool:
        """Whether the disk refuses a write that needs room. The write is undone."""

        def write(tx: Transaction) -> None:
            free, size = (
                tx.connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_size")
            )
            actor = Actor(user_id="x" * (free + _BALLAST_PAGES) * size, request_id="")
            _audit(tx, actor, "probed", "disk", "disk")
            tx.rows.settle()  # now, before it is undone: the disk must see it
            raise _Undone

        try:
            await self._database.write(write)
        except StorageFull:
            return True
        except _Undone:
            return False
        raise AssertionError("the probe always raises")

    async def close(self) -> None:
        """Forget the lease of a full disk; the limit ends with the process."""
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.gather(self._ending, return_exceptions=True)

    async def _end_of_lease(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._give_space(Actor(user_id=f"node:{self._database.identity.name}", request_id=""))

    async def _give_space(self, actor: Actor) -> None:
        await self._database.limit_bytes(None)
        full, self._full = self._full, None
        if full is not None:
            await self._record_end(actor, [("disk", "disk", {"max_bytes": full.max_bytes})])

    def _batch_limit(self) -> int | None:
        value = self._knobs["batch"].value
        return None if value is None else int(value)

    def _stop_waiting(self) -> None:
        if self._ending is not None:
            self._ending.cancel()

    def _require(self, peer: str) -> None:
        if self._peers.get(peer) is None:
            raise NotFound("peer", peer)

    async def _record_end(self, actor: Actor, ended: Sequence[tuple[str, str, Row]]) -> None:
        def record(tx: Transaction) -> None:
            for entity, entity_id, before in ended:
                _audit(tx, actor, "fault_ended", entity, entity_id, before=before)

        try:
            await self._database.write(record)
        except StorageError as error:  # healing is not held up by a disk that is full in earnest
            log.warning("the end of %d faults is not in the audit: %s", len(ended), error)


def _audit(
    tx: Transaction,
    actor: Actor,
    action: str,
    entity: str,
    entity_id: str,
    *,
    before: Row | None = None,
    after: Row | None = None,
) -> None:
    tx.audit(
        actor,
        action=action,
        entity=entity,
        entity_id=entity_id,
        before=before,
        after=after,
        version=tx.lamport,
    )
