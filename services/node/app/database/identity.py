"""Opening a file: which node it belongs to, of which founding it is, and which start of it this is."""

import sqlite3
from pathlib import Path
from random import Random

from app.database import own_rows
from app.database.errors import DamagedDatabase, StorageFailed, WrongDatabase
from app.database.file import decoded_somehow, look, make_folder, opening_error
from app.database.node_row import Identity

EPOCH_BYTES = 16
UNREADABLE = "unreadable"
"""The epoch of a damaged file whose epoch cannot be read."""


def require_own_file(path: Path, *, cluster_id: str, name: str) -> None:
    """Check whether this node may use the file, before anything is started. It may use an absent one; a
    damaged one is held. Raises WrongDatabase, or StorageFailed with the reason."""
    try:
        make_folder(path.parent)
        if not path.exists():
            return
        row = look(path, _owner)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be used: {error.strerror}") from error
    except sqlite3.Error as error:
        meaning = opening_error(path, error)
        if isinstance(meaning, DamagedDatabase):
            return
        raise meaning from error
    if row is not None:
        _require_own(row, cluster_id=cluster_id, name=name)


def identity_of_damaged(path: Path, *, cluster_id: str, name: str) -> Identity:
    """The node and epoch of a damaged file, as far as they can be read; otherwise the epoch is UNREADABLE.
    Raises WrongDatabase if the file certainly belongs to another node."""
    unknown = Identity(cluster_id=cluster_id, name=name, epoch=UNREADABLE, starts=0)
    try:
        row = look(path, _owner)
    except sqlite3.Error:
        return unknown
    if row is None:
        return unknown
    _require_own(row, cluster_id=cluster_id, name=name)
    return Identity(cluster_id=cluster_id, name=name, epoch=str(row["epoch"]), starts=int(row["starts"]))


def _owner(connection: sqlite3.Connection) -> sqlite3.Row | None:
    connection.row_factory = sqlite3.Row
    connection.text_factory = decoded_somehow
    if not own_rows.knows_itself(connection):
        return None  # what it says may be anything
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'node'").fetchone() is None:
        return None
    row: sqlite3.Row | None = connection.execute(
        "SELECT cluster_id, name, epoch, starts FROM node"
    ).fetchone()
    return row


def _require_own(row: sqlite3.Row, *, cluster_id: str, name: str) -> None:
    if (row["cluster_id"], row["name"]) != (cluster_id, name):
        raise WrongDatabase(
            f"the database belongs to node {row['name']!r} of cluster {row['cluster_id']},"
            f" not to node {name!r} of cluster {cluster_id}"
        )


def founding_of(connection: sqlite3.Connection) -> str | None:
    """The founding of a file's network; None where the file says none, as one of an earlier version does."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(node)")}
    if "founding" not in columns:
        return None
    row = connection.execute("SELECT founding FROM node").fetchone()
    return str(row[0]) or None if row is not None else None


def begin_start(
    connection: sqlite3.Connection, *, cluster_id: str, name: str, founding: str = "", random: Random
) -> Identity:
    """Count one more start of this file and return its identity. An empty file begins a new epoch, and a file
    without a founding gets this one. A file that has one keeps it, whatever the setting says: what was set
    may have been lost beside it.

    The epoch is drawn once per life of a disk, never from the name. So a wiped node cannot be mistaken for
    the one that had its name before. Raises WrongDatabase for another node's file.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        row = connection.execute("SELECT cluster_id, name FROM node").fetchone()
        if row is None:
            epoch = random.randbytes(EPOCH_BYTES).hex()
            connection.execute(
                "INSERT INTO node (id, cluster_id, name, epoch, starts, founded, lamport, seq, order_counter,"
                " groups, checksum) VALUES (1, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)",
                (cluster_id, name, epoch),
            )
            connection.execute("INSERT INTO epochs (branch, epoch, dead) VALUES (?, ?, 0)", (name, epoch))
        else:
            _require_own(row, cluster_id=cluster_id, name=name)
        connection.execute("UPDATE node SET starts = starts + 1")
        # Not in the seal: a file whose founding is altered serves as before, and takes no copy until then.
        connection.execute("UPDATE node SET founding = ? WHERE founding = ''", (founding,))
        found = connection.execute(f"SELECT {own_rows.selected('node')} FROM node").fetchone()
        connection.execute("UPDATE node SET checksum = ?", (own_rows.seal_of("node", found),))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return Identity(
        cluster_id=found["cluster_id"], name=found["name"], epoch=found["epoch"], starts=found["starts"]
    )
