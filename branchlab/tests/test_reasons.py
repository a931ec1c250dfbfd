"""A call without an answer is told in words about the node, with the time that it had."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.reasons import reason_of

REQUEST = httpx.Request(
    "GET", "http://fake", extensions={"timeout": {"connect": 3.0, "read": 0.5, "write": None}}
)


@contextmanager
def listening() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def said_of(port: int) -> str:
    async def ask() -> str:
        async with NodeClient("matriz", f"http://127.0.0.1:{port}", timeout=0.2) as client:
            try:
                await client.status()
            except Refused as refused:
                return str(refused.problem["detail"])
            except Unknown as unknown:
                return str(unknown)
        return "an answer"

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout("", request=REQUEST), "did not answer in 0.5 s"),
        (httpx.ReadTimeout("no request is known"), "did not answer in time"),
        (httpx.ConnectTimeout("", request=REQUEST), "took no connection in 3 s"),
        (httpx.WriteTimeout("", request=REQUEST), "took no data in time"),
        (httpx.PoolTimeout("", request=REQUEST), "too many calls are under way here"),
        (httpx.ReadError("", request=REQUEST), "ended the connection without an answer"),
        (httpx.RemoteProtocolError("", request=REQUEST), "ended the connection without an answer"),
        (httpx.ConnectError("[Errno 111] Connection refused"), "refuses connections"),
        (httpx.ConnectError("no route"), "cannot be reached: no route"),
        (httpx.UnsupportedProtocol("no scheme {}"), "the call failed: no scheme {}"),
    ],
)
def test_each_way_to_get_no_answer_has_its_words(error: httpx.HTTPError, words: str) -> None:
    assert reason_of(error) == words


def test_a_node_that_hangs_did_not_answer_in_the_time_it_had() -> None:
    with listening() as port:
        assert said_of(port) == "did not answer in 0.2 s"


def test_a_node_that_is_not_there_refuses_connections() -> None:
    with listening() as port:
        pass
    assert said_of(port) == "refuses connections"
