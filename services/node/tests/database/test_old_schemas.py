"""Disks of earlier versions: each opens with the newest code, migrates, and agrees with fresh nodes."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.database import digest
from app.database.migrations import migrate, newest_revision
from app.state.registry import replicated
from app.state.registry.canonical_forms import FORMS
from app.state.tables import orders, stock_views
from tests.database.keep_schema import BRANCH, ORDERS, SCHEMAS
from tests.support.company import Company, buy
from tests.support.virtual import VirtualLoop, eventually


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


def test_the_newest_schema_is_kept_too() -> None:
    """Else nobody could test the next migration: run `python -m tests.database.keep_schema`."""
    assert (SCHEMAS / f"{newest_revision()}.sql").exists()


@pytest.mark.whole
@pytest.mark.anyio
@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql")), ids=lambda kept: kept.stem)
async def test_a_kept_disk_opens_migrates_and_agrees_with_fresh_nodes(company: Company, kept: Path) -> None:
    path = company.path(BRANCH)
    _restore(kept, path)

    old, fresh, other = await company.found(BRANCH, "norte", "sul")
    await eventually(company.converged, within=60)

    with closing(sqlite3.connect(path)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revision == newest_revision()
    for node in (old, fresh, other):
        assert await node.database.read(_trouble) == []
        page = await node.database.read(lambda connection: orders.page(connection, "", 100))
        assert len(page) == ORDERS + 1
        assert sum(order.status == "cancelled" for order in page) == 1
    assert (await buy(old, "rice", 1)).status == "placed"
    assert (await buy(fresh, "rice", 2)).status == "placed"
    await eventually(company.converged, within=60)
    views = [await n.database.read(lambda c: stock_views.stock_view(c, "rice")) for n in (old, fresh, other)]
    assert {(view.available, view.frozen, view.oversold) for view in views} == {
        (views[0].available, views[0].frozen, 0)
    }


@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql")), ids=lambda kept: kept.stem)
def test_what_was_parked_on_a_kept_disk_is_parked_after_the_migration(tmp_path: Path, kept: Path) -> None:
    path = tmp_path / "old" / "node.db"
    _restore(kept, path)
    columns = "origin, epoch, seq, event_id, kind, entity, body, reason, waiting, attempts, parked_at"
    event = ("norte", "first", 7, "an id", "stock_update", "rice", "{}", "Invalid body", 0, 3, 1.5)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"INSERT INTO parked ({columns}) VALUES ({', '.join('?' * len(event))})", event)

    migrate(path)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"SELECT {columns} FROM parked").fetchall() == [event]


@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql")), ids=lambda kept: kept.stem)
def test_every_row_of_a_kept_disk_is_what_was_written_after_the_migration(tmp_path: Path, kept: Path) -> None:
    path = tmp_path / "old" / "node.db"
    _restore(kept, path)

    migrate(path, forms=FORMS)

    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        assert _trouble(connection) == []


def test_the_newest_kept_disk_has_rows_of_each_relation_and_what_newer_versions_wrote(tmp_path: Path) -> None:
    """So that the next migration is tried on all of it."""
    path = tmp_path / "newest" / "node.db"
    _restore(SCHEMAS / f"{newest_revision()}.sql", path)
    tables = ("unknown_rows", "customers WHERE extra IS NOT NULL", *replicated.relations())
    with closing(sqlite3.connect(path)) as connection:
        counts = {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}
    assert [name for name, count in counts.items() if not count] == []


@pytest.mark.parametrize("kept", sorted(SCHEMAS.glob("*.sql")), ids=lambda kept: kept.stem)
def test_every_table_of_a_kept_disk_keeps_its_rows_over_the_migration(tmp_path: Path, kept: Path) -> None:
    """Tables that the kept disk has no rows of are given one."""
    path = tmp_path / "old" / "node.db"
    _restore(kept, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        before = {table: _rows(connection, table, columns) for table, columns in _filled(connection).items()}

    migrate(path, forms=FORMS)

    computed = {"alembic_version", "canonical_forms", "schema_steps"}
    with closing(sqlite3.connect(path)) as connection:
        for table, (columns, rows) in before.items():
            assert rows, table
            if table not in computed:
                assert _rows(connection, table, columns)[1] == rows, table


_VALUES = {"TEXT": "a text", "INTEGER": 1, "REAL": 1.5, "BLOB": bytes(32)}


def _filled(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """The columns of each table, once each has a row."""
    found: dict[str, tuple[str, ...]] = {}
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
        found[table] = tuple(name for name, _ in columns if name not in ("checksum", "extra"))
        if connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,):
            row = [_VALUES[kind] for _, kind in columns]
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    return found


def _rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return columns, sorted(rows, key=repr)


def _trouble(connection: sqlite3.Connection) -> list[str]:
    """The rows that are not what was written, and the buckets whose total is not that of their rows."""
    totals: dict[tuple[str, int], int] = {}
    trouble = []
    for entity in replicated.entities():
        for stored in entity.every(connection):
            if not stored.is_sound or stored.row is None:
                trouble.append(f"{entity.relation} {stored.key}")
                continue
            bucket = (entity.relation, digest.bucket_of(stored.key))
            fingerprint = digest.fingerprint_of(entity.relation, entity.encode(stored.row))
            totals[bucket] = totals.get(bucket, 0) + fingerprint
    kept = {
        (row[0], row[1]): bytes(row[2])
        for row in connection.execute("SELECT relation, bucket, total FROM digest_buckets")
        if any(row[2])
    }
    counted = {bucket: digest.as_bytes(total) for bucket, total in totals.items()}
    return trouble + [f"{bucket} is miscounted" for bucket, _ in kept.items() ^ counted.items()]


def _restore(kept: Path, path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(kept.read_text(encoding="utf-8"))
