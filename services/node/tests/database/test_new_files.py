"""New files: the newest schema in one piece, without Alembic."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.database import StorageFailed, alembic_runs
from app.database.migrations import (
    MIGRATIONS,
    NEWEST,
    _chain,
    migrate,
    migrate_step_by_step,
    newest_revision,
    newest_schema,
)
from app.state.registry.canonical_forms import FORMS
from tests.database.keep_schema import as_migrated
from tests.database.test_schema_changes import NODE, TestForms, ask, content


def test_an_empty_file_gets_what_all_migrations_make(tmp_path: Path) -> None:
    """Else run `python -m tests.database.keep_schema`."""
    assert NEWEST.read_text(encoding="utf-8") == as_migrated()
    migrate(tmp_path / "new.db", forms=FORMS)
    migrate_step_by_step(tmp_path / "old.db", forms=FORMS)
    assert content(tmp_path / "new.db") == content(tmp_path / "old.db")


def test_the_revisions_that_are_read_from_the_texts_are_those_that_alembic_knows() -> None:
    known = {script.revision: script.down_revision for script in alembic_runs.scripts(MIGRATIONS)}
    assert _chain() == known
    assert newest_revision() == next(iter(known))


def test_a_new_file_is_as_it_was_when_its_forms_cannot_be_computed(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    with pytest.raises(StorageFailed):
        migrate(path, forms=TestForms({"orders": 1}, fail=sqlite3.OperationalError("no room")))
    assert ask(path, "SELECT * FROM sqlite_master") == []


def test_an_empty_file_gets_the_newest_schema_where_only_an_older_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a migration is being written."""
    migrate(tmp_path / "kept.db")
    older = [line for line in newest_schema() if "alembic_version" not in line]
    older += [
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('0001')",
    ]
    monkeypatch.setattr("app.database.migrations.newest_schema", lambda: older)
    migrate(tmp_path / "node.db")
    assert content(tmp_path / "node.db") == content(tmp_path / "kept.db")


STARTED = """
import sys
from pathlib import Path
import app.serve
from app.database.described import require_described
from app.database.migrations import migrate, require_known_schema
from app.state.registry.canonical_forms import FORMS

path = Path(sys.argv[1])
for _ in range(2):
    require_known_schema(path)
    migrate(path, forms=FORMS)
    require_described(path)
print(sorted({"alembic", "mako", "sqlalchemy", "sqlmodel"} & sys.modules.keys()))
"""


@pytest.mark.whole
def test_a_start_that_migrates_nothing_does_not_wait_for_alembic_to_be_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTED, str(tmp_path / "node.db")]
    environment = {**os.environ, "PYTHONPATH": str(NODE)}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "[]"
