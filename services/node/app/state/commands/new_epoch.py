"""A branch's lives: ending one that can no longer be trusted, and beginning another."""

import sqlite3

from app.database import Actor, Transaction
from app.database.identity import EPOCH_BYTES
from app.state.registry import replicated
from app.state.tables import life_table, orders

ORDERS_A_COMMAND = 200
"""Orders announced again in one command: a batch is never cut inside a command, so it must stay small."""


def begin_again(tx: Transaction, *, why: str) -> None:
    """End this node's life and begin another, without rights: a peer knows more of the old one than this disk
    does, so what it spent there cannot be known.

    Everything this disk holds that peers might lack is announced again under the new epoch: catalogue and
    stock here, orders by `announce_orders`, some at a time.
    """
    before = tx.identity
    tx.begin_epoch(tx.random.randbytes(EPOCH_BYTES).hex())
    for entity in replicated.entities():
        if entity.announced is not None:
            for row in tx.connection.execute(entity.announced).fetchall():
                tx.emit(entity.told_by, row[0])
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
    """End this node's life without beginning another yet: that is for the next process to do."""
    life_table.learn_life(tx, life_table.me(tx), dead=True)


def is_over(connection: sqlite3.Connection) -> bool:
    """Whether this disk's own life has ended."""
    query = "SELECT 1 FROM epochs JOIN node ON branch = name AND epochs.epoch = node.epoch WHERE dead = 1"
    return connection.execute(query).fetchone() is not None


def announce_orders(tx: Transaction) -> bool:
    """Announce the next orders of an earlier epoch again; True while there may be more. Repeating it after
    a crash goes on where it stopped."""
    return orders.announce_again(tx, limit=ORDERS_A_COMMAND) == ORDERS_A_COMMAND
