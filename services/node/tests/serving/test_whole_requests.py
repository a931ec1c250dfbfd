"""What the quick parser takes, h11 takes too, and reads the same. It takes nothing that is not exactly one
whole, plain request."""

from typing import Any

import h11
import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.serving.whole_requests import LONGEST_HEAD, MOST_HEADS, Reader, WholeRequest

BODY = b'{"a":1}'
PLAIN = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /orders?limit=1&after=%20 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"HEAD /a%2Fb%C3%A9 HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
    b"POST /orders HTTP/1.1\r\nhost:a\r\nContent-Length: 7\r\n\r\n" + BODY,
    b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\nconnection: close\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nX-A: \t one  two \t\r\nX-A: three\r\nX-B:\r\nContent-Length: 0\r\n\r\n",
    b"PATCH /users/1 HTTP/1.1\r\nHost: a\r\nX-Name: \xe9\xff\r\nContent-Length: 2\r\n\r\n\r\n",
    b"DELETE /faults/1 HTTP/1.1\r\nHost: \r\n\r\n",
]
ODD = [
    b"",
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET //[ HTTP/1.1\r\nHost: a\r\n\r\nx",
    b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7, 7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 7\r\n\r\n" + BODY,
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + b" " * 70_000,
]


def as_h11_reads(data: bytes) -> Any:
    """Method, path, query, headers and body of exactly one request; whether the connection stays."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request), request
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage), event
    assert connection.trailing_data[0] == b""
    assert request.http_version == b"1.1"
    headers = [(name, value) for name, value in request.headers]
    stays = connection.their_state is h11.DONE
    path, _, query = request.target.partition(b"?")  # as uvicorn does
    return request.method.decode(), path, query, headers, body, stays


def as_read(found: WholeRequest) -> Any:
    return found.method, found.raw_path, found.query, found.lines, found.body, found.keeps_alive


@pytest.mark.parametrize("data", PLAIN)
def test_a_plain_request_is_read_as_h11_reads_it(data: bytes) -> None:
    found = Reader(httptools).read(data)
    assert found is not None
    assert as_read(found) == as_h11_reads(data)


@pytest.mark.parametrize("data", ODD)
def test_what_is_odd_in_any_way_takes_the_long_way_and_is_forgotten(data: bytes) -> None:
    reader = Reader(httptools)
    assert reader.read(data) is None
    for plain in PLAIN:
        found = reader.read(plain)
        assert found is not None
        assert as_read(found) == as_h11_reads(plain)


@pytest.mark.parametrize("data", PLAIN)
def test_a_head_that_comes_again_is_read_as_h11_reads_it(data: bytes) -> None:
    reader = Reader(httptools)
    first = reader.read(data)
    assert first is not None
    first.lines.clear()  # whoever gets a request may do with it what it likes
    end = data.index(b"\r\n\r\n") + 4
    another = data[:end] + bytes(reversed(data[end:]))
    found = reader.read(another)
    assert found is not None
    assert as_read(found) == as_h11_reads(another)


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", BODY + PLAIN[0]])
def test_a_head_that_comes_again_with_a_body_of_another_length_takes_the_long_way(body: bytes) -> None:
    reader = Reader(httptools)
    head = PLAIN[3].removesuffix(BODY)
    assert reader.read(head + BODY) is not None
    assert reader.read(head + body) is None


def test_few_heads_and_no_long_ones_are_remembered() -> None:
    reader = Reader(httptools)
    for number in range(3 * MOST_HEADS):
        assert reader.read(b"GET /orders/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number) is not None
        assert len(reader._known) <= MOST_HEADS
    known = [*reader._known]
    assert reader.read(b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * LONGEST_HEAD)) is not None
    assert [*reader._known] == known


def test_the_first_of_two_headers_counts() -> None:
    found = Reader(httptools).read(PLAIN[5])
    assert found is not None
    assert found.headers[b"x-a"] == b"one  two"


def test_a_query_that_is_empty_is_no_query() -> None:
    found = Reader(httptools).read(b"GET /orders? HTTP/1.1\r\nHost: a\r\n\r\n")
    assert found is not None
    assert (found.path, found.query) == ("/orders", b"")


_BYTES = b"\r\n \t:\0\x7f\xff?#%/,01X\v\f\x1c\x85\xa0"
_LINES = (
    b"Host: a\r\n",
    b"Content-Length: 7\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1",
    BODY,
)
_PIECES = st.sampled_from([*(bytes([one]) for one in _BYTES), *_LINES, b"\r\n"])


@settings(max_examples=400)
@given(
    plain=st.sampled_from(PLAIN),
    changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), _PIECES), min_size=1, max_size=3),
)
@example(plain=PLAIN[0], changes=[(4, 0, b"\x85")])
def test_whatever_is_taken_is_read_as_h11_reads_it(
    plain: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    data = plain
    for place, gone, piece in changes:
        at = place % (len(data) + 1)
        data = data[:at] + piece + data[at + gone :]
    found = Reader(httptools).read(data)
    if found is not None:
        assert as_read(found) == as_h11_reads(data)
