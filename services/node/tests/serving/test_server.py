"""How the server is set up."""

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from app.api.edge import PASSED
from app.api.front import glance
from app.config import read_settings
from app.runtime import SystemClock
from app.serving import server
from app.serving.quick_cycle import QuickCycle
from app.serving.server import NodeServer, most_connections, server_config
from app.serving.whole_requests import WholeRequest
from tests.api.conftest import ENVIRONMENT


def config_of(api: FastAPI, **settings: str) -> Any:
    given = read_settings({**ENVIRONMENT, "DATABASE_PATH": str(Path("node.db")), **settings})
    return server_config(api, given, host="127.0.0.1", port=0, clock=SystemClock())


def address_seen(**settings: str) -> str:
    """Which address the application sees behind a forged header, of a client at 127.0.0.1."""
    api = FastAPI()
    seen: list[str] = []

    @api.get("/")
    async def look(request: Request) -> None:
        seen.append(request.client.host if request.client else "unknown")

    config = config_of(api, **settings)
    config.load()
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"x-forwarded-for", b"203.0.113.9")],
        "client": ("127.0.0.1", 50_000),
        "server": ("matriz", 80),
        "state": {PASSED: True},
    }

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_message: Any) -> None:
            """Nobody reads the answer."""

        await config.loaded_app(scope, receive, send)

    asyncio.run(ask())
    return seen[0]


def test_a_forwarded_header_counts_from_nobody_unless_a_setting_names_them() -> None:
    assert address_seen() == "127.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "address"),
    [("127.0.0.1", "203.0.113.9"), ("10.0.0.0/8, 127.0.0.0/8", "203.0.113.9"), ("10.0.0.1", "127.0.0.1")],
)
def test_a_forwarded_header_counts_from_a_named_proxy(proxies: str, address: str) -> None:
    assert address_seen(TRUSTED_PROXIES=proxies) == address


@pytest.mark.parametrize(
    ("wanted", "descriptors", "most"),
    [(1000, 1_048_576, 1000), (1000, 1024, 768), (1000, 300, 44), (1000, 256, 16), (20, 1024, 20)],
)
def test_connections_stay_below_the_processs_limit_on_descriptors(
    wanted: int, descriptors: int, most: int
) -> None:
    assert most_connections(wanted, descriptors) == most


def test_a_process_without_descriptors_says_so_once_and_other_errors_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        node_server = NodeServer(config_of(FastAPI()), clock=SystemClock())
        loop = asyncio.get_running_loop()
        for _ in range(50):
            node_server.note_error(loop, {"message": "socket.accept() out of system resource"})
        node_server.note_error(loop, {"message": "something else"})

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "no descriptor is left for another connection",
        "something else",
    ]


def test_what_is_missing_for_speed_is_said_and_does_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _name: None)
    with caplog.at_level(logging.WARNING):
        found = server.quickest()
    assert found == (glance, None)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "uvloop is not installed",
        "httptools is not installed",
    ]


def test_with_httptools_whole_requests_are_quick() -> None:
    look, quick = server.quickest()
    found = look(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(found, WholeRequest)
    assert quick is QuickCycle


@pytest.mark.parametrize(("is_there", "loop"), [(True, "uvloop"), (False, "asyncio")])
def test_the_loop_is_uvloop_where_that_installs(
    monkeypatch: pytest.MonkeyPatch, is_there: bool, loop: str
) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _name: is_there or None)
    assert config_of(FastAPI()).loop == loop


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_connections_that_come_together_are_accepted_in_a_few_turns(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """uvloop accepts one a turn for each listener; the turns of a busy node are long."""
    at_once = 64
    monkeypatch.setattr(server, "find_spec", lambda wanted: wanted if wanted in (name, "httptools") else None)
    make = pytest.importorskip("uvloop").new_event_loop if name == "uvloop" else asyncio.new_event_loop

    async def scenario() -> None:
        config = config_of(FastAPI())
        config.load()
        node_server = NodeServer(config, clock=SystemClock())
        node_server.lifespan = config.lifespan_class(config)
        listener = config.bind_socket()
        await node_server.startup([listener])
        clients = [socket.create_connection(listener.getsockname()) for _ in range(at_once)]
        turns = 0
        while len(node_server.server_state.connections) < at_once and turns < at_once:
            turns += 1
            await asyncio.sleep(0)
        for each in clients:
            each.close()
        await node_server.shutdown([listener])
        assert turns <= at_once // 8

    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(scenario())
