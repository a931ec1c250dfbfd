"""Which branches are decommissioned. The set only grows: a node that learns of one stores it and passes it
on.

All rights of a decommissioned branch are frozen, and a stock count does not wait for its answer. So a
decommissioning does not count until a majority of the members stores it (`app.domain.members`), or an admin
insists at the branch that counts.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from app.database import Actor, Transaction
from app.domain import members
from app.domain.life import Life
from app.state.tables import life_table

_WITNESSES = (
    "SELECT w.branch, w.peer FROM decommission_witnesses w"
    " JOIN epochs e ON e.branch = w.peer AND e.epoch = w.peer_epoch"
    " WHERE e.dead = 0 OR w.peer IN (SELECT branch FROM decommissioned)"
    " ORDER BY w.branch, w.peer"
)
_OWN_NAME = "SELECT name FROM node"
_INSISTED = "SELECT branch FROM decommission_words ORDER BY branch"
_INSIST = "INSERT OR IGNORE INTO decommission_words (branch) VALUES (?)"


def decommissioned(connection: sqlite3.Connection) -> list[str]:
    """Every branch known to be decommissioned, sorted by name."""
    return [row[0] for row in connection.execute("SELECT branch FROM decommissioned ORDER BY branch")]


def over_among(connection: sqlite3.Connection, lives: Iterable[Life]) -> frozenset[Life]:
    """Those of these lives that are over, as `life_table.is_over` tells a transaction."""
    dead, gone = life_table.dead_lives(connection), decommissioned(connection)
    return frozenset(life for life in lives if life in dead or life.branch in gone)


def witnesses(connection: sqlite3.Connection) -> Mapping[str, list[str]]:
    """For each decommissioned branch, the branches besides this node that store it durably. A dead life is no
    witness: what it stored may be lost with its disk. But what a decommissioned branch stored while it was a
    member was decided with it, and stays so."""
    found: dict[str, list[str]] = {}
    for branch, peer in connection.execute(_WITNESSES):
        found.setdefault(branch, []).append(peer)
    return found


def done(connection: sqlite3.Connection, *, others: Collection[str]) -> set[str]:
    """The branches whose decommissioning counts. `others` is the roster without this node."""
    known = decommissioned(connection)
    if not known:
        return set()
    me = str(connection.execute(_OWN_NAME).fetchone()[0])
    witnessed = witnesses(connection)
    return members.counting(
        known,
        roster={me, *others},
        stored_by={branch: {me, *witnessed.get(branch, ())} for branch in known},
        insisted=[row[0] for row in connection.execute(_INSISTED)],
    )


def has_left(tx: Transaction, branch: str) -> bool:
    """Whether this node, once it belongs to a network, knows that a branch left it. Then nothing that the
    branch says counts, also not an answer to what it was asked as a member."""
    return bool(tx.counters.founded) and branch in tx.decommissioned


def pending(connection: sqlite3.Connection, *, others: Collection[str]) -> list[str]:
    """The decommissioned branches of the roster that do not count yet, sorted by name."""
    counting = done(connection, others=others)
    return [branch for branch in decommissioned(connection) if branch in others and branch not in counting]


def learn(tx: Transaction, told: Iterable[str]) -> None:
    """Store the branches that a peer reports as decommissioned. This node's own branch may be among them."""
    for branch in told:
        _learn(tx, branch)


def witness(tx: Transaction, life: Life, told: Iterable[str]) -> None:
    """Store that this life of a peer has stored these decommissionings."""
    for branch in told:
        added = tx.connection.execute(
            "INSERT OR IGNORE INTO decommission_witnesses (branch, peer, peer_epoch) VALUES (?, ?, ?)",
            (branch, *life),
        )
        tx.effects.witnessed = tx.effects.witnessed or added.rowcount > 0


def decommission(tx: Transaction, branch: str, *, insist: bool = False, actor: Actor) -> None:
    """Mark a branch as decommissioned, for good. To repeat it changes nothing.

    With `insist` it counts at this node even if no majority of the members stores it. That word is not sent
    to peers: it counts only where an admin gave it.
    """
    if branch not in tx.decommissioned:
        _learn(tx, branch)
        _audit(tx, branch, "decommissioned", actor)
    if insist and tx.connection.execute(_INSIST, (branch,)).rowcount:
        _audit(tx, branch, "decommissioned_without_majority", actor)


def _learn(tx: Transaction, branch: str) -> None:
    if branch not in tx.decommissioned:
        tx.learn_decommissioned(branch)
        life_table.learn_granted(tx, life_table.granted_to(tx.direct, branch))


def _audit(tx: Transaction, branch: str, action: str, actor: Actor) -> None:
    tx.audit(
        actor,
        action=action,
        entity="node",
        entity_id=branch,
        before={"member": True},
        after={"member": False},
        version=tx.lamport,
    )
