"""Writes many rows with one statement's text: several of them at once, where that text inserts."""

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

TOGETHER = (32, 8)
"""How many rows one statement writes, the most first. What SQLite does to begin and to end a statement is
shared by its rows; of more than these each row's share is next to nothing."""

_INSERT = re.compile(r"(\s*INSERT [^?]*\bVALUES )(\([^()]*\))([^?]*)")


def write_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows in this order, as `executemany` does. If one does not fit, earlier ones may be written: the
    caller undoes them."""
    at = 0
    for count in TOGETHER:
        many = _of_many(statement, count) if len(rows) - at >= count else None
        while many is not None and len(rows) - at >= count:
            connection.execute(many, [*chain.from_iterable(rows[at : at + count])])
            at += count
    connection.executemany(statement, rows[at:] if at else rows)


@cache
def _of_many(statement: str, count: int) -> str | None:
    """The statement for so many rows at once; None for one that is no plain INSERT."""
    found = _INSERT.fullmatch(statement)
    if found is None:
        return None
    begin, values, end = found.groups()
    return f"{begin}{', '.join([values] * count)}{end}"
