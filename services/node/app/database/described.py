"""Whether a file still describes its tables as its migrations made them.

The description is text in the file, and SQLite believes it. With one letter of a column's name altered
nothing is malformed, and yet no statement finds the column.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

from app.database.errors import DamagedDatabase
from app.database.file import ask, decoded_somehow
from app.database.migrations import newest_schema

_NOT_THERE = ("no such column", "no such table")


def require_described(path: Path) -> None:
    """Raise DamagedDatabase for a migrated file that lacks a table or a column of this version; otherwise
    raise as `opening_error` says. What a newer version added may be there, too."""
    lacking = ask(path, _lacking)
    if lacking:
        raise DamagedDatabase(f"{path} is damaged: it does not describe {lacking[0]} any more")


def names_what_is_not_there(error: BaseException) -> bool:
    """Whether an error says that a statement found no such table or column: all statements of this version
    find theirs in a sound file."""
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(_NOT_THERE)


def _lacking(connection: sqlite3.Connection) -> list[str]:
    connection.text_factory = decoded_somehow
    found: list[str] = []
    for name, columns in _wanted().items():
        there = _columns(connection, name)
        found += [f"{name}.{column}" for column in columns if column not in there]
    return found


@cache
def _wanted() -> Mapping[str, Sequence[str]]:
    """The columns of each table of this version, by its name."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in newest_schema():
            empty.execute(statement)
        names = empty.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: _columns(empty, name) for (name,) in names}


def _columns(connection: sqlite3.Connection, table: str) -> Sequence[str]:
    return [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
