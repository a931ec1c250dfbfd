"""Files as a node finds them: new, old, damaged, another node's, newer code's."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from app.database import DamagedDatabase, Identity, StorageFailed, WrongDatabase, local_tables, tables
from app.database.file import finish_setting_aside, opening_error, require_sound, set_aside
from app.database.identity import begin_start, require_own_file
from app.database.migrations import migrate, newest_revision
from tests.support.branch import CLUSTER


def schema(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()


def start(path: Path, *, cluster_id: str = CLUSTER, name: str = "matriz", seed: int = 1) -> Identity:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        return begin_start(connection, cluster_id=cluster_id, name=name, random=Random(seed))


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_file: Path) -> None:
    """The drift test: whoever changes a table writes a migration."""
    engine = create_engine(f"sqlite:///{empty_file}")
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, SQLModel.metadata) == []
    finally:
        engine.dispose()


def test_every_table_is_strict_and_keeps_its_checks(empty_file: Path) -> None:
    """What the comparison of tables does not see."""
    with closing(sqlite3.connect(empty_file)) as connection:
        strict = {row[1]: row[5] for row in connection.execute("PRAGMA table_list") if row[0] == "main"}
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    for name, table in SQLModel.metadata.tables.items():
        assert strict[name] == 1, name
        checks = [constraint for constraint in table.constraints if hasattr(constraint, "sqltext")]
        for check in checks:
            assert str(check.sqltext) in made[name]


def test_every_index_holds_the_rows_that_the_code_says(empty_file: Path) -> None:
    """What the comparison of tables does not see either: the condition of a partial index."""
    with closing(sqlite3.connect(empty_file)) as connection:
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%'"))
    indexes = [index for table in SQLModel.metadata.tables.values() for index in table.indexes]
    assert sorted(str(index.name) for index in indexes) == sorted(made)
    for index in indexes:
        where = index.dialect_options["sqlite"]["where"]
        assert made[str(index.name)].partition(" WHERE ")[2] == ("" if where is None else str(where))


def test_replicated_tables_have_no_constraint_that_could_fail_elsewhere() -> None:
    """A row that was valid where it was made must never be refused by another node."""
    replicated = {"users", "customers", "products", "orders", "order_lines", "stock", "stock_grants"}
    for name in replicated:
        table = SQLModel.metadata.tables[name]
        assert not [index for index in table.indexes if index.unique]
        assert {key.column.table.name for key in table.foreign_keys} <= replicated - {"users"}
    assert (tables.Order.__tablename__, local_tables.Node.__tablename__) == ("orders", "node")


def test_migrating_again_changes_nothing(new_database: Callable[[], Path]) -> None:
    path = new_database()
    before = schema(path)
    migrate(path)
    assert schema(path) == before


@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_or_empty_file_becomes_a_database(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "node.db"
    if content is not None:
        path.write_bytes(content)
    require_sound(path)
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == (newest_revision(),)


def test_what_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    path.write_bytes(b"not a database, but long enough to look at: " * 100)
    for look in (require_sound, migrate):
        with pytest.raises(DamagedDatabase):
            look(path)


def test_a_header_that_no_sqlite_ever_wrote_is_damaged(new_database: Callable[[], Path]) -> None:
    path = new_database()
    with path.open("r+b") as file:
        file.seek(44)  # the number of the schema's format
        file.write(b"\x7f\x7f\x7f\x7f")
    with pytest.raises(DamagedDatabase):
        require_sound(path)


def test_a_complaint_that_quotes_rubbish_is_damage_too(new_database: Callable[[], Path]) -> None:
    path = new_database()
    content = path.read_bytes()
    for sound, spoilt in (
        (b"tablecustomerscustomers", b"tablec\xa4stomersc\xa4stomers"),  # which the complaint will name
        (b"CREATE TABLE customers", b"CREATE TABLE\x00customers"),
    ):
        assert sound in content
        content = content.replace(sound, spoilt)
    path.write_bytes(content)
    with pytest.raises(DamagedDatabase):
        require_sound(path)


def test_a_page_full_of_zeros_is_noticed(new_database: Callable[[], Path]) -> None:
    path = new_database()
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(4096))
    with pytest.raises(DamagedDatabase):
        require_sound(path)


def test_a_file_that_is_only_busy_is_not_damaged(new_database: Callable[[], Path]) -> None:
    """Taken for damaged, a sound file would be set aside and its rights frozen."""
    path = new_database()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as busy,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as raised:
            busy.execute("SELECT * FROM node")
    assert isinstance(opening_error(path, raised.value), StorageFailed)


def test_a_directory_is_not_damaged_either(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        require_sound(tmp_path)


def test_a_file_of_newer_code_is_refused_and_left_alone(new_database: Callable[[], Path]) -> None:
    path = new_database()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(WrongDatabase):
        migrate(path)
    assert schema(path)


def test_a_damaged_file_is_set_aside_under_a_name_of_its_own_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    kept = []
    for content in (b"first", b"second"):
        path.write_bytes(content)
        path.with_name("node.db-wal").write_bytes(content)
        kept.append(set_aside(path))
    assert [found.name for found in kept] == ["node.db.damaged-1", "node.db.damaged-2"]
    assert [found.read_bytes() for found in kept] == [b"first", b"second"]
    assert kept[1].with_name("node.db.damaged-2-wal").read_bytes() == b"second"
    assert not path.exists()


def test_a_log_follows_the_file_that_a_crash_parted_it_from(tmp_path: Path) -> None:
    """Beside a new file it would be taken for that one's, and thrown away."""
    path = tmp_path / "node.db"
    for number, log in ((1, b"the first one's"), (2, None)):
        kept = path.with_name(f"node.db.damaged-{number}")
        kept.write_bytes(b"")
        if log is not None:
            kept.with_name(f"{kept.name}-wal").write_bytes(log)
    path.with_name("node.db-wal").write_bytes(b"the second one's")
    finish_setting_aside(path)
    found = {number: path.with_name(f"node.db.damaged-{number}-wal").read_bytes() for number in (1, 2)}
    assert found == {1: b"the first one's", 2: b"the second one's"}
    finish_setting_aside(path)
    path.write_bytes(b"a new one")
    path.with_name("node.db-wal").write_bytes(b"and its log")
    finish_setting_aside(path)
    assert path.with_name("node.db-wal").read_bytes() == b"and its log"


