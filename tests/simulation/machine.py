"""A branch's machine: its database file, and the process that runs its node, while it runs."""

import asyncio
import contextvars
import inspect
import json
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, TypeVar, get_type_hints

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api import replica
from app.api.problem_table import say
from app.api.problem_words import PROBLEMS
from app.config import Settings
from app.main import create_app
from app.node import BranchNode
from app.sync.events import Message
from app.sync.transport import Response, Transport
from tests.simulation.disk import SimExecutor
from tests.simulation.journal import Journal
from tests.simulation.virtual import SimClock

T = TypeVar("T")

LONGEST_WORK_SECONDS = 60.0  # of opening or closing a node on a disk that stalls

_process: contextvars.ContextVar["Process"] = contextvars.ContextVar("process")


class Down(Exception):
    """Nobody answers at the machine's address: what was asked did surely not happen."""


class Unknown(Exception):
    """No answer came: what was asked may or may not have happened."""


def own_tasks(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any
) -> asyncio.Task[T]:
    """Make a task (as the loop's task factory) and give it to the process it is created in, so that killing
    the process ends it."""
    context: contextvars.Context | None = options.get("context")
    process = context.get(_process) if context is not None else _process.get(None)
    task = asyncio.Task(work, loop=loop, **options)
    if process is not None:
        process.own(task)
    return task


