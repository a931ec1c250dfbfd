"""Brings a database file to the schema of this code, up or down.

Alembic and what it needs take longer to import than all else of a node. They are imported where migrations
run (app.database.alembic_runs): an empty file gets the newest schema in one piece, and one that has it is
only read.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.database.errors import DamagedDatabase, StorageFailed, WrongDatabase
from app.database.file import ask, look, make_private, opening_error
from app.database.forms import NO_FORMS, Forms, Progress

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
NEWEST = MIGRATIONS / "newest.sql"
"""An empty database as all migrations make it, as SQL; `python -m tests.database.keep_schema` writes it."""

_REVISION = re.compile(r"^(down_)?revision = (?:None|\"(\w+)\")", re.MULTILINE)


@dataclass(frozen=True)
class _Step:
    """How to undo one migration of newer code, as that code stored it in the file."""

    revision: str
    down_revision: str
    statements: Sequence[str]


def _unheard(_relation: str, _rows: int) -> None:
    """Ignore the progress."""


def migrate(path: Path, *, forms: Forms = NO_FORMS, progress: Progress = _unheard) -> None:
    """Apply every migration that the file lacks, undo those of newer code by the statements it stored, and
    compute anew what was made under another canonical form.

    All of it is one transaction: a crash leaves the file as it was. A file that is up to date is only read.
    Raises WrongDatabase when newer code left no way back. Raises DamagedDatabase when the file names no
    schema, or another one than it has. Raises StorageFailed if a migration would leave rows that refer to
    nothing, and as `opening_error` says.
    """
    try:
        make_private(path)
        with closing(sqlite3.connect(path)) as connection:
            if _revision(connection) == newest_revision() and not _outdated(connection, forms):
                return
        if not _begin_anew(path, forms, progress):
            migrate_step_by_step(path, forms=forms, progress=progress)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be used: {error.strerror}") from error
    except sqlite3.Error as error:
        raise opening_error(path, error) from error


def _begin_anew(path: Path, forms: Forms, progress: Progress) -> bool:
    """Give an empty file the newest schema. Returns False, and changes nothing, where the file is not empty
    or the schema that is kept is not the newest one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        if raw.execute("SELECT 1 FROM sqlite_master").fetchone():
            return False
        for statement in newest_schema():
            raw.execute(statement)
        if _revision(raw) != newest_revision():
            return False
        _recompute(raw, forms, progress)
        raw.execute("COMMIT")
    return True


def migrate_step_by_step(path: Path, *, forms: Forms = NO_FORMS, progress: Progress = _unheard) -> None:
    """`migrate`, by the migrations alone: also for an empty file."""
    from app.database import alembic_runs  # noqa: PLC0415  (its imports would double the time of a start)

    with alembic_runs.one_transaction(path) as (connection, raw):
        before = len(raw.execute("PRAGMA foreign_key_check").fetchall())
        _undo_newer(path, raw)
        if _revision(raw) != newest_revision():
            alembic_runs.upgrade(connection, MIGRATIONS)
        _leave_steps(raw)
        if len(raw.execute("PRAGMA foreign_key_check").fetchall()) > before:
            raise StorageFailed(f"{path}: a migration would leave rows without what they refer to")
        _recompute(raw, forms, progress)


@cache
def newest_revision() -> str:
    """The schema of this code; peers compare it in hello."""
    chain = _chain()
    (head,) = chain.keys() - chain.values()
    assert head is not None, "a migration has a revision"
    return head


@cache
def newest_schema() -> Sequence[str]:
    """The statements that make an empty file one with the newest schema."""
    return tuple(_statements(NEWEST.read_text(encoding="utf-8").splitlines(keepends=True)))


def _statements(lines: Iterable[str]) -> Iterable[str]:
    """The statements of a text, without those that begin and end a transaction."""
    statement = ""
    for line in lines:
        statement += line
        if sqlite3.complete_statement(statement):
            if statement.strip() not in ("BEGIN TRANSACTION;", "COMMIT;"):
                yield statement
            statement = ""


@cache
def _chain() -> dict[str | None, str | None]:
    """By revision, the one before it: as the migrations say it, read without running them."""
    found: dict[str | None, str | None] = {}
    for file in sorted((MIGRATIONS / "versions").glob("*.py")):
        said = {bool(down): name or None for down, name in _REVISION.findall(file.read_text("utf-8"))}
        found[said[False]] = said[True]
    return found


