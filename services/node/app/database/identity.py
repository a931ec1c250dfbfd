"""The `node` row: who this file belongs to, and which start of it this is."""

import sqlite3
from random import Random

from app.database.errors import WrongDatabase
from app.database.transaction import Identity

EPOCH_BYTES = 16


def begin_start(connection: sqlite3.Connection, *, cluster_id: str, name: str, random: Random) -> Identity:
    """Count one more start of this file and return its identity; an empty file begins a new epoch.

    The epoch is drawn once per life of a disk, never from the name, so that a wiped node cannot be
    mistaken for the one that had its name before. Raises WrongDatabase for another node's file.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        row = connection.execute("SELECT cluster_id, name FROM node").fetchone()
        if row is None:
            epoch = random.randbytes(EPOCH_BYTES).hex()
            connection.execute(
                "INSERT INTO node (id, cluster_id, name, epoch, starts, founded, lamport, seq, order_counter,"
                " groups) VALUES (1, ?, ?, ?, 0, 0, 0, 0, 0, 0)",
                (cluster_id, name, epoch),
            )
            connection.execute("INSERT INTO epochs (branch, epoch, dead) VALUES (?, ?, 0)", (name, epoch))
        elif (row["cluster_id"], row["name"]) != (cluster_id, name):
            raise WrongDatabase(
                f"the database belongs to node {row['name']!r} of cluster {row['cluster_id']},"
                f" not to node {name!r} of cluster {cluster_id}"
            )
        connection.execute("UPDATE node SET starts = starts + 1")
        found = connection.execute("SELECT cluster_id, name, epoch, starts FROM node").fetchone()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return Identity(
        cluster_id=found["cluster_id"], name=found["name"], epoch=found["epoch"], starts=found["starts"]
    )
