"""A new version opens a file with a text that is not UTF-8, and takes that row for an altered one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.database.migrations import migrate
from app.state.registry.canonical_forms import FORMS
from app.state.repair import checking
from tests.database.keep_schema import SCHEMAS


@pytest.mark.whole
@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql")), ids=lambda kept: kept.stem)
@pytest.mark.parametrize(
    ("relation", "change"),
    [
        ("customers", "UPDATE customers SET name = CAST(x'fffeff' AS TEXT) WHERE code = 'ALFKI'"),
        ("orders", "UPDATE order_lines SET name = CAST(x'fffeff' AS TEXT) WHERE rowid = 1"),
        ("users", "UPDATE users SET username = CAST(x'fffeff' AS TEXT) WHERE rowid = 1"),
        ("stock", "UPDATE stock SET epoch = CAST(x'fffeff' AS TEXT) WHERE rowid = 1"),
    ],
)
def test_an_undecodable_text_does_not_stop_an_upgrade(
    tmp_path: Path, kept: Path, relation: str, change: str
) -> None:
    path = tmp_path / "old" / "node.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(kept.read_text(encoding="utf-8"))
        assert connection.execute(change).rowcount == 1
        if kept.stem >= "0005":  # as if this version wrote another form
            connection.execute("UPDATE canonical_forms SET revision = revision + 1")

    migrate(path, forms=FORMS)

    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        troubles = checking.find_troubles(connection)
    assert {trouble.relation for trouble in troubles if trouble.keys} == {relation}
