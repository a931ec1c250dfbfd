"""Opens a node while its HTTP server already answers: a long migration runs in the background."""

import asyncio
import logging
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.database import StorageError, WrongDatabase
from app.node import BranchNode

log = logging.getLogger("app.opening")

OPENING_SECONDS = 2.0
"""How long a start waits for the node to open. An error within this time ends the start."""

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 5.0


class Opening:
    """Opens a node: first while its server waits, then while it answers that the node is not ready, and why.
    An opening that fails then is tried again, unless the file is not this node's."""

    def __init__(self, node: BranchNode) -> None:
        self._node = node
        self._task: asyncio.Task[None] | None = None
        self.refusal: str | None = None
        """Why the file could not be used at the start, in one line, or None."""

    async def begin(self) -> None:
        """Return when the node is open, or after OPENING_SECONDS. Raises as `BranchNode.open` does."""
        first = asyncio.create_task(self._node.open(), name="open")
        patience = asyncio.create_task(self._node.clock.sleep(OPENING_SECONDS), name="patience")
        try:
            await asyncio.wait({first, patience}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            if not first.done():
                self._say_what_takes_so_long()
                self._task = asyncio.create_task(self._go_on(first), name="opening")
        if first.done():
            try:
                await first
            except StorageError as error:
                self.refusal = str(error)
                raise

    async def end(self) -> None:
        """Let the opening under way end, and try no other."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _go_on(self, opening: asyncio.Task[None]) -> None:
        while not await self._is_over(opening):
            await self._node.clock.sleep(AGAIN_SECONDS)
            opening = asyncio.create_task(self._node.open(), name="open")

    async def _is_over(self, opening: asyncio.Task[None]) -> bool:
        """Whether nothing is left to try. Meanwhile the readiness shows what takes so long, or what
        failed."""
        node = self._node
        while not opening.done():
            self._say_what_takes_so_long()
            pause = asyncio.create_task(node.clock.sleep(LOOK_SECONDS), name="pause")
            try:
                await asyncio.wait({opening, pause}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                # A piece of work in the database cannot be stopped in the middle; what follows it can.
                await asyncio.gather(opening, return_exceptions=True)
                raise
            finally:
                pause.cancel()
        try:
            await opening
        except WrongDatabase as error:
            log.critical("the database cannot be used: %s", error)
            node.readiness.wait_for("wrong_database")
        except StorageError as error:
            log.error("opening the database is tried again: %s", error)
            node.readiness.wait_for("storage_failed")
            return False
        except Exception:
            log.exception("opening the node failed")
            node.readiness.wait_for("cannot_open")
        return True

    def _say_what_takes_so_long(self) -> None:
        migrating = self._node.database.progress is not None
        self._node.readiness.wait_for("migrating" if migrating else "starting")


class OneLineStart:
    """Lets a start that failed by the database's file end with one line in place of a stack of calls. Any
    other failure keeps its stack."""

    def __init__(self, app: ASGIApp, opening: Opening) -> None:
        self._app = app
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_briefly(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._opening.refusal is not None:
                message = {**message, "message": f"the database cannot be used: {self._opening.refusal}"}
            await send(message)

        try:
            await self._app(scope, receive, send_briefly)
        except StorageError:
            if self._opening.refusal is None:
                raise
