"""A call that gets no answer ends in words about the peer, which people read in `/status`."""

import asyncio
import socket

import httpx
import pytest

from app.sync.peering.transport import HttpTransport, reason_of
from app.sync.wire.errors import Unreachable

REASONS = [
    (httpx.ReadTimeout(""), "did not answer in 5 s"),
    (httpx.ConnectTimeout(""), "took no connection in 5 s"),
    (httpx.WriteTimeout(""), "took no data in 5 s"),
    (httpx.PoolTimeout(""), "too many calls are under way here"),
    (httpx.ReadError(""), "ended the connection without an answer"),
    (httpx.RemoteProtocolError(""), "ended the connection without an answer"),
    (httpx.ConnectError("no route"), "cannot be reached: no route"),
    (httpx.UnsupportedProtocol("no scheme {}"), "the call failed: no scheme {}"),
]


@pytest.mark.parametrize(("error", "words"), REASONS)
def test_each_way_to_get_no_answer_has_its_words(error: httpx.HTTPError, words: str) -> None:
    assert reason_of(error, patience=5.0) == words


def reason_of_a_call_to(port: int) -> str:
    async def call() -> str:
        transport = HttpTransport()
        try:
            with pytest.raises(Unreachable) as met:
                await transport.post(f"http://127.0.0.1:{port}/", body=b"", headers={}, patience=0.2)
        finally:
            await transport.close()
        return str(met.value)

    return asyncio.run(call())


def test_a_peer_that_hangs_did_not_answer_in_the_time_it_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert reason_of_a_call_to(server.getsockname()[1]) == "did not answer in 0.2 s"


def test_a_peer_that_is_not_there_refuses_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert reason_of_a_call_to(port) == "refuses connections"
