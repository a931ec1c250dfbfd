"""A node's process: one run of it, from start to stop, kill or halt."""

import asyncio
import contextvars
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_type_hints

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import ValidationError

from app.api import replica
from app.api.problems.table import say
from app.api.problems.words import PROBLEMS
from app.domain.errors import Invalid
from app.node import BranchNode
from app.sync.peering.transport import Response
from app.sync.wire.message import Message
from tests.simulation.machines.disk import SimExecutor
from tests.support.doors import ask
from tests.support.seams import abandon, unlock
from tests.support.virtual import Halt

T = TypeVar("T")

_process: contextvars.ContextVar["Process"] = contextvars.ContextVar("process")


class Down(Exception):
    """The machine's address does not answer. The request certainly had no effect."""


class Unknown(Exception):
    """No answer came. The request may or may not have had an effect."""


def present_process() -> "Process":
    """The process that runs now."""
    return _process.get()


def process_now() -> "Process | None":
    """The process that runs now, or None outside of all processes."""
    return _process.get(None)


def own_tasks(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any
) -> asyncio.Task[T]:
    """Make a task (as the loop's task factory), and assign it to the process that creates it, so that killing
    the process ends it."""
    context: contextvars.Context | None = options.get("context")
    process = context.get(_process) if context is not None else _process.get(None)
    task = asyncio.Task(work, loop=loop, **options)
    if process is not None:
        process.own(task)
    return task


class Process:
    """One run of a node, from start to stop or kill. All its tasks are known, in order of creation.

    `serves` says that its address answers, which begins when the node is open.
    """

    def __init__(
        self, node: BranchNode, executor: SimExecutor, *, app: FastAPI | None, version: int = 1
    ) -> None:
        self.node = node
        self.version = version
        self.executor = executor
        self.alive = True
        self.serves = False
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._halt = Halt()
        self._context = contextvars.Context()
        self._context.run(_process.set, self)
        self._halt.put_in(self._context)
        self._app = app

    def own(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def do(self, work: Coroutine[Any, Any, T], *, patience: float) -> T:
        """Run some work in the process, and return or raise its result. Raises Unknown when the process dies
        meanwhile, or when it takes longer than `patience`; the work then continues by itself."""
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
        """The node's answer to a peer: through its application in some histories, else through the functions
        that its routes call."""
        if self._app is not None:
            return await ask(self._app, self.node.settings.node_name, path, body=body, headers=headers)
        try:
            answered = await _call(self.node, path, body, headers)
        except Exception as error:
            answered = _problem(error)
        token = headers["x-replica-token"]
        mark = self.node.replica_tokens.mark(token, status=answered.status, body=answered.body)
        return replace(answered, mark=mark)

    @property
    def halted(self) -> bool:
        return self._halt.holds

    def halt(self) -> None:
        """Pause it, as SIGSTOP does: it neither works nor answers, its timers stop, and its callers wait."""
        self._halt.hold()

    def resume(self) -> None:
        """Let it continue, as SIGCONT does. Only its clock shows the time that passed."""
        self._halt.let_go()

    def kill(self) -> None:
        """End it at once, as SIGKILL does, halted or not: no task goes on, nothing more reaches the disk."""
        self.alive = False
        self.executor.die()
        unlock(self.node.database)  # before anything of this process ends
        for task in list(self._tasks):
            task.cancel()
        self._halt.let_go()  # only to end

    async def reap(self) -> None:
        """Free what a killed process leaves behind. Its connections close without finishing anything: no
        transaction is open between two pieces of work."""
        await asyncio.gather(*list(self._tasks), return_exceptions=True)
        abandon(self.node.database)


async def _call(node: BranchNode, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
    token = headers.get("x-replica-token")
    claims = node.replica_tokens.verify(
        token, method="POST", path=path, body=body, now=node.receiver_clock.now()
    )
    answer, wanted = _ROUTES[path]
    try:
        message = wanted.read(body)
    except ValidationError:
        raise Invalid("body", "malformed") from None
    reply: Message = await answer(node, claims, message)
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
    if said is None and isinstance(error, Invalid):
        return Response(422, json.dumps({"code": "validation", "detail": repr(error)}).encode())
    if said is None:
        return Response(500, json.dumps({"code": "internal_error", "detail": repr(error)}).encode())
    document = {"code": said.code, "detail": repr(error), **said.data}
    return Response(PROBLEMS[said.code].status, json.dumps(document).encode())


def _hear(task: asyncio.Task[Any]) -> None:
    """Fetch a task's error whose caller gave up waiting, so that it is not reported."""
    if not task.cancelled():
        task.exception()
