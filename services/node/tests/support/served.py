"""A database with real threads, and the smallest commands and readings for it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

from app.database import Database, Transaction
from app.runtime import SystemClock, ThreadExecutor


def served(path: Path, executor: ThreadExecutor) -> Database:
    """A database over a file, not opened yet."""
    return Database(path, clock=SystemClock(), random=Random(1), executor=executor)


def emit(entity: str = "e") -> Callable[[Transaction], int]:
    """A command that appends one event, and returns its seq."""
    return lambda tx: tx.emit("product_upserted", entity)


def count(connection: sqlite3.Connection) -> int:
    """How many events there are."""
    return int(connection.execute("SELECT COUNT(*) FROM events").fetchone()[0])
