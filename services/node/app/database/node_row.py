"""The `node` row while a node runs: whose file it is, and where its counters stand after each group."""

import sqlite3
from dataclasses import dataclass

from app.database import own_rows
from app.database.file import damage, read_somehow
from app.domain.life import Life

_SELECT = f"SELECT {own_rows.selected('node')} FROM node"
_GROUPS = "SELECT groups FROM node"
_EPOCH = "SELECT epoch FROM node"
_LIFE = "SELECT name, epoch FROM node"
_FOUNDED = "SELECT founded FROM node"
_UPDATE = "UPDATE node SET founded = ?, lamport = ?, seq = ?, order_counter = ?, groups = ?, checksum = ?"


@dataclass(frozen=True)
class Identity:
    """The identity of a node: one life of one branch of one network."""

    cluster_id: str
    name: str
    epoch: str
    starts: int


@dataclass
class Counters:
    """The counters of the `node` row as they stand inside the running group."""

    lamport: int
    seq: int
    order_counter: int
    founded: int

    def copy(self) -> "Counters":
        """Counters with the same values, to be changed apart from these."""
        return Counters(self.lamport, self.seq, self.order_counter, self.founded)


def read_counters(connection: sqlite3.Connection) -> tuple[Counters, int]:
    """The counters as the file has them, and how many groups were ever committed. Rows must come as
    sqlite3.Row. Raises SQLite's own error of a damaged file when the row is gone or does not fit its seal."""
    row = read_somehow(connection, lambda: connection.execute(_SELECT).fetchone())
    if row is None or not own_rows.is_sound("node", row):
        raise damage("the file does not know whose it is any more, or where its counters stand")
    counters = Counters(
        lamport=row["lamport"],
        seq=row["seq"],
        order_counter=row["order_counter"],
        founded=row["founded"],
    )
    return counters, row["groups"]


def write_counters(
    connection: sqlite3.Connection, identity: Identity, counters: Counters, *, groups: int
) -> None:
    """Write where the counters stand after so many groups, and the seal over the whole row. `identity` is the
    one that the row has by now."""
    who = (identity.cluster_id, identity.name, identity.epoch, identity.starts)
    where = (counters.founded, counters.lamport, counters.seq, counters.order_counter, groups)
    connection.execute(_UPDATE, (*where, own_rows.sealed("node", *who, *where)))


def groups_of(connection: sqlite3.Connection) -> int:
    """How many groups were ever committed to the file."""
    return int(connection.execute(_GROUPS).fetchone()[0])


def epoch_of(connection: sqlite3.Connection) -> str:
    """The file's present epoch."""
    return str(connection.execute(_EPOCH).fetchone()[0])


def present_life(connection: sqlite3.Connection) -> Life:
    """This node's name and its epoch, as the file has them."""
    return Life(*connection.execute(_LIFE).fetchone())


def is_founded(connection: sqlite3.Connection) -> bool:
    """Whether this database ever belonged to a network that serves."""
    return bool(connection.execute(_FOUNDED).fetchone()[0])
