"""A node that takes long to open answers meanwhile, and says what it is at."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from app.config import read_settings
from app.database import StorageFailed, WrongDatabase
from app.database.forms import Progress
from app.main import create_app
from app.runtime import Lane
from tests.api.conftest import ENVIRONMENT
from tests.support.network import FakeNetwork
from tests.support.parts import parts
from tests.support.virtual import VirtualLoop, eventually

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class SlowExecutor:
    """Runs work on the event loop; the first of the writer's takes `seconds` after it was begun, and its
    result is told only then. `refusals` are what opening meets first, one a try."""

    def __init__(self, seconds: float, *refusals: Exception) -> None:
        self._seconds = [seconds]
        self._refusals = list(refusals)

    async def run(self, lane: Lane, work: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        if lane == "writer" and self._refusals:
            await asyncio.sleep(self._seconds[0])
            raise self._refusals.pop(0)
        found = work()
        if lane == "writer" and self._seconds:
            await asyncio.sleep(self._seconds.pop())
        return found

    def close(self) -> None:
        pass


class Long:
    """Forms whose computation takes until it `may_end`."""

    revisions: Mapping[str, int] = {"orders": 1_000_000}

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.may_end = threading.Event()

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Progress
    ) -> None:
        for relation in relations:
            progress(relation, 70_000)
        self.waits.set()
        assert self.may_end.wait(timeout=60)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def path(tmp_path: Path, empty_file: Path) -> Path:
    path = tmp_path / "node.db"
    shutil.copy(empty_file, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS canonical_forms"
            " (relation TEXT PRIMARY KEY, revision INTEGER NOT NULL)"
        )
    return path


Starter = Callable[[SlowExecutor], Any]


@pytest.fixture
async def start(path: Path) -> AsyncIterator[Starter]:
    """Starts the application as a server does, and stops it after the test."""
    running: list[Any] = []

    async def begin(executor: SlowExecutor) -> httpx.AsyncClient:
        app = create_app(
            read_settings({**ENVIRONMENT, "DATABASE_PATH": str(path)}),
            **parts(executor=executor),
        )
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        running.append(lifespan)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://matriz")

    yield begin
    for lifespan in running:
        await lifespan.__aexit__(None, None, None)


async def readiness(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/readyz")).json())


async def test_while_a_long_opening_goes_on_the_node_answers_that_it_is_not_ready(start: Starter) -> None:
    client = await start(SlowExecutor(60.0))
    assert (await readiness(client))["reason"] == "starting"
    assert (await client.get("/healthz")).status_code == 200
    for path in ("/orders", "/status", "/auth/login", "/replica/hello"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
            503,
            "not_ready",
            "starting",
        )
    await asyncio.sleep(70.0)
    assert await readiness(client) == {"ready": True, "reason": None, "detail": None, "progress": None}
    assert (await client.get("/status")).status_code == 401


class TestWhileItMigrates:
    """In real time: the migration runs in a thread of its own."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_node_tells_how_many_rows_it_has_rewritten(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forms = Long()
        monkeypatch.setattr("app.opening.OPENING_SECONDS", 0.0)
        app = create_app(
            read_settings({**ENVIRONMENT, "DATABASE_PATH": str(path)}),
            transport=FakeNetwork().transport("matriz"),
            forms=forms,
        )
        async with app.router.lifespan_context(app):
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://matriz")
            try:
                await eventually(forms.waits.is_set, within=30)
                await eventually(lambda: _is_migrating(client), within=30)
                assert (await readiness(client))["progress"] == {"orders": 70_000}
                refused = await client.get("/orders", headers={"Accept-Language": "pt-BR"})
                assert (refused.status_code, refused.json()["reason"]) == (503, "migrating")
            finally:
                forms.may_end.set()
            await eventually(lambda: _is_ready(client), within=30)
            assert (await readiness(client))["progress"] is None


async def _is_migrating(client: httpx.AsyncClient) -> bool:
    return bool((await readiness(client))["reason"] == "migrating")


async def test_what_fails_at_once_ends_the_start(start: Starter) -> None:
    with pytest.raises(StorageFailed, match="busy"):
        await start(SlowExecutor(0.5, StorageFailed("busy")))


async def test_what_fails_later_is_said_and_tried_again(start: Starter) -> None:
    client = await start(SlowExecutor(3.0, StorageFailed("busy"), StorageFailed("busy")))
    await asyncio.sleep(2.0)
    assert (await readiness(client))["reason"] == "storage_failed"
    await eventually(lambda: _is_ready(client), every=0.5)


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return bool((await readiness(client))["ready"])


async def test_what_no_second_try_can_help_is_not_tried_again(start: Starter) -> None:
    client = await start(SlowExecutor(3.0, WrongDatabase("another node's")))
    await asyncio.sleep(600.0)
    assert (await readiness(client))["reason"] == "wrong_database"


async def test_a_start_that_its_file_prevents_ends_with_one_line(tmp_path: Path) -> None:
    """The stack of calls says nothing to who runs the node; a defect of the node's own still shows it."""
    for error, shows_stack in ((StorageFailed("it is read-only"), False), (RuntimeError("why"), True)):
        settings = read_settings({**ENVIRONMENT, "DATABASE_PATH": str(tmp_path / "node.db")})
        app = create_app(settings, **parts(executor=SlowExecutor(0, error)))
        sent: list[Mapping[str, Any]] = []

        async def send(message: Any, sent: list[Mapping[str, Any]] = sent) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        ended = await asyncio.gather(
            app({"type": "lifespan", "state": {}}, receive, send), return_exceptions=True
        )
        (failed,) = sent
        assert failed["type"] == "lifespan.startup.failed"
        assert str(error) in failed["message"]
        assert (len(failed["message"].splitlines()) > 1) == shows_stack
        assert isinstance(ended[0], RuntimeError) == shows_stack
