"""The seam behind an open database. Tests of crashes and of disks that do not sync need the connection that
writes; they reach it here and nowhere else."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest import mock

from app.database import Database
from app.database.opened import OpenedFile

Connect = Callable[[OpenedFile], sqlite3.Connection]


def writing_connection(of: Database | OpenedFile) -> sqlite3.Connection | None:
    """The only connection that writes, or None while the file is closed or held."""
    file = of if isinstance(of, OpenedFile) else of._file
    return None if file.writer is None else file.writer._connection


def write_by(database: Database, connection: sqlite3.Connection) -> None:
    """Let an open database write by another connection to its file from now on."""
    writer = database._file.writer
    assert writer is not None, "the database is open"
    writer._connection.close()
    writer._connection = connection


def writers_made_by(change: Callable[[Connect], Connect]) -> AbstractContextManager[object]:
    """Let every database that is opened meanwhile get its writing connection by a changed function. `change`
    is given the node's own."""
    return mock.patch.object(OpenedFile, "_connect_writer", change(OpenedFile._connect_writer))


def unlock(database: Database) -> None:
    """Free the file's lock at once, as the kernel does when a process ends."""
    database._file.unlock()


def abandon(database: Database) -> None:
    """Close every connection without finishing anything, as the end of a process does."""
    file = database._file
    if file.writer is not None:
        file.writer.close()
    while file.readers:
        file.readers.pop().close()
