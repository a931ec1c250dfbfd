"""Schemas that change: whole or not at all, back by the steps that newer code left, and with what rests on
another canonical form computed anew."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.database import StorageFailed, WrongDatabase
from app.database.forms import Progress
from app.database.migrations import migrate, newest_revision, require_known_schema
from tests.database.keep_schema import SCHEMAS

NODE = Path(__file__).resolve().parents[2]
STEPS = (
    "CREATE TABLE schema_steps"
    " (revision TEXT PRIMARY KEY, down_revision TEXT NOT NULL, statements TEXT NOT NULL)"
)
FORMS = "CREATE TABLE canonical_forms (relation TEXT PRIMARY KEY, revision INTEGER NOT NULL)"


class TestForms:
    """Forms of two relations, that note what is computed anew; `fail` says to break off in the middle."""

    __test__ = False

    def __init__(self, revisions: Mapping[str, int], *, fail: Exception | None = None) -> None:
        self.revisions = revisions
        self.computed: list[list[str]] = []
        self._fail = fail

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Progress
    ) -> None:
        self.computed.append(sorted(relations))
        connection.execute("UPDATE node SET lamport = lamport + 1")
        for relation in relations:
            progress(relation, 1)
        if self._fail is not None:
            raise self._fail


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def execute(path: Path, *statements: str) -> None:
    with opened(path) as connection:
        for statement in statements:
            connection.execute(statement)


def content(path: Path) -> list[str]:
    with opened(path) as connection:
        return list(connection.iterdump())


def ask(path: Path, question: str) -> list[Any]:
    with opened(path) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
def ahead(new_database: Callable[[], Path]) -> Path:
    """A file that code two versions ahead has opened: one column and one table more, and word how to undo
    both."""
    path = new_database()
    revision = newest_revision()
    steps = {
        "8888": (revision, ["ALTER TABLE customers DROP COLUMN colour"]),
        "9999": ("8888", ["DROP TABLE suppliers", "DELETE FROM audit"]),
    }
    execute(
        path,
        "DROP TABLE IF EXISTS schema_steps",
        STEPS,
        "ALTER TABLE customers ADD COLUMN colour TEXT",
        "CREATE TABLE suppliers (id TEXT PRIMARY KEY)",
        "UPDATE alembic_version SET version_num = '9999'",
    )
    with opened(path) as connection:
        connection.executemany(
            "INSERT INTO schema_steps VALUES (?, ?, ?)",
            [(name, down, json.dumps(statements)) for name, (down, statements) in steps.items()],
        )
    return path


def test_the_file_of_newer_code_is_brought_back_by_the_steps_that_it_left(ahead: Path) -> None:
    migrate(ahead)
    assert ask(ahead, "SELECT version_num FROM alembic_version") == [(newest_revision(),)]
    assert "colour" not in {row[1] for row in ask(ahead, "PRAGMA table_info(customers)")}
    assert ask(ahead, "SELECT name FROM sqlite_master WHERE name = 'suppliers'") == []
    assert ask(ahead, "SELECT * FROM schema_steps WHERE revision IN ('8888', '9999')") == []
    before = content(ahead)
    migrate(ahead)
    assert content(ahead) == before


def test_a_step_that_fails_leaves_the_file_to_the_newer_code(ahead: Path) -> None:
    execute(ahead, "UPDATE schema_steps SET statements = '[\"DROP TABLE nowhere\"]' WHERE revision = '8888'")
    before = content(ahead)
    with pytest.raises(StorageFailed):
        migrate(ahead)
    assert content(ahead) == before


@pytest.mark.parametrize(
    "broken",
    [
        "DELETE FROM schema_steps WHERE revision = '8888'",
        "UPDATE schema_steps SET down_revision = '9999' WHERE revision = '8888'",
        "DROP TABLE schema_steps",
        "UPDATE schema_steps SET statements = '[' WHERE revision = '8888'",
        "UPDATE alembic_version SET version_num = '99' || char(10) || '99'",
    ],
    ids=["a step is missing", "the steps go round", "no steps", "an unreadable step", "two lines"],
)
def test_without_a_way_back_the_file_of_newer_code_is_refused_and_left_alone(
    ahead: Path, broken: str
) -> None:
    execute(ahead, broken)
    before = content(ahead)
    for look in (migrate, require_known_schema):
        with pytest.raises(WrongDatabase, match="a schema this version does not know") as raised:
            look(ahead)
        assert "\n" not in str(raised.value)
    assert content(ahead) == before


def test_newer_code_leaves_word_how_each_of_its_steps_is_undone(
    new_database: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_database()
    execute(path, "DROP TABLE IF EXISTS schema_steps", STEPS)
    scripts = [
        SimpleNamespace(revision="b", down_revision="a", module=SimpleNamespace(DOWN=("DROP TABLE b", "x"))),
        SimpleNamespace(revision="a", down_revision="0", module=SimpleNamespace()),
        SimpleNamespace(revision="0", down_revision=None, module=SimpleNamespace(DOWN=("never",))),
        SimpleNamespace(revision=newest_revision(), down_revision="b", module=SimpleNamespace(DOWN=())),
    ]
    monkeypatch.setattr("alembic.script.ScriptDirectory.walk_revisions", lambda _self: iter(scripts))
    execute(path, "DROP TABLE IF EXISTS canonical_forms", FORMS)
    migrate(path, forms=TestForms({"orders": 1}))
    assert ask(path, "SELECT * FROM schema_steps ORDER BY revision") == sorted(
        [(newest_revision(), "b", "[]"), ("b", "a", '["DROP TABLE b", "x"]')]
    )


def test_what_rests_on_another_form_is_computed_anew_and_nothing_else(
    new_database: Callable[[], Path],
) -> None:
    path = new_database()
    execute(
        path, "DROP TABLE IF EXISTS canonical_forms", FORMS, "INSERT INTO canonical_forms VALUES ('users', 1)"
    )
    told: list[tuple[str, int]] = []
    forms = TestForms({"users": 1, "orders": 2, "stock": 1})
    migrate(path, forms=forms, progress=lambda relation, rows: told.append((relation, rows)))
    migrate(path, forms=forms)
    changed = TestForms({"users": 1, "orders": 3, "stock": 1})
    migrate(path, forms=changed)
    assert (forms.computed, changed.computed) == ([["orders", "stock"]], [["orders"]])
    assert told == [("orders", 1), ("stock", 1)]
    assert dict(ask(path, "SELECT * FROM canonical_forms")) == changed.revisions


def test_a_schema_that_knows_no_forms_is_left_as_it_is(new_database: Callable[[], Path]) -> None:
    path = new_database()
    execute(path, "DROP TABLE IF EXISTS canonical_forms")
    forms = TestForms({"orders": 1})
    migrate(path, forms=forms)
    assert forms.computed == []


@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql"))[:-1], ids=lambda kept: kept.stem)
def test_a_migration_that_breaks_off_leaves_the_old_schema(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "node.db"
    with opened(path) as connection:
        connection.executescript(kept.read_text(encoding="utf-8"))
    before = content(path)

    def break_off(_connection: sqlite3.Connection) -> None:
        raise StorageFailed("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr("app.database.migrations._leave_steps", break_off)
        with pytest.raises(StorageFailed, match="in the middle"):
            migrate(path)
    assert content(path) == before
    migrate(path)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(newest_revision(),)]


def test_forms_that_cannot_be_computed_leave_the_file_as_it_was(new_database: Callable[[], Path]) -> None:
    path = new_database()
    execute(path, "DROP TABLE IF EXISTS canonical_forms", FORMS)
    before = content(path)
    with pytest.raises(StorageFailed):
        migrate(path, forms=TestForms({"orders": 1}, fail=sqlite3.OperationalError("no room")))
    assert content(path) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from app.database import migrations

def die(_connection):
    os.kill(os.getpid(), signal.SIGKILL)

migrations._leave_steps = die
migrations.migrate(Path(sys.argv[1]))
"""


@pytest.mark.whole
def test_a_process_that_is_killed_while_it_migrates_leaves_the_old_schema(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    with opened(path) as connection:
        connection.executescript((SCHEMAS / "0001.sql").read_text(encoding="utf-8"))
    before = content(path)
    command = [sys.executable, "-c", KILLED, str(path)]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(NODE)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert content(path) == before
    migrate(path)
    assert ask(path, "SELECT version_num FROM alembic_version") == [(newest_revision(),)]


def test_a_migration_that_would_orphan_rows_is_refused(
    new_database: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_database()
    execute(path, "DROP TABLE IF EXISTS canonical_forms", FORMS)
    before = content(path)

    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE part (whole TEXT REFERENCES customers (id))")
        connection.execute("INSERT INTO part VALUES ('nobody')")

    monkeypatch.setattr("app.database.migrations._leave_steps", orphan)
    with pytest.raises(StorageFailed, match="without what they refer to"):
        migrate(path, forms=TestForms({"orders": 1}))
    assert content(path) == before
