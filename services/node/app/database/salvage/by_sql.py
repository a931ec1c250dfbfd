"""What SQLite itself can still read of a damaged file: on a copy, row by row."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.database.salvage.layouts import quoted
from app.database.salvage.records import Value

UNREADABLE = (sqlite3.Error, UnicodeError, OverflowError)
"""What reading a damaged file raises. An error whose own words quote the damage comes as a UnicodeError."""


class SqlView:
    """SQLite's view of the copy. `odd_text` turns true when a text was read that is no UTF-8, with U+FFFD for
    what cannot be read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.odd_text = False
        self._connection = connection
        connection.text_factory = self._text

    def is_sound(self) -> bool:
        """Whether SQLite finds nothing wrong with the file's structure."""
        try:
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        except UNREADABLE:
            return False
        return found is not None and found[0] == "ok"

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns that SQLite knows of a table; none when it knows no such table."""
        try:
            found = self._connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
        except UNREADABLE:
            return ()
        return tuple(str(row[1]) for row in found)

    def statement(self, table: str) -> str | None:
        """The statement that made the table."""
        try:
            found = self._connection.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
            ).fetchone()
        except UNREADABLE:
            return None
        return found[0] if found is not None and isinstance(found[0], str) else None

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
        """The table's rows in the order of their rowids, until the end. Raises one of UNREADABLE where one
        cannot be read."""
        chosen = ", ".join(f"t.{quoted(column)}" for column in columns)
        # Not by an index that happens to hold all columns: its content is a copy.
        yield from self._connection.execute(f"SELECT {chosen} FROM {quoted(table)} AS t NOT INDEXED")

    def _text(self, data: bytes) -> str:
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            self.odd_text = True
            return str(data, "utf-8", "replace")


@contextmanager
def sql_view(path: Path, *, workspace: Path) -> Iterator[SqlView | None]:
    """Copy the file with its log into a new folder below `workspace` and open the copy; None when that cannot
    be done. The copy is gone afterwards; the file is never changed."""
    with ExitStack() as stack:
        try:
            copy = Path(stack.enter_context(TemporaryDirectory(dir=workspace))) / "copy.db"
            shutil.copyfile(path, copy)
            log = path.with_name(path.name + "-wal")
            if log.exists():
                shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
            connection = stack.enter_context(closing(sqlite3.connect(copy, isolation_level=None)))
        except (OSError, *UNREADABLE):  # above all: no room
            yield None
            return
        yield SqlView(connection) if _opens(connection) else None


def _opens(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UNREADABLE:
        return False
    return True