class Process:
    """One run of a node, from start to stop or kill. All its tasks are known, in order of creation.

    `serves` says that its address answers, which a node's does once it is open.
    """

    def __init__(self, node: BranchNode, executor: SimExecutor, *, app: FastAPI | None) -> None:
        self.node = node
        self.executor = executor
        self.alive = True
        self.serves = False
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = contextvars.Context()
        self._context.run(_process.set, self)
        self._client: httpx.AsyncClient | None = None
        if app is not None:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            base_url = f"http://{node.settings.node_name}"
            self._client = httpx.AsyncClient(transport=transport, base_url=base_url, trust_env=False)

    def own(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def do(self, work: Coroutine[Any, Any, T], *, patience: float) -> T:
        """Have the process do something and return or raise what came of it. Raises Unknown when the process
        dies meanwhile, or when it takes longer than `patience`; it then goes on by itself."""
        if not self.alive:
            work.close()
            raise Down
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        assert task in self._tasks, "the loop makes its tasks by own_tasks"
        task.add_done_callback(_hear)
        done, _ = await asyncio.wait([task], timeout=patience)
        if not done or task.cancelled():
            raise Unknown("killed" if done else "timed out")
        return task.result()

    async def answer(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """What the node answers a peer: through its whole application in some histories, else through what
        its routes call."""
        if self._client is not None:
            answer = await self._client.post(path, content=body, headers=dict(headers))
            return Response(status=answer.status_code, body=answer.content)
        try:
            return await _call(self.node, path, body, headers)
        except Exception as error:
            return _problem(error)

    def kill(self) -> None:
        """End it at once, as SIGKILL does: no task goes on, nothing more reaches the disk."""
        self.alive = False
        self.executor.die()
        for task in list(self._tasks):
            task.cancel()

    async def reap(self) -> None:
        """Free what a killed process leaves behind. Its connections close without finishing anything: no
        transaction is open between two pieces of work."""
        await asyncio.gather(*list(self._tasks), return_exceptions=True)
        await self.free()
        database = self.node.database
        if database._writer is not None:
            database._writer.close()
        while database._readers:
            database._readers.pop().close()

    async def free(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class Machine:
    """A branch's machine. It is off at first; its file survives whatever happens to the process.

    `on_commit` is called at the instant after each commit, before anybody hears of it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        journal: Journal,
        random: Callable[..., Random],
        transport: Callable[[str], Transport],
        on_commit: Callable[["Machine"], None],
        template: Path,
        http: bool,
    ) -> None:
        self.name = settings.node_name
        self.path = settings.database_path
        self.wipes = 0
        self.clock = SimClock()
        self.process: Process | None = None
        self._settings = settings
        self._journal = journal
        self._random = random
        self._transport = transport
        self._on_commit = on_commit
        self._template = template
        self._http = http
        self._starts = 0
        self._commits_to_live: int | None = None
        self._reaping: asyncio.Task[None] | None = None
        shutil.copy(template, self.path)

    async def start(self) -> None:
        """Start the node on the file as it is."""
        await self.reaped()
        self._starts += 1
        self._commits_to_live = None
        executor = SimExecutor(self._random("disk", self.name, self._starts), on_commit=self._committed)
        parts: dict[str, Any] = {
            "clock": self.clock,
            "random": self._random("node", self.name, self._starts),
            "transport": self._transport(self.name),
            "executor": executor,
        }
        settings = self._settings.model_copy(update={"database_path": self.path})
        app = create_app(settings, **parts) if self._http else None
        node = app.state.node if app is not None else BranchNode(settings, **parts)
        self.process = process = Process(node, executor, app=app)
        self._journal.note(self.name, "starts", self._starts)
        with suppress(Unknown):  # it may be killed before it is open
            await process.do(node.open(), patience=LONGEST_WORK_SECONDS)
            process.serves = True

    async def stop(self) -> None:
        """Stop the node as SIGTERM does."""
        process, self.process = self.process, None
        if process is not None:
            self._journal.note(self.name, "stops")
            await process.do(process.node.close(), patience=LONGEST_WORK_SECONDS)
            process.kill()
            await process.reap()

    def crash(self) -> None:
        """Kill the node now. What its process had not committed is gone: the next start recovers from a copy
        of the file and its log as they are at this instant."""
        process, self.process = self.process, None
        assert process is not None, "only a running node crashes"
        self._journal.note(self.name, "is killed")
        process.kill()
        self.path = _copy(self.path, f"{self.name}-{self._starts}.db")
        loop = asyncio.get_running_loop()
        self._reaping = loop.create_task(process.reap(), context=contextvars.Context())

    def wipe(self) -> None:
        """Kill the node and lose its disk: the next start finds an empty file."""
        self.crash()
        self.wipes += 1
        self.path = self.path.with_name(f"{self.name}-wiped-{self.wipes}.db")
        shutil.copy(self._template, self.path)

    async def reaped(self) -> None:
        """Return once a killed process left nothing behind."""
        if self._reaping is not None:
            await self._reaping
            self._reaping = None

    def spare(self) -> None:
        """Take back what `doom` announced."""
        self._commits_to_live = None

    def doom(self, commits: int) -> None:
        """Let the node be killed after that many more commits, before anybody hears of the last one."""
        self._commits_to_live = commits

    def _committed(self) -> None:
        self._on_commit(self)
        if self._commits_to_live is not None and self.process is not None:
            self._commits_to_live -= 1
            if self._commits_to_live <= 0:
                self.crash()


def _copy(path: Path, name: str) -> Path:
    copy = path.with_name(name)
    shutil.copy(path, copy)
    log = Path(f"{path}-wal")
    if log.exists():
        shutil.copy(log, f"{copy}-wal")
    return copy


async def _call(node: BranchNode, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
    token = headers.get("x-replica-token")
    claims = node.replica_tokens.verify(token, method="POST", path=path, body=body, now=node.clock.wall())
    answer, wanted = _ROUTES[path]
    reply: Message = await answer(node, claims, wanted.model_validate_json(body))
    return Response(200, reply.model_dump_json().encode())


def _routes() -> dict[str, tuple[Callable[..., Awaitable[Message]], type[Message]]]:
    """What every replica route calls, and the message it takes: its third parameter."""
    found = {}
    for route in replica.router.routes:
        assert isinstance(route, APIRoute), "the replica's routes are plain ones"
        *_, wanted = inspect.signature(route.endpoint).parameters
        found[route.path] = (route.endpoint, get_type_hints(route.endpoint)[wanted])
    return found


_ROUTES = _routes()


def _problem(error: Exception) -> Response:
    """What the application would answer, less the words for people."""
    said = say(error)
    if said is None:
        return Response(500, json.dumps({"code": "internal_error", "detail": repr(error)}).encode())
    document = {"code": said.code, "detail": repr(error), **said.data}
    return Response(PROBLEMS[said.code].status, json.dumps(document).encode())


def _hear(task: asyncio.Task[Any]) -> None:
    """Whoever gave up waiting for a task does not want to hear of its error either."""
    if not task.cancelled():
        task.exception()
