"""Asks every node again and again how it is, and writes into the room's log what has changed."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from branchlab.checking.runlog import RunLog
from branchlab.networks.drivers import NodeState
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.outcome import Refused, Unknown

EVERY_SECONDS = 0.25
ANSWER_SECONDS = 1.5
"""A node that needs longer counts as silent: two seconds after it hangs, everybody can see it."""
_STATE_SECONDS = 0.5
_WHOLE_SECONDS = 1.0  # an answer as before is written whole this often, else in a word
_PASSING = (
    "now",
    "oldest_pending_seconds",
    "next_retry_seconds",
    "last_success_at",
    "attempts",
    "seconds_left",
)


class NodeReader:
    """Reads one node. `state` is the node's as its driver sees it, `status` its last answer."""

    def __init__(
        self,
        client: NodeClient,
        log: RunLog,
        *,
        credentials: tuple[str, str],
        state_of: Callable[[str], NodeState],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.state: NodeState = "unreachable"
        self.status: Status | None = None
        self._log = log
        self._credentials = credentials
        self._state_of = state_of
        self._clock = clock
        self._state_at = float("-inf")
        self._written: tuple[NodeState, Any] | None = None
        self._written_at = float("-inf")

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY_SECONDS)

    async def read(self) -> None:
        """Asks once, and writes down what came of it."""
        if self._clock() - self._state_at >= _STATE_SECONDS or self.status is None:
            self.state = await asyncio.to_thread(self._state_of, self.client.name)
            self._state_at = self._clock()
        self.status = None if self.state in ("paused", "stopped") else await self._ask()
        if self.status is None and self.state == "running":
            self._state_at = float("-inf")  # it may just have died
        self._write()

    async def _ask(self) -> Status | None:
        with suppress(Refused, Unknown, TimeoutError):
            if self.client.token is None:  # a login costs a node far more than a status
                await self.client.login(*self._credentials)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self.client.status()
        return None

    def _write(self) -> None:
        now, told = self._clock(), (self.state, _lasting(self.status))
        if told == self._written and now - self._written_at < _WHOLE_SECONDS:
            self._log.heard(self.client.name)
            return
        self._written, self._written_at = told, now
        self._log.sample(self.client.name, self.status, state=self.state)


def _lasting(value: Any) -> Any:
    """An answer without what changes by itself as time goes by."""
    if isinstance(value, dict):
        return {name: _lasting(part) for name, part in value.items() if name not in _PASSING}
    if isinstance(value, list):
        return [_lasting(part) for part in value]
    return value
