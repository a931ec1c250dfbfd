"""The answer of GET /status: the node's own view. Unknown is null, never 0."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.database import AlteredRow, Database, seals
from app.database.digest import read_digests
from app.database.identity import present_life
from app.database.migrations import newest_revision
from app.domain import stock
from app.runtime import Clock
from app.state import salvage
from app.state.registry import replicated
from app.state.tables import cell_rows, life_table, membership, order_durability, orders, stock_table
from app.sync.catchup import anti_entropy
from app.sync.catchup.catch_up import CatchUp
from app.sync.guards.alarms import Alarms
from app.sync.guards.readiness import Readiness
from app.sync.log import outbox, positions
from app.sync.log.outbox import Backlog
from app.sync.peering.peers import Peer, Peers

_LOCAL = ("events", "audit")
_PRODUCTS_AT_ONCE = 500


@dataclass(frozen=True)
class Reading:
    """The part of the status that comes from the database, from one read transaction."""

    epoch: str
    counts: dict[str, int]
    totals: Mapping[str, int | None]
    heads: dict[str, int]
    digest: str
    digests: dict[str, str]
    altered: list[dict[str, Any]]
    at_risk: int
    parked: int
    possible_duplicates: int
    gone: list[str]
    salvage: list[dict[str, Any]]
    backlogs: dict[str, Backlog]


async def node_status(
    database: Database,
    *,
    peers: Peers,
    readiness: Readiness,
    alarms: Alarms,
    catch_up: CatchUp,
    clock: Clock,
) -> dict[str, Any]:
    """The node's state, its backlog per peer, and the state of each peer."""
    lives = [(peer.name, peer.epoch) for peer in peers.configured]
    reading = await database.read(lambda connection: _read(connection, lives))
    return {
        "node": database.identity.name,
        "epoch": reading.epoch,
        "policy": readiness.policy,
        "ready": readiness.ready,
        "reason": readiness.reason,
        "fenced": readiness.fenced,
        "sqlite": sqlite3.sqlite_version,
        "schema": newest_revision(),
        "now": clock.wall(),
        "counts": reading.counts,
        "stock": reading.totals,
        "heads": reading.heads,
        "digest": reading.digest,
        "canonical": replicated.revisions(),
        "digests": reading.digests,
        "altered": reading.altered,
        "at_risk": reading.at_risk,
        "parked": reading.parked,
        "possible_duplicates": reading.possible_duplicates,
        "alarms": alarms.as_json(),
        "fetching": catch_up.as_json(),
        "decommissioned": reading.gone,
        "salvage": reading.salvage,
        "pending": {peer.name: reading.backlogs[peer.name].pending for peer in peers},
        "peers": {peer.name: _peer(peer, reading.backlogs[peer.name], clock) for peer in peers.configured},
    }


def _read(connection: sqlite3.Connection, lives: list[tuple[str, str | None]]) -> Reading:
    digest, digests = read_digests(connection)
    return Reading(
        epoch=connection.execute("SELECT epoch FROM node").fetchone()[0],
        counts={name: _count(connection, name) for name in (*replicated.relations(), *_LOCAL)},
        totals=_stock_totals(connection),
        heads={key: head.seq for key, head in positions.heads(connection).items()},
        digest=digest,
        digests=digests,
        altered=seals.listed(connection),
        at_risk=order_durability.at_risk(connection),
        parked=_count(connection, "parked"),
        possible_duplicates=orders.count_possible_duplicates(connection),
        gone=membership.gone(connection),
        salvage=salvage.accounts(connection),
        backlogs={name: outbox.backlog(connection, name, epoch) for name, epoch in lives},
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def _stock_totals(connection: sqlite3.Connection) -> Mapping[str, int | None]:
    """Units over all products: the company's available and frozen ones, rights here, and oversold ones. They
    are unknown while a stock row is altered."""
    dead = life_table.dead_lives(connection)
    life = present_life(connection)
    whole = {"available": 0, "frozen": 0, "here": 0, "oversold": 0}
    ids = [row[0] for row in connection.execute("SELECT DISTINCT product_id FROM stock")]
    for start in range(0, len(ids), _PRODUCTS_AT_ONCE):
        try:
            found = cell_rows.by_product(connection, ids[start : start + _PRODUCTS_AT_ONCE])
        except AlteredRow:
            return dict.fromkeys(whole)
        for cells in found.values():
            totals = stock.totals(cells, dead)
            whole["available"] += totals.available
            whole["frozen"] += totals.frozen
            whole["oversold"] += totals.oversold
            whole["here"] += stock_table.usable_rights(connection, cells, life)
    return whole


def _peer(peer: Peer, backlog: Backlog, clock: Clock) -> dict[str, Any]:
    if peer.gone:
        backlog = Backlog(pending=0, oldest_at=None, acknowledged=0)  # nothing is owed to who is no member
    met = peer.epoch is not None and not peer.gone
    oldest = None if backlog.oldest_at is None else max(0.0, clock.wall() - backlog.oldest_at)
    due = peer.next_retry_at
    return {
        "state": "decommissioned" if peer.gone else "needs_snapshot" if backlog.trimmed else peer.state,
        "epoch": peer.epoch,
        "protocol": peer.protocol,
        "schema": peer.schema,
        "another_schema": None if peer.schema is None else peer.schema != newest_revision(),
        "comparable": None if peer.canonical is None else _comparable(peer.canonical),
        "pending": backlog.pending,
        "oldest_pending_seconds": oldest,
        "acknowledged": backlog.acknowledged if met else None,
        "attempts": peer.attempts,
        "next_retry_seconds": None if due is None else max(0.0, due - clock.monotonic()),
        "last_success_at": peer.last_success_at,
        "last_error": peer.last_error,
    }


def _comparable(theirs: Mapping[str, int]) -> bool:
    """Whether a peer's digest is made under the same revisions as this node's. Only then do the two show
    whether the rows differ."""
    ours = replicated.revisions()
    return anti_entropy.alike(ours, theirs) == ours.keys() and theirs.keys() <= ours.keys()
