"""A database with real threads, for the tests of this folder."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.database import Database
from app.runtime import ThreadExecutor
from tests.support.branch import CLUSTER
from tests.support.served import served


@pytest.fixture
async def executor() -> AsyncIterator[ThreadExecutor]:
    made = ThreadExecutor()
    yield made
    made.close()


@pytest.fixture
async def database(new_database: Callable[[], Path], executor: ThreadExecutor) -> AsyncIterator[Database]:
    made = served(new_database(), executor)
    await made.open(cluster_id=CLUSTER, name="matriz")
    yield made
    await made.close()
