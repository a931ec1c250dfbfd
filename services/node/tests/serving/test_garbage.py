"""What a request leaves behind: nothing that only a collection of garbage frees."""

import asyncio
import gc
import weakref

import pytest

from tests.serving.quick_server import Server, play
from tests.serving.test_quick_requests import GET


@pytest.mark.parametrize("request_bytes", [GET, GET.replace(b"Host: a", b"Host: a\r\nConnection: close")])
def test_a_request_is_freed_with_its_answer(request_bytes: bytes) -> None:
    """Else collections of garbage come, and each stops all that is under way."""

    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        gc.collect()
        gc.disable()
        try:
            connection.data_received(request_bytes)
            served = weakref.ref(connection.protocol.cycle)
            await asyncio.sleep(0.1)
            server.scopes.clear()
            connection.protocol.cycle = None  # it keeps the last one until the next comes
            assert transport.written.endswith(b"ok")
            assert served() is None
        finally:
            gc.enable()

    play(scenario)
