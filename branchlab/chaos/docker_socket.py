"""The nodes of one Compose project, seen and broken through the Docker socket."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from branchlab.chaos.words import said

SOCKET = "/var/run/docker.sock"
_VERSION = "/v1.40"  # Docker 19.03 and later understand it
_PART = "sa.acme.part=node"
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_REQUEST_SECONDS = 30.0
_STOP_SECONDS = 10
_POLL_SECONDS = 0.5
_DONE = (200, 204, 304)  # 304: it was so already


class DockerError(Exception):
    """The daemon refused, or is not what it should be. The message is one plain line."""


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_REQUEST_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class _Node:
    id: str
    state: str
    health: str  # Docker's sentence, such as "Up 2 minutes (healthy)"


class DockerNodes:
    """The nodes of the project that the container named `own_name` belongs to, by their service names."""

    def __init__(self, own_name: str, *, path: str = SOCKET) -> None:
        self._path = path
        labels = self._ask("GET", f"/containers/{quote(own_name)}/json")["Config"]["Labels"]
        self._project = labels[_PROJECT]

    def names(self) -> list[str]:
        """In alphabetical order, whatever their state."""
        return sorted(self._nodes())

    def wait_healthy(self, *, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Returns when there are nodes and all are healthy. DockerError names those that are not in time."""
        deadline = time.monotonic() + seconds
        while True:
            nodes = self._nodes()
            waiting = sorted(name for name, node in nodes.items() if not node.health.endswith("(healthy)"))
            if nodes and not waiting:
                return
            if time.monotonic() > deadline:
                nodes_named = ", ".join(waiting) or said("no_node")
                raise DockerError(said("not_healthy", seconds=seconds, nodes=nodes_named))
            sleep(_POLL_SECONDS)

    def pause(self, node: str) -> None:
        self._act("pause", node)

    def resume(self, node: str) -> None:
        self._act("unpause", node)

    def stop(self, node: str) -> None:
        self._act("stop", node, f"?t={_STOP_SECONDS}")

    def start(self, node: str) -> None:
        self._act("start", node)

    def heal(self) -> None:
        for name, node in self._nodes().items():
            if node.state == "paused":
                self.resume(name)
            elif node.state == "exited":
                self.start(name)

    def _nodes(self) -> dict[str, _Node]:
        labels = {"label": [_PART, f"{_PROJECT}={self._project}"]}
        found = self._ask("GET", f"/containers/json?all=1&filters={quote(json.dumps(labels))}")
        return {
            each["Labels"][_SERVICE]: _Node(id=each["Id"], state=each["State"], health=each["Status"])
            for each in found
        }

    def _act(self, verb: str, node: str, query: str = "") -> None:
        self._ask("POST", f"/containers/{self._nodes()[node].id}/{verb}{query}")

    def _ask(self, method: str, path: str) -> Any:
        connection = _SocketConnection(self._path)
        try:
            connection.request(method, _VERSION + path)
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            raise DockerError(said("no_answer", path=self._path, error=error)) from error
        finally:
            connection.close()
        if response.status not in _DONE:
            raise DockerError(f"{method} {path}: {json.loads(body).get('message', response.reason)}")
        return json.loads(body) if body else None