def require_known_schema(path: Path) -> None:
    """Check whether this code can use a file's schema, before anything is started. Raises WrongDatabase for a
    schema of newer code that left no way back. A file that cannot be read is left to `migrate`."""
    if not path.exists():
        return
    with suppress(sqlite3.Error, DamagedDatabase):
        look(path, lambda raw: _way_down(path, raw))


def require_told_schema(path: Path) -> None:
    """Check whether a file names its schema. Raises DamagedDatabase if it does not."""
    if path.exists():
        ask(path, _revision)


def _undo_newer(path: Path, raw: sqlite3.Connection) -> None:
    """Bring a schema of newer code down to one that this code has, by the statements in the file."""
    for step in _way_down(path, raw):
        for statement in step.statements:
            raw.execute(statement)
        if _has_table(raw, "schema_steps"):
            raw.execute("DELETE FROM schema_steps WHERE revision = ?", (step.revision,))
        raw.execute("UPDATE alembic_version SET version_num = ?", (step.down_revision,))


def _way_down(path: Path, raw: sqlite3.Connection) -> Sequence[_Step]:
    """The steps from a file's revision to one that this code has, newest first. Raises WrongDatabase where
    there is no such way."""
    revision = _revision(raw)
    known = _chain().keys()
    if revision is None or revision in known:
        return []
    said = revision if revision.isalnum() else repr(revision)  # on one line, whatever stands there
    unknown = WrongDatabase(f"{path} has a schema this version does not know: {said}")
    if not _has_table(raw, "schema_steps"):
        raise unknown
    rows = raw.execute("SELECT revision, down_revision, statements FROM schema_steps").fetchall()
    try:
        steps = {row[0]: _Step(row[0], row[1], json.loads(row[2])) for row in rows}
    except ValueError:
        raise unknown from None
    way: list[_Step] = []
    while revision not in known:
        step = steps.pop(revision, None)
        if step is None:
            raise unknown
        way.append(step)
        revision = step.down_revision
    return way


def _leave_steps(raw: sqlite3.Connection) -> None:
    """Store how this code's migrations are undone, for older code that may be started on this file."""
    if not _has_table(raw, "schema_steps"):
        return
    from app.database import alembic_runs  # noqa: PLC0415  (as above)

    for script in alembic_runs.scripts(MIGRATIONS):
        statements: tuple[str, ...] | None = getattr(script.module, "DOWN", None)
        if statements is not None and isinstance(script.down_revision, str):
            raw.execute(
                "INSERT OR REPLACE INTO schema_steps (revision, down_revision, statements) VALUES (?, ?, ?)",
                (script.revision, script.down_revision, json.dumps(list(statements))),
            )


def _outdated(raw: sqlite3.Connection, forms: Forms) -> list[str]:
    """The relations whose totals and seals were made under another form than this code's, or an unknown
    one."""
    if not _has_table(raw, "canonical_forms"):
        return []
    found = dict(raw.execute("SELECT relation, revision FROM canonical_forms").fetchall())
    return [name for name, revision in forms.revisions.items() if found.get(name) != revision]


def _recompute(raw: sqlite3.Connection, forms: Forms, progress: Progress) -> None:
    if not (outdated := _outdated(raw, forms)):
        return
    raw.row_factory = sqlite3.Row
    forms.recompute(raw, outdated, progress)
    raw.row_factory = None
    raw.executemany(
        "INSERT OR REPLACE INTO canonical_forms (relation, revision) VALUES (?, ?)",
        [(name, forms.revisions[name]) for name in outdated],
    )


def _has_table(raw: sqlite3.Connection, name: str) -> bool:
    found = raw.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone()
    return found is not None


def _revision(raw: sqlite3.Connection) -> str | None:
    """The schema that a file names; None for an empty file. Raises DamagedDatabase for a file that is not
    empty and names none."""
    found: Any = None
    if _has_table(raw, "alembic_version"):
        row = raw.execute("SELECT CAST(version_num AS BLOB) FROM alembic_version").fetchone()
        found = row and row[0]
    if found is None and not _has_table(raw, "node"):
        return None
    try:
        return str(found, "utf-8")
    except (TypeError, UnicodeDecodeError):
        raise DamagedDatabase(f"the database does not say its schema any more: {found!r}") from None
