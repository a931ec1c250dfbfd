"""The lives of all branches: which are known, and which are over."""

import sqlite3
from collections.abc import Iterable

from app.database import Transaction
from app.domain.life import Life


def dead_lives(connection: sqlite3.Connection) -> set[Life]:
    """Every life known to be over."""
    return {Life(*row) for row in connection.execute("SELECT branch, epoch FROM epochs WHERE dead = 1")}


def living_epochs(connection: sqlite3.Connection, branch: str) -> list[str]:
    """A branch's epochs that are not known to be over."""
    rows = connection.execute(
        "SELECT epoch FROM epochs WHERE branch = ? AND dead = 0 ORDER BY epoch", (branch,)
    )
    return [row[0] for row in rows]


def living(connection: sqlite3.Connection, lives: Iterable[Life]) -> list[Life]:
    """Those of `lives` that are not known to be over. Rights given to a dead life would be of no use."""
    dead = dead_lives(connection)
    return [life for life in lives if life not in dead]


def me(tx: Transaction) -> Life:
    """This node's own life, whose cells this transaction may write."""
    return Life(tx.identity.name, tx.identity.epoch)


def learn_life(tx: Transaction, life: Life, *, dead: bool = False) -> None:
    """Store a life. Every other life of this node's own branch is over, and stays so."""
    over = dead or (life.branch == tx.identity.name and life.epoch != tx.identity.epoch)
    tx.learn_life(life, over=over)


def is_over(tx: Transaction, life: Life) -> bool:
    """Whether a life is known to be over. Every life of a decommissioned branch is, even one never heard
    of."""
    known = tx.lives.get(life)
    return life.branch in tx.gone if known is None else known


def learn_deaths(tx: Transaction, told: Iterable[Life]) -> None:
    """Store lives that a peer reports as dead, except this node's own present life. Other code decides
    whether that is over, and what follows."""
    for life in told:
        if life != me(tx):
            learn_life(tx, life, dead=True)
