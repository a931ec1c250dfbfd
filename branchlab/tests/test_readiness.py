"""Waiting for nodes says how many are ready, and whom the others wait for and why."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from branchlab.errors import NotInTimeError
from branchlab.language import speaking
from branchlab.networks.drivers.readiness import wait_ready
from branchlab.networks.network import NodeAddress
from branchlab.steps import Step


class Node(BaseHTTPRequestHandler):
    """Is ready at the third time it is asked."""

    asked = 0
    says: Mapping[str, str] | None = None
    languages: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked += 1
        is_ready = type(self).asked > 2
        type(self).languages.append(self.headers["Accept-Language"])
        body = json.dumps(type(self).says or {"detail": f"migrating, asked {self.asked} times"}).encode()
        self.send_response(200 if is_ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def node() -> Iterator[NodeAddress]:
    Node.asked, Node.says, Node.languages = 0, None, []
    with HTTPServer(("127.0.0.1", 0), Node) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield NodeAddress("matriz", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_each_wait_is_told_with_its_reason(node: NodeAddress) -> None:
    told: list[str] = []
    wait_ready([node], seconds=20, check=lambda _node: None, tell=told.append)
    assert told == [
        "0 of 1 nodes are ready; waiting for matriz: migrating, asked 1 times",
        "0 of 1 nodes are ready; waiting for matriz: migrating, asked 2 times",
    ]
    assert [(one.done, one.total, one.passing) for one in told if isinstance(one, Step)] == [(0, 1, True)] * 2


def test_a_costly_check_is_made_less_often_than_the_node_is_asked(node: NodeAddress) -> None:
    checked: list[NodeAddress] = []
    wait_ready([node], seconds=20, check=checked.append, check_every=3600)
    assert (checked, Node.asked) == ([node], 3)


def test_a_node_that_is_not_ready_in_time_is_named_in_words() -> None:
    away = NodeAddress("filial-sul", "http://127.0.0.1:1")
    with pytest.raises(
        NotInTimeError, match=r"filial-sul is not ready after 0 s: .*:1/readyz refuses connections"
    ):
        wait_ready([away], seconds=0, check=lambda _node: None)


def test_a_wait_is_told_as_the_node_says_it_in_the_language_spoken(node: NodeAddress) -> None:
    """It is asked for its sentence in that language; the line in which that stands goes on behind it."""
    Node.says = {"reason": "waiting_for_peers", "detail": "A filial está esperando as outras filiais."}
    told: list[str] = []
    with speaking("pt-BR"):
        wait_ready([node], seconds=20, check=lambda _node: None, tell=told.append)
    assert told == ["0 de 1 nós prontos; esperando matriz: A filial está esperando as outras filiais"] * 2
    assert set(Node.languages) == {"pt-BR"}


def test_a_node_that_has_only_a_word_for_its_wait_is_told_with_that(node: NodeAddress) -> None:
    Node.says = {"reason": "reading_tapes"}
    told: list[str] = []
    wait_ready([node], seconds=20, check=lambda _node: None, tell=told.append)
    assert told == ["0 of 1 nodes are ready; waiting for matriz: reading_tapes"] * 2


def test_a_node_that_does_not_answer_is_named_in_the_language_spoken() -> None:
    away = NodeAddress("filial-sul", "http://127.0.0.1:1")
    with speaking("pt-BR"), pytest.raises(NotInTimeError, match="recusa conexões"):
        wait_ready([away], seconds=0, check=lambda _node: None)
