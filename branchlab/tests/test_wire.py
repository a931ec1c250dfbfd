"""The wire carries what nodes send each other, keeps what it heard, and can be cut."""

import http.server
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from branchlab.faults.words import links_between
from branchlab.networks.network import NodeAddress
from branchlab.networks.ports import find_free
from branchlab.teaching.scenarios.forged_event import forged
from branchlab.teaching.scenarios.wire import Wire


class Taker(http.server.BaseHTTPRequestHandler):
    """A peer that takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def nodes() -> Iterator[tuple[NodeAddress, NodeAddress]]:
    """Two addresses; at the second one a peer answers."""
    one, other = find_free(2)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", other), Taker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield NodeAddress("matriz", f"http://127.0.0.1:{one}"), NodeAddress("norte", f"http://127.0.0.1:{other}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_sent_arrives_and_is_heard_and_a_cut_ends_it(nodes: tuple[NodeAddress, NodeAddress]) -> None:
    with Wire(nodes, find_free(Wire.ports_needed(2))) as wire:
        url = wire.settings()["matriz"]["PEERS"].removeprefix("norte=")
        with httpx.Client(trust_env=False) as sender:
            answers = [sender.post(f"{url}/replica/event", json={"n": n}).status_code for n in (1, 2)]
            wire.cut(links_between("matriz", "norte", one_way=False))
            with pytest.raises(httpx.TransportError):
                sender.post(f"{url}/replica/event", json={"n": 3})
            wire.heal()
            answers.append(sender.post(f"{url}/replica/event", json={"n": 4}).status_code)
        heard = [
            (one.link.receiver, one.method, one.target, json.loads(one.body)["n"]) for one in wire.heard()
        ]

    assert answers == [200, 200, 200]
    assert heard == [("norte", "POST", "/replica/event", n) for n in (1, 2, 4)]


def test_a_receiver_that_is_not_there_breaks_the_connection(nodes: tuple[NodeAddress, NodeAddress]) -> None:
    with Wire(nodes, find_free(Wire.ports_needed(2))) as wire:
        url = wire.settings()["norte"]["PEERS"].removeprefix("matriz=")
        with pytest.raises(httpx.TransportError):
            httpx.post(url, json={}, trust_env=False)


def test_a_forged_body_says_more_of_everything_and_is_never_the_same() -> None:
    assert json.loads(forged(b'{"rows": [{"sold": 1, "ok": true, "sku": "A"}]}')) == {
        "rows": [{"sold": 1001, "ok": True, "sku": "A"}]
    }
    assert forged(b"no json") != b"no json"
