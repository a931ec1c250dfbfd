"""Runs migrations by Alembic. To import this takes nearly as long as to import the rest of a node, so only
what has a migration to run does it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.database.errors import DamagedDatabase, WrongDatabase
from app.database.file import opening_error

# Alembic's `op` and `context` are globals of the process, so nodes that share one migrate one at a time.
_ALEMBIC = threading.Lock()

# What SQLite says of a migration that was applied before: the file names an earlier schema than it has.
_THERE_ALREADY = ("already exists", "duplicate column name")


@contextmanager
def one_transaction(path: Path) -> Iterator[tuple[Connection, sqlite3.Connection]]:
    """A connection of SQLAlchemy, and SQLite's own below it, in one transaction that covers the schema too.
    By default, Python's module commits before every change of the schema.

    What fails undoes it all. Then it raises WrongDatabase where Alembic does not know the schema,
    DamagedDatabase where the file has another one than it says, and else as `opening_error` says.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    event.listen(engine, "connect", _begin_nothing_by_itself)
    event.listen(engine, "begin", _begin_to_write)
    try:
        with _ALEMBIC, engine.begin() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            yield connection, raw
    except DBAPIError as error:
        if any(words in str(error.orig) for words in _THERE_ALREADY):
            raise DamagedDatabase(f"{path} does not have the schema that it says: {error.orig}") from error
        raise opening_error(path, error.orig or error) from error
    except CommandError as error:
        raise WrongDatabase(f"{path} has a schema this version does not know: {error}") from error
    finally:
        engine.dispose()


def upgrade(connection: Connection, migrations: Path) -> None:
    """Apply every migration that the file lacks."""
    config = _config(migrations)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def scripts(migrations: Path) -> Iterator[Script]:
    """The migrations, newest first."""
    return ScriptDirectory.from_config(_config(migrations)).walk_revisions()


def _config(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    return config


def _begin_nothing_by_itself(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
