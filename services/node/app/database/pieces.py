"""Long reads in pieces, each in a read transaction of its own, so that others have their turn between two."""

import sqlite3
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")

Query = Callable[[sqlite3.Connection], Any]

Pieces = Generator[Query, Any, T]
"""A long read. It yields each query and is sent what that query returns. A query changes nothing but by what
it returns, so it may be run again. Rows may be written between two of them."""

BEFORE_ALL = -(1 << 63)
"""A row number before that of every row of a table."""


def at_once(pieces: Pieces[T], connection: sqlite3.Connection) -> T:
    """What a long read finds if nothing is written between its pieces."""
    answer: Any = None
    while True:
        try:
            query = pieces.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
        answer = query(connection)
