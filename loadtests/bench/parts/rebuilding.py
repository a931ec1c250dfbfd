"""A node whose disk was lost rebuilds from a peer, beside SQLite's own bulk insert of the same rows."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

from branchlab.poll import poll_blocking
from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.room import Room
from loadtests.bench.watching import opened, orders_in

_ORDERS = 100_000
_MOST_SECONDS = 600.0
_TABLES = ("users", "customers", "products", "orders", "order_lines", "stock", "stock_grants")
_SCHEMA = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with own.network(room, 2) as node:
        (victim,) = node.peers
        node.bench.driver.stop(victim)
        node.fill(min(_ORDERS, room.orders))
        node.start(node.bench.donor)
        node.start(victim)
        for _ in rounds:
            rows = _rows(node)
            count = sum(map(len, rows.values()))
            inserted = _insert(room, node, rows)
            started = _timed_start(node, victim)
            rebuilt = max(_rebuild(node, victim) - started, 0.01)
            notes.figure("rows/s", "rebuild", count / rebuilt)
            notes.figure("rows/s", "SQLite's bulk insert", count / inserted)
            notes.ratio("rebuild", inserted / rebuilt)


def _rows(node: own.Own) -> dict[str, list[tuple[object, ...]]]:
    """All replicated rows of the first node, in memory."""
    with closing(opened(node.database)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}


def _insert(room: Room, node: own.Own, rows: dict[str, list[tuple[object, ...]]]) -> float:
    """Seconds that one transaction at FULL takes to put the rows into the same tables, with their indexes."""
    path = room.folder("bulk") / "bulk.db"
    with closing(opened(node.database)) as source, closing(sqlite3.connect(path)) as target:
        target.isolation_level = None
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        for table in _TABLES:
            for (statement,) in source.execute(_SCHEMA, (table,)):
                target.execute(statement)
        began = time.monotonic()
        target.execute("BEGIN")
        for table, found in rows.items():
            if not found:
                continue
            places = ", ".join("?" * len(found[0]))
            target.executemany(f"INSERT INTO {table} VALUES ({places})", found)
        target.execute("COMMIT")
        seconds = time.monotonic() - began
    path.unlink()
    return seconds


def _timed_start(node: own.Own, name: str) -> float:
    """Seconds of a start of a node that lost nothing: what of a rebuild is only the start."""
    node.bench.driver.stop(name)
    began = time.monotonic()
    node.start(name)
    return time.monotonic() - began


def _rebuild(node: own.Own, name: str) -> float:
    """Seconds from the start with an empty disk until it serves and has every order."""
    wanted = orders_in(node.database)
    began = time.monotonic()
    node.bench.driver.wipe(name)
    node.bench.wait_ready(name)
    file = node.bench.database(name)
    if not poll_blocking(lambda: orders_in(file) >= wanted, seconds=_MOST_SECONDS, every=0.02):
        raise SystemExit(f"{name} did not rebuild in {_MOST_SECONDS:.0f} s")
    return time.monotonic() - began


PART = Part("rebuild", ("rebuild",), 50, 25, _play)
