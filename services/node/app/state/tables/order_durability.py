"""Which nodes store an order besides its branch, as far as its branch knows. An order that no other node
stores would be lost with this disk."""

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from app.database.node_row import present_life
from app.domain.life import Life
from app.domain.ranges import Ranges, common, holds
from app.state.tables.life_table import LIVING_CURSORS
from app.state.tables.order_rows import PLACE

_FEW_EVENTS = 20_000  # that no peer has: up to so many the log's end is read faster than all orders

_PLACES = f"SELECT {', '.join(PLACE)} FROM orders WHERE id IN (SELECT value FROM json_each(?))"
_LOG = f"""
    SELECT
        (SELECT COALESCE(MAX(acknowledged), 0) FROM {LIVING_CURSORS} WHERE epoch = n.epoch),
        (SELECT COALESCE(MIN(seq), 1) FROM events WHERE epoch = n.epoch),
        n.seq
    FROM node n
"""
_COUNT_BEYOND = """
    SELECT COUNT(*) FROM orders WHERE branch = ? AND donor = '' AND (announced != ? OR seq > ?)
"""
_PARKED = (
    "SELECT peer, peer_epoch, first_seq, last_seq FROM parked_elsewhere WHERE epoch = ? ORDER BY first_seq"
)
_CURSORS = f"SELECT peer, peer_epoch, acknowledged FROM {LIVING_CURSORS} WHERE epoch = ?"
_ANNOUNCED_BETWEEN = """
    SELECT seq FROM orders WHERE branch = ? AND donor = '' AND announced = ? AND seq BETWEEN ? AND ?
"""
_COUNT_BY_LOG = """
    SELECT
        (SELECT COUNT(*) FROM events WHERE epoch = :epoch AND seq > :stored AND kind = 'order_created'),
        (SELECT COUNT(*) FROM orders WHERE branch = :branch AND (epoch < :epoch OR epoch > :epoch)
            AND donor = '' AND announced != :epoch)
"""


def stored_by(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    """The nodes besides its branch that are known to store each of these orders durably, by name.

    At the order's branch these are the peers that acknowledged its event and did not park it. An order that
    was fetched back from a peer names that donor instead, until it is announced again. Elsewhere the list is
    this node.
    """
    return stored_by_places(connection, connection.execute(_PLACES, (json.dumps(list(ids)),)))


def stored_by_places(connection: sqlite3.Connection, places: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    """`stored_by`, of orders whose places were read already (`PLACE`)."""
    name, epoch = present_life(connection)
    parked = _parked_at(connection, epoch)
    cursors = [
        (peer, acknowledged, parked.get(Life(peer, peer_epoch), ()))
        for peer, peer_epoch, acknowledged in connection.execute(_CURSORS, (epoch,))
    ]

    everyone = sorted({peer for peer, _, _ in cursors})
    all_have = 0 if parked else min((to for _, to, _ in cursors), default=0)

    def peers_with(seq: int) -> list[str]:
        if seq <= all_have:
            return everyone
        return sorted({peer for peer, to, gaps in cursors if seq <= to and not holds(gaps, seq)})

    found: dict[str, list[str]] = {}
    for order_id, branch, announced, seq, donor in places:
        if branch != name:
            found[order_id] = [name]
        elif announced == epoch:
            found[order_id] = peers_with(seq)
        else:
            found[order_id] = [donor] if donor else []
    return found


def _parked_at(connection: sqlite3.Connection, epoch: str) -> dict[Life, list[tuple[int, int]]]:
    """The events of this epoch that lives of peers keep parked, as ranges in order."""
    parked: dict[Life, list[tuple[int, int]]] = {}
    for row in connection.execute(_PARKED, (epoch,)):
        parked.setdefault(Life(row[0], row[1]), []).append((row[2], row[3]))
    return parked


def at_risk(connection: sqlite3.Connection) -> int:
    """How many of this node's own orders no living peer is known to store. They would be lost with this
    disk."""
    life = present_life(connection)
    stored, first, last = log_of(connection)
    parked = at_risk_by_parking(connection, life, stored)
    if first <= stored + 1 and last - stored <= _FEW_EVENTS:
        return parked + _at_risk_by_log(connection, life, stored)
    return parked + int(connection.execute(_COUNT_BEYOND, (*life, stored)).fetchone()[0])


def log_of(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """How far some living peer has this node's log, its first event that is kept, and its last."""
    stored, first, last = connection.execute(_LOG).fetchone()
    return stored, first, last


def at_risk_by_parking(connection: sqlite3.Connection, life: Life, stored: int) -> int:
    """How many orders announced up to `stored` are parked at every peer that acknowledged them."""
    name, epoch = life
    parked = _parked_at(connection, epoch)
    if not parked:
        return 0
    nowhere: Ranges = [(1, stored)]
    for peer, peer_epoch, acknowledged in connection.execute(_CURSORS, (epoch,)):
        below = common(parked.get(Life(peer, peer_epoch), ()), [(1, acknowledged)])
        nowhere = common(nowhere, [*below, (acknowledged + 1, stored)])
    if not nowhere:
        return 0  # somebody has each of them: there is no need to look at orders
    announced = connection.execute(_ANNOUNCED_BETWEEN, (name, epoch, nowhere[0][0], nowhere[-1][1]))
    firsts = [first for first, _ in nowhere]
    return sum(seq <= nowhere[bisect_right(firsts, seq) - 1][1] for (seq,) in announced)


def _at_risk_by_log(connection: sqlite3.Connection, life: Life, stored: int) -> int:
    """The other orders at risk, counted from the log's end, which is short when some peer follows. These are
    orders announced beyond `stored`, and orders of earlier epochs that are not announced again yet."""
    values = {"branch": life.branch, "epoch": life.epoch, "stored": stored}
    announced, earlier = connection.execute(_COUNT_BY_LOG, values).fetchone()
    return int(announced + earlier)
