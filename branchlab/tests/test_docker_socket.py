"""The chaos container's way to its nodes, against a small Docker daemon that speaks HTTP on a Unix socket."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from branchlab.chaos.docker_socket import DockerError, DockerNodes

OWN_NAME = "0a1b2c"
AFTER = {"pause": "paused", "unpause": "running", "stop": "exited", "start": "running"}


class FakeDaemon(ThreadingMixIn, UnixStreamServer):
    """Two nodes of project `acme`; `states` are Docker's words, by service name."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Requests)
        self.states = {"matriz": "running", "filial-sul": "running"}
        self.health = "Up 2 minutes (healthy)"

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        parts = urlsplit(target)
        _, _version, _containers, *rest = parts.path.split("/")
        match (method, rest):
            case ("GET", [name, "json"]) if name == OWN_NAME:
                return 200, {"Config": {"Labels": {"com.docker.compose.project": "acme"}}}
            case ("GET", ["json"]):
                labels = json.loads(parse_qs(parts.query)["filters"][0])["label"]
                assert sorted(labels) == ["com.docker.compose.project=acme", "sa.acme.part=node"]
                return 200, [self._container(name) for name in self.states]
            case ("POST", [identity, verb]) if verb in AFTER:
                name = identity.removeprefix("id-of-")
                already = self.states[name] == AFTER[verb]
                self.states[name] = AFTER[verb]
                return (304 if already else 204), None
        return 404, {"message": f"No such container: {rest[0]}"}

    def _container(self, name: str) -> dict[str, Any]:
        labels = {"com.docker.compose.service": name}
        return {"Id": f"id-of-{name}", "State": self.states[name], "Status": self.health, "Labels": labels}


class _Requests(BaseHTTPRequestHandler):
    server: FakeDaemon

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests' output is for the tests."""

    def _serve(self) -> None:
        status, body = self.server.answer(self.command, self.path)
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if payload:  # the client reads none, and may be gone already
            self.wfile.write(payload)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path / "docker.sock") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def nodes(daemon: FakeDaemon, tmp_path: Path) -> DockerNodes:
    return DockerNodes(OWN_NAME, path=str(tmp_path / "docker.sock"))


def test_it_knows_the_nodes_of_its_own_project(nodes: DockerNodes) -> None:
    assert nodes.names() == ["filial-sul", "matriz"]


def test_each_verb_is_dockers_own_and_may_be_repeated(daemon: FakeDaemon, nodes: DockerNodes) -> None:
    seen = []
    for verb in (nodes.pause, nodes.resume, nodes.stop, nodes.start):
        verb("matriz")
        verb("matriz")
        seen.append(daemon.states["matriz"])
    assert seen == ["paused", "running", "exited", "running"]


def test_heal_resumes_the_paused_and_starts_the_stopped(daemon: FakeDaemon, nodes: DockerNodes) -> None:
    daemon.states = {"matriz": "paused", "filial-sul": "exited"}
    nodes.heal()
    assert daemon.states == {"matriz": "running", "filial-sul": "running"}


def test_it_waits_until_all_are_healthy(daemon: FakeDaemon, nodes: DockerNodes) -> None:
    daemon.health = "Up 2 seconds (health: starting)"

    def recover(_seconds: float) -> None:
        daemon.health = "Up 9 seconds (healthy)"

    nodes.wait_healthy(seconds=60, sleep=recover)
    daemon.health = "Up 9 minutes (unhealthy)"
    with pytest.raises(DockerError, match="not healthy after 0 s: filial-sul, matriz"):
        nodes.wait_healthy(seconds=0, sleep=lambda _seconds: None)


@pytest.mark.usefixtures("daemon")
def test_a_refusal_is_one_line_that_says_what_docker_said(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match="No such container: unknown"):
        DockerNodes("unknown", path=str(tmp_path / "docker.sock"))


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match="does not answer"):
        DockerNodes(OWN_NAME, path=str(tmp_path / "none.sock"))
