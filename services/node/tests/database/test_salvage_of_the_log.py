"""Reading a file of which the newest commits stand in the log only, with damage to either."""

import shutil
from pathlib import Path
from random import Random

import pytest

from tests.support.damaging import (
    TABLES,
    Sound,
    by_pages,
    content,
    content_by_sql,
    copy,
    fill,
    in_use,
    log_of,
    overwrite,
    places,
    rows_of,
    statements,
)

PAGE = 4096
FRAME = 24 + PAGE
LOG_HEAD = 32


@pytest.fixture(scope="module")
def running(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A file with a log, as a node leaves it that was killed."""
    path = tmp_path_factory.mktemp("running") / "node.db"
    shutil.copyfile(empty_file, path)
    with in_use(path) as connection:
        for seed in range(3):
            connection.execute("BEGIN")
            fill(connection, orders=25, seed=seed)
            connection.execute("COMMIT")
        for seq in range(10):
            connection.execute("UPDATE orders SET note = note || '!' WHERE seq = ?", (seq,))
    return Sound(path, places(path), statements(empty_file))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    return tmp_path / "damaged.db"


@pytest.mark.whole
def test_commits_behind_a_damaged_frame_of_the_log_come_back(running: Sound, damaged: Path) -> None:
    """SQLite stops at that frame, and finds nothing wrong with what it reads."""
    log = log_of(running.path).read_bytes()
    for seed in range(60):
        random = Random(seed)
        frame = random.randrange((len(log) - LOG_HEAD) // FRAME - 1)
        at = LOG_HEAD + frame * FRAME
        lost = set[int]()
        if random.random() < 0.5:
            start, length = at + 24 + random.randrange(PAGE - 8), 8  # the content
            lost.add(int.from_bytes(log[at : at + 4], "big"))
        else:
            start, length = at + random.choice((4, 8, 12, 16, 20)), 4  # commit, salts, checksums
        data = bytearray(log)
        data[start : start + length] = random.randbytes(length)
        copy(running.path, damaged)
        log_of(damaged).write_bytes(data)

        rows = rows_of(damaged, running)

        assert running.rows_outside(lost) <= set(content(rows)), seed


@pytest.mark.whole
def test_with_the_header_of_the_log_overwritten_its_commits_count(running: Sound, damaged: Path) -> None:
    for seed in range(8):
        copy(running.path, damaged)
        overwrite(log_of(damaged), 0, Random(seed).randbytes(LOG_HEAD))

        assert set(running.places) <= set(content(rows_of(damaged, running))), seed


def test_with_the_header_of_the_file_overwritten_the_log_counts(running: Sound, damaged: Path) -> None:
    copy(running.path, damaged)
    overwrite(damaged, 0, bytes(100))

    assert set(running.places) == set(content(rows_of(damaged, running)))
    assert set(running.places) == {row for row, way in by_pages(damaged) if way == "page"}


def test_what_a_power_cut_left_unfinished_in_the_log_does_not_count(running: Sound, damaged: Path) -> None:
    log = log_of(running.path).read_bytes()
    assert log[-FRAME + 4 : -FRAME + 8] != bytes(4), "the last frame ends a commit"
    copy(running.path, damaged)
    log_of(damaged).write_bytes(log[:-100])
    expected = content_by_sql(damaged, workspace=damaged.parent)

    assert expected == {row for row, way in by_pages(damaged) if way == "page"}
    assert expected != set(running.places)


def test_what_the_last_commit_wrote_is_found_though_its_end_is_damaged(
    empty_file: Path, damaged: Path, tmp_path: Path
) -> None:
    """Somebody may have been answered. It is taken for an older version, and no index leads to it."""
    running = tmp_path / "running.db"
    shutil.copyfile(empty_file, running)
    with in_use(running) as connection:
        for seed in range(2):
            connection.execute("BEGIN")
            fill(connection, orders=3, seed=seed)
            connection.execute("COMMIT")
    sound = Sound(running, places(running), statements(empty_file))
    size = log_of(running).stat().st_size
    copy(running, damaged)
    its_end = size - FRAME  # this frame says that the commit is whole
    overwrite(log_of(damaged), its_end, Random(1).randbytes(FRAME))

    found = content(rows_of(damaged, sound))

    orders = {row for row in sound.places if row[0] == "orders"}
    assert orders <= set(found)
    assert not orders <= {row for row, way in by_pages(damaged) if way == "page"}


def test_what_an_earlier_round_of_the_log_left_there_is_found_last(empty_file: Path, damaged: Path) -> None:
    """The log is begun anew at its start; behind the new frames the old ones stay."""
    shutil.copyfile(empty_file, damaged)
    with in_use(damaged) as connection:
        connection.execute("BEGIN")
        fill(connection, orders=60)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("UPDATE products SET price_cents = 1 WHERE lamport = 1")
    sound = Sound(damaged, places(damaged), statements(empty_file))
    owners = sound.survey().owners
    orders = {number for number, names in owners.items() if names == {"orders"}}
    assert len(log_of(damaged).read_bytes()) > 20 * FRAME

    for number in orders:
        overwrite(damaged, (number - 1) * PAGE, bytes(PAGE))
    found = {row for row, way in by_pages(damaged) if row[0] == "orders" and way == "old"}

    assert len(found) > 50
    assert found <= set(sound.places)


@pytest.mark.whole
def test_random_bytes_over_file_and_log_raise_nothing(running: Sound, damaged: Path) -> None:
    sources = [running.path.read_bytes(), log_of(running.path).read_bytes()]
    for seed in range(100):
        random = Random(seed)
        for clean, target in zip(sources, (damaged, log_of(damaged)), strict=True):
            data = bytearray(clean)
            for _ in range(random.randrange(5)):
                start, length = random.randrange(len(clean)), random.choice((1, 4, 100, 9000))
                data[start : start + length] = random.randbytes(len(data[start : start + length]))
            target.write_bytes(data[: random.choice((len(data), random.randrange(len(data))))])

        for row in rows_of(damaged, running):
            assert set(row.values) == set(TABLES[row.table])
