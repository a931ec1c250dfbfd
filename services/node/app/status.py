"""The answer of GET /status: the node's own view. Unknown is null, never 0."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from app.database import Database, seals
from app.database.digest import read_digests
from app.database.migrations import newest_revision
from app.database.seals import ListedRow
from app.domain.stock import Policy
from app.faults.fault_service import ActiveFaults
from app.runtime import Clock
from app.state import salvage
from app.state.registry import replicated
from app.state.salvage.account import SalvagedFile
from app.state.tables import membership
from app.state.tables.tallies import Tallies
from app.sync.catchup import anti_entropy
from app.sync.catchup.catch_up import CatchUp
from app.sync.catchup.donor_client import Progress
from app.sync.guards.alarms import Alarm, Alarms
from app.sync.guards.readiness import Readiness
from app.sync.log import dead_letters, outbox, positions
from app.sync.log.outbox import Backlog
from app.sync.peering.peers import Peer, Peers
from app.sync.rules.retry import State


@dataclass(frozen=True)
class PeerStatus:
    """What this node knows of a peer, and what it owes it. Times are in seconds, those that end with `_at`
    since 1970."""

    state: State | Literal["decommissioned"]
    epoch: str | None
    protocol: int | None
    schema: str | None
    another_schema: bool | None
    comparable: bool | None
    pending: int | None
    oldest_pending_seconds: float | None
    acknowledged: int | None
    attempts: int
    next_retry_seconds: float | None
    last_success_at: float | None
    last_error: str | None


@dataclass(frozen=True, kw_only=True)
class NodeStatus:
    """The node's state, its backlog per peer, and the state of each peer. While the database is damaged, what
    only the database could say has its default. `faults` is None where there is no lab."""

    node: str
    policy: Policy
    ready: bool
    reason: str | None
    fenced: str | None
    sqlite: str
    schema: str
    now: float
    canonical: Mapping[str, int]
    alarms: Mapping[str, Alarm]
    decommissioned: Sequence[str]
    pending: Mapping[str, int | None]
    epoch: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    stock: Mapping[str, int | None] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)
    digest: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    altered: Sequence[ListedRow] = ()
    at_risk: int | None = None
    parked: int | None = None
    possible_duplicates: int | None = None
    fetching: Sequence[Progress] = ()
    salvage: Sequence[SalvagedFile] = ()
    peers: Mapping[str, PeerStatus] = field(default_factory=dict)
    faults: ActiveFaults | None = None


@dataclass(frozen=True)
class Reading:
    """The part of the status that comes from the database, from one read transaction."""

    epoch: str
    counts: dict[str, int]
    totals: Mapping[str, int | None]
    heads: dict[str, int]
    digest: str
    digests: dict[str, str]
    altered: list[ListedRow]
    at_risk: int
    parked: int
    possible_duplicates: int
    decommissioned: list[str]
    salvage: list[SalvagedFile]
    backlogs: dict[str, Backlog]


async def node_status(
    database: Database,
    *,
    peers: Peers,
    readiness: Readiness,
    alarms: Alarms,
    catch_up: CatchUp,
    clock: Clock,
    tallies: Tallies,
) -> NodeStatus:
    """The status of a node whose database can be read. One is made at a time, of these `tallies`."""
    lives = [(peer.name, peer.epoch) for peer in peers.configured]
    tallies.begin(database.identity.epoch)
    reading = await database.read(lambda connection: _read(connection, lives, tallies))
    return replace(
        status_without_database(
            database.identity.name, readiness=readiness, alarms=alarms, peers=peers, clock=clock
        ),
        epoch=reading.epoch,
        counts=reading.counts,
        stock=reading.totals,
        heads=reading.heads,
        digest=reading.digest,
        digests=reading.digests,
        altered=reading.altered,
        at_risk=reading.at_risk,
        parked=reading.parked,
        possible_duplicates=reading.possible_duplicates,
        fetching=catch_up.fetches,
        decommissioned=reading.decommissioned,
        salvage=reading.salvage,
        pending={peer.name: reading.backlogs[peer.name].pending for peer in peers},
        peers={peer.name: _peer(peer, reading.backlogs[peer.name], clock) for peer in peers.configured},
    )


def status_without_database(
    name: str, *, readiness: Readiness, alarms: Alarms, peers: Peers, clock: Clock
) -> NodeStatus:
    """The status of a node whose database cannot be read: what only the database could say is unknown."""
    return NodeStatus(
        node=name,
        policy=readiness.policy,
        ready=readiness.ready,
        reason=readiness.reason,
        fenced=readiness.fenced,
        sqlite=sqlite3.sqlite_version,
        schema=newest_revision(),
        now=clock.wall(),
        canonical=replicated.revisions(),
        alarms=alarms.raised,
        decommissioned=[peer.name for peer in peers.configured if peer.decommissioned],
        pending={peer.name: None for peer in peers},
    )


def _read(connection: sqlite3.Connection, lives: list[tuple[str, str | None]], tallies: Tallies) -> Reading:
    digest, digests = read_digests(connection)
    return Reading(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        counts={
            **{name: tallies.rows(connection, name) for name in replicated.relations()},
            "events": tallies.events(connection),
            "audit": tallies.rows(connection, "audit"),
        },
        totals=tallies.stock(connection),
        heads={key: head.seq for key, head in positions.heads(connection).items()},
        digest=digest,
        digests=digests,
        altered=seals.listed(connection),
        at_risk=tallies.at_risk(connection),
        parked=dead_letters.count(connection),
        possible_duplicates=tallies.possible_duplicates(connection),
        decommissioned=membership.decommissioned(connection),
        salvage=salvage.accounts(connection),
        backlogs={name: outbox.backlog(connection, name, epoch) for name, epoch in lives},
    )


def _peer(peer: Peer, backlog: Backlog, clock: Clock) -> PeerStatus:
    if peer.decommissioned:
        backlog = Backlog(pending=0, oldest_at=None, acknowledged=0)  # nothing is owed to who is no member
    met = peer.epoch is not None and not peer.decommissioned
    oldest = None if backlog.oldest_at is None else max(0.0, clock.wall() - backlog.oldest_at)
    due = peer.next_retry_at
    return PeerStatus(
        state="decommissioned"
        if peer.decommissioned
        else "needs_snapshot"
        if backlog.trimmed
        else peer.state,
        epoch=peer.epoch,
        protocol=peer.protocol,
        schema=peer.schema,
        another_schema=None if peer.schema is None else peer.schema != newest_revision(),
        comparable=None if peer.canonical is None else _comparable(peer.canonical),
        pending=backlog.pending,
        oldest_pending_seconds=oldest,
        acknowledged=backlog.acknowledged if met else None,
        attempts=peer.attempts,
        next_retry_seconds=None if due is None else max(0.0, due - clock.monotonic()),
        last_success_at=peer.last_success_at,
        last_error=peer.last_error,
    )


def _comparable(theirs: Mapping[str, int]) -> bool:
    """Whether a peer's digest is made under the same revisions as this node's. Only then do the two show
    whether the rows differ."""
    ours = replicated.revisions()
    return anti_entropy.alike(ours, theirs) == ours.keys() and theirs.keys() <= ours.keys()
