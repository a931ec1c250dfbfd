"""Which branches are decommissioned. The set only grows: a node that learns of one stores it and passes it
on.

All rights of a decommissioned branch are frozen, and a stock count does not wait for its answer. So a
decommissioning does not count while one disk alone stores it. If that disk were lost, the branch could come
back and sell units that a count has released.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from app.database import Actor, Transaction
from app.domain.life import Life

_WITNESSES = (
    "SELECT w.branch, w.peer FROM decommission_witnesses w"
    " JOIN epochs e ON e.branch = w.peer AND e.epoch = w.peer_epoch WHERE e.dead = 0"
    " ORDER BY w.branch, w.peer"
)


def is_done(
    branch: str, *, decommissioned: Collection[str], witnessed: Collection[str], others: Iterable[str]
) -> bool:
    """Whether a branch's decommissioning counts: this node stores it, and another member (`witnessed`) does
    too.

    Where every other branch of the roster (`others`) is decommissioned, this node's own record is enough.
    """
    return branch in decommissioned and (
        branch in witnessed or all(other in decommissioned for other in others)
    )


def gone(connection: sqlite3.Connection) -> list[str]:
    """Every branch known to be decommissioned, sorted by name."""
    return [row[0] for row in connection.execute("SELECT branch FROM decommissioned ORDER BY branch")]


def witnesses(connection: sqlite3.Connection) -> Mapping[str, list[str]]:
    """For each decommissioned branch, the members besides this node that store it durably. A dead life is no
    witness: what it stored may be lost with its disk."""
    found: dict[str, list[str]] = {}
    for branch, peer in connection.execute(_WITNESSES):
        found.setdefault(branch, []).append(peer)
    return found


def done(connection: sqlite3.Connection, *, others: Collection[str]) -> set[str]:
    """The branches whose decommissioning counts. `others` is the roster without this node."""
    known = gone(connection)
    witnessed = witnesses(connection) if known else {}
    return {
        branch
        for branch in known
        if is_done(branch, decommissioned=known, witnessed=witnessed, others=others)
    }


def pending(connection: sqlite3.Connection, *, others: Collection[str]) -> list[str]:
    """The decommissioned branches of the roster that no other member is known to store, sorted by name."""
    counting = done(connection, others=others)
    return [branch for branch in gone(connection) if branch in others and branch not in counting]


def learn(tx: Transaction, told: Iterable[str]) -> None:
    """Store the branches that a peer reports as decommissioned. This node's own branch may be among them."""
    for branch in told:
        tx.learn_gone(branch)


def witness(tx: Transaction, life: Life, told: Iterable[str]) -> None:
    """Store that this life of a peer has stored these decommissionings."""
    for branch in told:
        added = tx.connection.execute(
            "INSERT OR IGNORE INTO decommission_witnesses (branch, peer, peer_epoch) VALUES (?, ?, ?)",
            (branch, *life),
        )
        tx.effects.witnessed = tx.effects.witnessed or added.rowcount > 0


def decommission(tx: Transaction, branch: str, *, actor: Actor) -> None:
    """Mark a branch as decommissioned, for good. To repeat it changes nothing."""
    if branch in tx.gone:
        return
    tx.learn_gone(branch)
    tx.audit(
        actor,
        action="decommissioned",
        entity="node",
        entity_id=branch,
        before={"member": True},
        after={"member": False},
        version=tx.lamport,
    )
