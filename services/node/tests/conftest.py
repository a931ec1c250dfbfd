"""Fixtures of all node tests. Async tests are marked `anyio`; those below `state/` and `sync/` run in virtual
time."""

import gc
import itertools
import shutil
import sqlite3
import sqlite3.dbapi2
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from app.database.migrations import migrate
from app.state.registry.canonical_forms import FORMS
from tests.support.branch import Branch, Branches
from tests.support.company import Company

# The same examples on every machine, and no limit on time: two cores shared with others prove nothing.
settings.register_profile("node", deadline=None, derandomize=True, database=None)
settings.load_profile("node")


def pytest_collection_finish() -> None:
    """Keep the collector from searching, again and again, what was imported for all tests and stays, and from
    beginning anew with every 700 objects: together that took a third of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(autouse=True)
def every_file_is_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that leaves a connection to a file open fails by itself. Python 3.13 warns of it too, but in any
    later test, when the collector comes to it."""
    opened: list[tuple[str, sqlite3.Connection]] = []
    connect = sqlite3.connect

    def noting(database: Any, *arguments: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, *arguments, **named)
        if database != ":memory:":  # those of a fixture of the whole run stay open for the next test
            opened.append((str(database), connection))
        return connection

    for module in (sqlite3, sqlite3.dbapi2):  # SQLAlchemy takes the latter
        monkeypatch.setattr(module, "connect", noting)
    yield
    assert [path for path, connection in opened if _is_open(connection)] == []


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError as error:  # another thread's says so, too
        return "closed" not in str(error)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that no node has opened yet, to be copied: migrating takes half a second."""
    path = tmp_path_factory.mktemp("template") / "node.db"
    migrate(path, forms=FORMS)
    return path


@pytest.fixture
def new_database(tmp_path: Path, empty_file: Path) -> Callable[[], Path]:
    """Makes database files that no node has opened yet; each call a new one."""
    numbers = itertools.count(1)

    def make() -> Path:
        path = tmp_path / f"node-{next(numbers)}.db"
        shutil.copy(empty_file, path)
        return path

    return make


@pytest.fixture(scope="session")
def schema(empty_file: Path) -> Iterator[sqlite3.Connection]:
    """The migrated schema as a connection, to fill databases in memory from."""
    with closing(sqlite3.connect(empty_file)) as connection:
        yield connection


@pytest.fixture
def branches(schema: sqlite3.Connection) -> Iterator[Branches]:
    """Branches in memory, without clients, network or waiting."""
    with closing(Branches(schema)) as made:
        yield made


@pytest.fixture(scope="session")
def make_branches(schema: sqlite3.Connection) -> Iterator[Callable[[], list[Branch]]]:
    """Makes three branches that know a customer and a product, for one example of many: the same three
    databases in memory, filled anew each time."""
    made: list[Branch] = []

    def make() -> list[Branch]:
        while made:
            made.pop().close()
        made.extend(Branch(name, schema=schema) for name in ("matriz", "norte", "sul"))
        made[0].customer("ALFKI")
        made[0].product("rice")
        made[0].send(made[1])
        made[0].send(made[2])
        return made

    yield make
    while made:
        made.pop().close()


@pytest.fixture
async def company(tmp_path: Path, empty_file: Path) -> AsyncIterator[Company]:
    """A network of whole nodes in this process; the test starts those it needs."""
    made = Company(tmp_path, empty_file=empty_file)
    try:
        yield made
    finally:
        await made.close()
