"""One process per database file, whatever ends the one that has it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from app.database import StorageFailed
from app.database.lock import FileLock, lock_path, require_free
from app.database.migrations import migrate
from tests.api.conftest import ENVIRONMENT

NODE = Path(__file__).resolve().parents[2]
HOLDS = """
import sys, time
from pathlib import Path
from app.database.lock import FileLock
lock = FileLock.take(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(600)
"""
BEGINS = "import app.main; app.main.app"


def environment(path: Path) -> Mapping[str, str]:
    return {**os.environ, **ENVIRONMENT, "DATABASE_PATH": str(path), "PYTHONPATH": str(NODE)}


def begin(path: Path) -> subprocess.CompletedProcess[str]:
    """What `app.serve` does first: ask for the application."""
    return subprocess.run(
        [sys.executable, "-c", BEGINS], env=environment(path), capture_output=True, text=True, check=False
    )


@pytest.mark.whole
def test_a_killed_process_leaves_the_file_to_the_next_and_a_living_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, env=environment(path), stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
            with pytest.raises(StorageFailed, match="stop the node first"):
                FileLock.take(path)
            refused = begin(path)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert refused.stderr.count("\n") == 1
            assert f"{path} is in use by another process" in refused.stderr
        finally:
            holder.send_signal(signal.SIGKILL)
    require_free(path)
    assert begin(path).returncode == 0


def test_a_file_reached_by_another_name_is_locked_too(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "node.db", tmp_path / "node.db"
    real.parent.mkdir()
    real.touch()
    link.symlink_to(real)
    lock = FileLock.take(link)
    with pytest.raises(StorageFailed):
        FileLock.take(real)
    lock.release()
    lock.release()  # again: nothing happens
    FileLock.take(real).release()


def test_a_lock_whose_file_was_removed_is_not_taken_for_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    first = FileLock.take(path)
    lock_path(path).unlink()
    second = FileLock.take(path)
    with pytest.raises(StorageFailed):
        require_free(path)
    first.release()
    with pytest.raises(StorageFailed):
        require_free(path)
    second.release()
    require_free(path)


def test_where_no_lock_can_be_it_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "node.db.lock").mkdir()
    with pytest.raises(StorageFailed, match="cannot be locked"):
        FileLock.take(tmp_path / "node.db")


@pytest.mark.whole
def test_a_file_of_newer_code_that_left_no_way_back_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = begin(path)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"DATABASE_PATH is wrong: {path} has a schema this version does not know: 9999\n"
    )
