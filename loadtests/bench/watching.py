"""Sees in the files of nodes when an order is committed; from outside, so that a node does nothing for it."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_EVERY_SECONDS = 0.0005
_NEWER = "SELECT rowid, id FROM orders WHERE rowid > ? ORDER BY rowid"


@dataclass
class Sightings:
    """The moments at which the orders of one file were first seen, by id."""

    path: Path
    seen: dict[str, float] = field(default_factory=dict)


def opened(path: Path) -> sqlite3.Connection:
    """The file for reading only, as a node keeps it."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)


def orders_in(path: Path) -> int:
    """How many orders a file has had, by its highest row number: no scan."""
    with closing(opened(path)) as connection:
        return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM orders").fetchone()[0])


def grants_of(path: Path, skus: Sequence[str]) -> int:
    """For how many of the products units were granted, as far as the file knows."""
    listed = ", ".join("?" * len(skus))
    sql = (
        "SELECT count(DISTINCT product_id) FROM stock_grants JOIN products ON products.id = product_id"
        f" WHERE sku IN ({listed})"
    )
    with closing(opened(path)) as connection:
        return int(connection.execute(sql, skus).fetchone()[0])


@contextmanager
def watched(paths: list[Path]) -> Iterator[list[Sightings]]:
    """Looks at all files in turn, about every millisecond, until the context ends."""
    found, ended = [Sightings(path) for path in paths], threading.Event()
    with ExitStack() as stack:
        looks = [_looker(stack.enter_context(closing(opened(each.path))), each) for each in found]

        def run() -> None:
            while not ended.wait(_EVERY_SECONDS):
                for look in looks:
                    look()

        watcher = threading.Thread(target=run)
        watcher.start()
        try:
            yield found
        finally:
            ended.set()
            watcher.join()


def _looker(connection: sqlite3.Connection, sightings: Sightings) -> Callable[[], None]:
    (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM orders").fetchone()
    version = -1

    def look() -> None:
        nonlocal last, version
        (now_at,) = connection.execute("PRAGMA data_version").fetchone()
        if now_at == version:
            return
        version = now_at
        rows = connection.execute(_NEWER, (last,)).fetchall()
        now = time.monotonic()
        for _, order in rows:
            sightings.seen.setdefault(order, now)
        last = rows[-1][0] if rows else last

    return look
