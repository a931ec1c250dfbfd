"""A branch's lives: ends one that can no longer be trusted, and begins another."""

import sqlite3

from app.database import Actor, Transaction
from app.database.identity import EPOCH_BYTES
from app.state.registry import replicated
from app.state.tables import life_table, orders

ORDERS_A_COMMAND = 200
"""How many orders one command announces again. A batch is never cut inside a command, so it must stay
small."""


def begin_again(tx: Transaction, *, why: str) -> None:
    """End this node's life and begin another, without rights. A peer has more of the old life than this disk
    has, so what the old life spent cannot be known.

    Everything here that peers might lack is announced again under the new epoch: catalogue and stock in this
    command, orders by `announce_orders`, some at a time. `why` is the evidence, for the audit.
    """
    before = tx.identity
    tx.begin_epoch(tx.random.randbytes(EPOCH_BYTES).hex())
    for entity in replicated.entities():
        if entity.announced is not None:
            for row in tx.connection.execute(entity.announced).fetchall():
                tx.emit(entity.event_kind, row[0])
    tx.audit(
        Actor(user_id=f"node:{before.name}", request_id=""),
        action="new_epoch",
        entity="node",
        entity_id=before.name,
        before={"epoch": before.epoch},
        after={"epoch": tx.identity.epoch, "why": why},
        version=tx.lamport,
    )


def end(tx: Transaction) -> None:
    """End this node's life without beginning another; the next process does that."""
    life_table.end(tx, life_table.me(tx))


def is_over(connection: sqlite3.Connection) -> bool:
    """Whether this disk's own life has ended."""
    query = "SELECT 1 FROM epochs JOIN node ON branch = name AND epochs.epoch = node.epoch WHERE dead = 1"
    return connection.execute(query).fetchone() is not None


def announce_orders(tx: Transaction) -> bool:
    """Announce the next orders of an earlier epoch again. Returns True while there may be more. After a
    crash, the next call continues where it stopped."""
    return orders.announce_again(tx, limit=ORDERS_A_COMMAND) == ORDERS_A_COMMAND
