"""Whole requests on one connection: over a fake transport, with uvicorn's protocol on h11 behind them."""

import asyncio

from starlette.types import Receive, Scope, Send

from app.api.at_once import WRITE
from app.serving.quick_cycle import QuickCycle
from tests.serving.quick_server import Server, play

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_whole_request_is_answered_in_one_piece_and_its_connection_stays() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        for number in range(1, 4):
            transport.written = b""
            connection.data_received(b"GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.sleep(0.1)
            assert transport.written == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            assert len(server.scopes) == number
        scope = server.scopes[0]
        assert (scope["path"], scope["query_string"], scope["state"]["of"]) == (
            "/a b",
            b"c=d",
            "the lifespan",
        )
        assert scope["headers"] == [(b"host", b"a")]
        assert (transport.ended, connection.protocol.tasks) == (None, set())

    play(scenario)


def test_what_comes_meanwhile_waits_unread_and_is_answered_in_its_turn() -> None:
    async def scenario() -> None:
        server = Server()
        server.release.clear()
        connection, transport = server.connect()
        connection.data_received(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.1)
        connection.data_received(
            b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4"
        )
        await asyncio.sleep(0.1)
        assert ([scope["path"] for scope in server.scopes], transport.reading) == (["/1"], False)
        server.release.set()
        await asyncio.sleep(0.1)
        assert ([scope["path"] for scope in server.scopes], transport.reading) == (["/1", "/2", "/3"], True)
        connection.data_received(b" HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.1)
        assert ([scope["path"] for scope in server.scopes][3:], transport.written.count(b"ok")) == (["/4"], 4)

    play(scenario)


def test_after_a_request_in_pieces_a_whole_one_is_quick_again() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        for piece in (GET[:9], GET[9:], GET):
            connection.data_received(piece)
            await asyncio.sleep(0.1)
        assert isinstance(connection.protocol.cycle, QuickCycle)
        assert transport.written.count(b"200 OK") == 2

    play(scenario)


def test_a_client_that_asks_for_it_is_left_after_its_answer_and_nothing_after_it_is_read() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        connection.data_received(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        assert transport.ended == "closed"
        assert transport.written == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
        assert len(server.scopes) == 1

    play(scenario)


def test_a_client_that_hangs_up_is_noted_in_its_place() -> None:
    async def scenario() -> None:
        server = Server()
        server.release.clear()
        connection, _ = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        connection.connection_lost(None)
        assert [one.gone for one in server.passes] == [True]
        server.release.set()
        await asyncio.sleep(0.1)

    play(scenario)


def test_a_client_that_hangs_up_after_its_answer_is_not_gone() -> None:
    async def scenario() -> None:
        server = Server()
        connection, _ = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        connection.connection_lost(None)
        assert [one.gone for one in server.passes] == [False]

    play(scenario)


def test_of_an_answer_to_head_only_the_header_is_sent() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        connection.data_received(GET.replace(b"GET", b"HEAD"))
        await asyncio.sleep(0.1)
        assert transport.written == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"

    play(scenario)


def test_an_answer_in_pieces_goes_out_in_pieces() -> None:
    async def scenario() -> None:
        server = Server()
        server.messages = [
            {"type": "http.response.start", "status": 200, "headers": []},
            {"type": "http.response.body", "body": b"one", "more_body": True},
            {"type": "http.response.body", "body": b"two"},
        ]
        connection, transport = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        head, _, body = transport.written.partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"

    play(scenario)


def test_a_header_that_would_end_its_line_is_not_sent() -> None:
    async def scenario() -> None:
        server = Server()
        server.messages[0]["headers"].append((b"x-name", b"a\r\nset-cookie: b"))
        connection, transport = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        assert b"set-cookie" not in transport.written

    play(scenario)


def test_an_error_of_the_application_is_500_and_closes() -> None:
    async def scenario() -> None:
        server = Server()
        server.messages = [{"type": "http.response.start", "status": 200, "headers": []}, {}]
        connection, transport = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        assert transport.written.startswith(b"HTTP/1.1 500 ")
        assert transport.ended == "closed"

    play(scenario)


def test_an_idle_connection_is_closed_and_one_that_is_served_is_not() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(4)
        server.release.clear()
        connection.data_received(GET)
        await asyncio.sleep(60)
        assert transport.ended is None
        server.release.set()
        await asyncio.sleep(5.1)  # uvicorn's own time, where no setting says another
        assert transport.ended == "closed"

    play(scenario)


def test_a_server_that_stops_lets_a_request_end_and_then_closes() -> None:
    async def scenario() -> None:
        server = Server()
        server.release.clear()
        connection, transport = server.connect()
        connection.data_received(GET)
        await asyncio.sleep(0.1)
        connection.protocol.shutdown()
        assert transport.ended is None
        server.release.set()
        await asyncio.sleep(0.1)
        assert transport.written.endswith(b"ok")
        assert [transport.ended] == ["closed"]

    play(scenario)


def test_a_client_that_does_not_read_gets_no_more_until_it_does() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        connection.pause_writing()
        connection.data_received(GET)
        await asyncio.sleep(1)
        assert transport.written == b""
        connection.resume_writing()
        await asyncio.sleep(0.1)
        assert transport.written.endswith(b"ok")

    play(scenario)


def test_an_answer_that_is_ready_is_written_with_the_servers_own_lines() -> None:
    async def scenario() -> None:
        server = Server()
        written: list[bool] = []

        async def ready(scope: Scope, _receive: Receive, send: Send) -> None:
            written.append(scope["state"][WRITE](201, b"content-length: 2\r\n", b"ok"))
            if not written[-1]:
                for message in server.messages:
                    await send(message)

        connection, transport = server.connect()
        connection.protocol.app = ready
        connection.protocol.server_state.default_headers = [(b"date", b"today")]
        for request in (GET, GET.replace(b"Host: a", b"Host: a\r\nConnection: close")):
            connection.data_received(request)
            await asyncio.sleep(0.1)
        head = b"HTTP/1.1 201 Created\r\ndate: today\r\ncontent-length: 2\r\n"
        assert transport.written == head + b"\r\nok" + head + b"connection: close\r\n\r\nok"
        assert (written, transport.ended) == ([True, True], "closed")

    play(scenario)


def test_an_answer_that_is_ready_waits_for_a_client_that_does_not_read() -> None:
    async def scenario() -> None:
        server = Server()
        connection, transport = server.connect()
        connection.data_received(GET)
        connection.pause_writing()
        assert not connection.protocol.cycle.write(201, b"", b"")
        assert transport.written == b""
        connection.resume_writing()
        await asyncio.sleep(0.1)
        assert transport.written.endswith(b"ok")

    play(scenario)
