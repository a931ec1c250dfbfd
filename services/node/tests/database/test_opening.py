"""Opening a node's file: whose it is, who has it open, and who may read it."""

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from app.database import StorageFailed, WrongDatabase
from app.database.file import require_writable
from app.runtime import ThreadExecutor
from tests.support.branch import CLUSTER
from tests.support.served import count, emit, served

pytestmark = pytest.mark.anyio


async def test_an_open_database_survives_the_process(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    identities = []
    for _ in range(2):
        database = served(path, executor)
        await database.open(cluster_id=CLUSTER, name="matriz")
        await database.write(emit())
        identities.append(database.identity)
        await database.close()
    assert [identity.starts for identity in identities] == [1, 2]
    assert identities[0].epoch == identities[1].epoch


async def test_another_nodes_file_is_refused(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    first = served(path, executor)
    await first.open(cluster_id=CLUSTER, name="matriz")
    await first.close()
    other = served(path, executor)
    with pytest.raises(WrongDatabase):
        await other.open(cluster_id=CLUSTER, name="norte")
    await other.close()


async def test_a_second_process_is_refused_until_the_first_is_gone(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    first, second = served(path, executor), served(path, executor)
    await first.open(cluster_id=CLUSTER, name="matriz")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="stop the node first"):
            await second.open(cluster_id=CLUSTER, name="matriz")
    await first.close()
    await second.open(cluster_id=CLUSTER, name="matriz")
    assert second.identity.starts == 2
    await second.close()


async def test_only_its_owner_may_read_a_nodes_files(tmp_path: Path, executor: ThreadExecutor) -> None:
    path = tmp_path / "data" / "node" / "node.db"
    others_may_enter(tmp_path)
    database = served(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    await database.write(emit())
    await database.read(count)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("node.db", "node.db-wal", "node.db-shm", "node.db.lock"), 0o600)
    folders = [folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent, tmp_path)]
    assert folders == [0o700, 0o700, 0o755]
    await database.close()


async def test_files_that_others_could_read_are_closed_to_them(
    new_database: Callable[[], Path], executor: ThreadExecutor
) -> None:
    path = new_database()
    kept = path.with_name(f"{path.name}.damaged-1")
    kept.write_bytes(b"")
    for file in (path, kept):
        file.chmod(0o644)
    database = served(path, executor)
    await database.open(cluster_id=CLUSTER, name="matriz")
    assert {file.stat().st_mode & 0o777 for file in (path, kept)} == {0o600}
    assert database.has_set_aside
    await database.close()


def test_a_file_that_cannot_be_written_is_refused_before_it_is_opened(
    new_database: Callable[[], Path],
) -> None:
    path = new_database()
    path.chmod(0o644)
    require_writable(path)
    assert path.stat().st_mode & 0o777 == 0o600
    require_writable(path.with_name("absent.db"))
    with (
        mock.patch.object(os, "access", return_value=False),
        pytest.raises(StorageFailed, match="cannot be written") as refused,
    ):
        require_writable(path)
    assert "\n" not in str(refused.value)
    assert not path.with_name("absent.db").exists()


def others_may_enter(folder: Path) -> None:
    folder.chmod(0o755)
