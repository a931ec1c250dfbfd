"""Brings a database file to the schema this code was written for."""

import sqlite3
import threading
from contextlib import closing
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.database.errors import WrongDatabase
from app.database.file import opening_error

# Alembic's `op` and `context` are globals of the process, so nodes that share one migrate one at a time.
_ALEMBIC = threading.Lock()

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def migrate(path: Path) -> None:
    """Apply every migration the file lacks; a file that is up to date is only looked at.

    Raises WrongDatabase when the file comes from newer code, and as `opening_error` says.
    """
    try:
        if _revision(path) == newest_revision():
            return
        engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
        with _ALEMBIC, engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        engine.dispose()
    except sqlite3.Error as error:
        raise opening_error(path, error) from error
    except DBAPIError as error:
        raise opening_error(path, error.orig or error) from error
    except CommandError as error:
        raise WrongDatabase(f"{path} has a schema this version does not know: {error}") from error


@cache
def newest_revision() -> str:
    """The schema this code was written for; peers compare it in hello."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is at least one migration"
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchall()
        if not tables:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])
