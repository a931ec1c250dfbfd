"""The state of every node at one moment, from its driver and from its `/status`. What is unknown is None."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from lab.networks.drivers import NodeState
from lab.networks.network import Network
from lab.nodes.client import NodeClient
from lab.nodes.contract import Status
from lab.nodes.convergence import decommissioned, is_converged
from lab.nodes.outcome import Refused, Unknown
from lab.settings import Secrets

_TIMEOUT_SECONDS = 3.0  # a node that needs longer for /status counts as unreachable


@dataclass(frozen=True)
class NodeReading:
    """One node, now. `status` is None when it could not be read; `error` says why not.

    `ready` may be known (False) without a status: a node that rebuilds reports only that.
    """

    name: str
    state: NodeState
    ready: bool | None
    status: Status | None
    error: str | None


@dataclass(frozen=True)
class NetworkReading:
    """All nodes, asked at the same moment."""

    nodes: tuple[NodeReading, ...]

    @property
    def converged(self) -> bool | None:
        """As `is_converged`: None when a node that could not be read might disprove it."""
        return is_converged(self.statuses)

    @property
    def statuses(self) -> dict[str, Status | None]:
        """NODE → its `/status`, None where it could not be read."""
        return {node.name: node.status for node in self.nodes}

    def as_json(self) -> dict[str, Any]:
        """`{nodes: {NAME: {…}}, converged}` as `lab status --json` prints it, with the
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
    ) -> None:
        self._secrets = secrets
        self._state_of = state_of
        self._clients = [
            NodeClient(node.name, node.url, timeout=_TIMEOUT_SECONDS, transport=transport)
            for node in network.nodes
        ]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for client in self._clients:
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def read(self) -> NetworkReading:
        """Asks all nodes at once; takes no longer than the slowest one's time-out."""
        return NetworkReading(nodes=tuple(await asyncio.gather(*map(self._read_node, self._clients))))

    async def _read_node(self, client: NodeClient) -> NodeReading:
        state = await asyncio.to_thread(self._state_of, client.name)
        if state in ("paused", "stopped"):  # asking would only hang or be refused
            return _silent(client.name, state, error=state)
        try:
            if client.token is None:
                await client.login(self._secrets.admin_username, self._secrets.admin_password)
            status = await client.status()
        except Unknown as error:
            return _silent(client.name, "unreachable", error=str(error))
        except Refused as error:
            if error.code == "unreachable":
                return _silent(client.name, "unreachable", error=str(error))
            ready = False if error.code == "not_ready" else None
            return _silent(client.name, "running", error=str(error), ready=ready)
        return NodeReading(
            name=client.name, state="running", ready=status["ready"], status=status, error=None
        )


def _silent(name: str, state: NodeState, *, error: str, ready: bool | None = None) -> NodeReading:
    return NodeReading(name=name, state=state, ready=ready, status=None, error=error)
