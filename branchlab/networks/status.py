"""The state of every node at one moment, from its driver and from its `/status`. What is unknown is None."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from branchlab.networks.drivers import NodeState
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Faults, Status
from branchlab.nodes.convergence import decommissioned, is_converged
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.password import is_wrong, wrong_password
from branchlab.settings import Secrets

_TIMEOUT_SECONDS = 3.0  # a node that needs longer for /status counts as unreachable


@dataclass(frozen=True)
class NodeReading:
    """One node, now. `status` is None when it could not be read; `error` says why not.

    `ready` may be known (False) without a status: a node that rebuilds reports only that. `clock_ahead` is
    by how many seconds its clock is ahead of this machine's at the least; negative for one behind.
    """

    name: str
    state: NodeState
    ready: bool | None
    status: Status | None
    error: str | None
    clock_ahead: float | None = None

    @property
    def faults(self) -> Faults | None:
        """The node's active faults; none where it takes none, None where they could not be read."""
        if self.status is None:
            return None
        return self.status.get("faults") or {"links": [], "disk": None}


@dataclass(frozen=True)
class NetworkReading:
    """All nodes, asked at the same moment: `at` by this machine's clock."""

    nodes: tuple[NodeReading, ...]
    at: datetime | None = None

    @property
    def converged(self) -> bool | None:
        """As `is_converged`: None when a node that could not be read might disprove it."""
        return is_converged(self.statuses)

    @property
    def statuses(self) -> dict[str, Status | None]:
        """NODE → its `/status`, None where it could not be read."""
        return {node.name: node.status for node in self.nodes}

    def as_json(self) -> dict[str, Any]:
        """`{nodes: {NAME: {…}}, converged}` as `./lab status --json` prints it, with the
        names of the decommissioned nodes; unknown is null, never 0."""
        names = [node.name for node in self.nodes]
        return {
            "nodes": {node.name: _node_json(node, names) for node in self.nodes},
            "decommissioned": decommissioned(self.statuses),
            "converged": self.converged,
        }


def _node_json(node: NodeReading, names: Sequence[str]) -> dict[str, Any]:
    status = node.status
    peers = [name for name in names if name != node.name]
    details = status["peers"] if status else {}
    return {
        "state": node.state,
        "ready": node.ready,
        "epoch": status["epoch"] if status else None,
        "counts": status["counts"] if status else None,
        "pending": {peer: status["pending"].get(peer) if status else None for peer in peers},
        "oldest_pending_seconds": {
            peer: details[peer]["oldest_pending_seconds"] if peer in details else None for peer in peers
        },
        "digest": status["digest"] if status else None,
        "heads": status["heads"] if status else None,
        "faults": node.faults,
        "clock_ahead_seconds": None if node.clock_ahead is None else round(node.clock_ahead, 1),
    }


class StatusReader:
    """Reads the whole network again and again with one login per node. An async context manager."""

    def __init__(
        self,
        network: Network,
        secrets: Secrets,
        *,
        state_of: Callable[[str], NodeState],
        transport: httpx.AsyncBaseTransport | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._wall = wall
        self._state_of = state_of
        self._clients = [
            NodeClient(node.name, node.url, timeout=_TIMEOUT_SECONDS, transport=transport)
            for node in network.nodes
        ]
        self._stack = AsyncExitStack()
        self._refused_by: set[str] = set()

    async def __aenter__(self) -> Self:
        for client in self._clients:
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def read(self) -> NetworkReading:
        """Asks all nodes at once; takes no longer than the slowest one's time-out. LabError where every node
        that could say refuses the administrator's password."""
        nodes = tuple(await asyncio.gather(*map(self._read_node, self._clients)))
        if self._refused_by and all(client.token is None for client in self._clients):
            raise wrong_password(self._secrets.admin_username)
        return NetworkReading(nodes, at=datetime.fromtimestamp(self._wall()).astimezone())

    async def _read_node(self, client: NodeClient) -> NodeReading:
        self._refused_by.discard(client.name)
        state = await asyncio.to_thread(self._state_of, client.name)
        if state in ("paused", "stopped"):  # asking would only hang or be refused
            return _silent(client.name, state, error=state)
        try:
            if client.token is None:
                await client.login(self._secrets.admin_username, self._secrets.admin_password)
            asked = self._wall()
            status = await client.status()
        except Unknown as error:
            return _silent(client.name, "unreachable", error=str(error))
        except Refused as error:
            said = str(error.problem.get("detail") or error)
            if error.code == "unreachable":
                return _silent(client.name, "unreachable", error=said)
            if client.token is None and await is_wrong(client, error):
                self._refused_by.add(client.name)
            ready = False if error.code == "not_ready" else None
            return _silent(client.name, "running", error=said, ready=ready)
        return NodeReading(
            name=client.name,
            state="running",
            ready=status["ready"],
            status=status,
            error=None,
            clock_ahead=clock_ahead(status.get("now"), asked=asked, answered=self._wall()),
        )


def clock_ahead(now: float | str | None, *, asked: float, answered: float) -> float | None:
    """By how many seconds a clock that showed `now` between two moments of ours is ahead at the least; None
    where it showed nothing."""
    if now is None:
        return None
    shown = datetime.fromisoformat(now).timestamp() if isinstance(now, str) else now
    return min(0.0, shown - asked) or max(0.0, shown - answered)


def _silent(name: str, state: NodeState, *, error: str, ready: bool | None = None) -> NodeReading:
    return NodeReading(name=name, state=state, ready=ready, status=None, error=error)