def test_the_first_start_begins_a_life_and_later_ones_count_it(new_database: Callable[[], Path]) -> None:
    path = new_database()
    first, second = start(path, seed=1), start(path, seed=2)
    assert (first.starts, second.starts, len(first.epoch)) == (1, 2, 32)
    assert first.epoch == second.epoch
    assert start(new_database(), seed=3).epoch != first.epoch


def test_before_a_start_a_file_is_only_looked_at(new_database: Callable[[], Path], tmp_path: Path) -> None:
    absent, empty, damaged = tmp_path / "new" / "node.db", new_database(), tmp_path / "damaged.db"
    damaged.write_bytes(b"bits that flipped" * 1000)
    for path in (absent, empty, damaged):
        require_own_file(path, cluster_id=CLUSTER, name="matriz")
    start(empty)
    require_own_file(empty, cluster_id=CLUSTER, name="matriz")
    assert (start(empty).starts, absent.exists()) == (2, False)


@pytest.mark.parametrize("name", ["", "file/node.db"])
def test_a_place_where_no_file_can_be_is_said_before_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(StorageFailed) as raised:
        require_own_file(tmp_path / name, cluster_id=CLUSTER, name="matriz")
    assert str(tmp_path) in str(raised.value)


def test_another_nodes_file_is_noticed_before_the_start(new_database: Callable[[], Path]) -> None:
    path = new_database()
    start(path)
    with pytest.raises(WrongDatabase):
        require_own_file(path, cluster_id=CLUSTER, name="norte")


@pytest.mark.parametrize("other", [{"name": "norte"}, {"cluster_id": "another"}])
def test_another_nodes_or_networks_file_is_refused_and_not_counted(
    new_database: Callable[[], Path], other: dict[str, Any]
) -> None:
    path = new_database()
    start(path)
    with pytest.raises(WrongDatabase) as raised:
        start(path, **other)
    assert "matriz" in str(raised.value)
    assert start(path).starts == 2
