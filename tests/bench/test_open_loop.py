"""The clients of the overload bench tell what came of each order, and which found no connection free."""

import socket
from collections import Counter

import pytest

from loadtests.bench import open_loop
from loadtests.bench.open_loop import BROKEN, GONE, UNSENT, Clients, orders_of
from tests.bench.test_generator import serving

RATE, SECONDS = 200.0, 0.1
DUE = int(RATE * SECONDS)


def test_each_order_of_an_open_loop_has_one_outcome() -> None:
    with serving(503, 503, 409) as port:
        clients = Clients("127.0.0.1", port, orders_of("token", "127.0.0.1"))
        clients.open_loop(RATE, SECONDS)
        clients.close()
    assert Counter(status for *_, status in clients.outcomes) == {503: 2, 409: 1, 201: DUE - 3}


def test_a_closed_loop_sends_an_order_when_the_one_before_was_answered() -> None:
    with serving() as port:
        clients = Clients("127.0.0.1", port, orders_of("token", "127.0.0.1"))
        clients.closed_loop(2, SECONDS)
        clients.close()
    assert {status for *_, status in clients.outcomes} == {201}


def test_orders_that_find_no_connection_and_no_answer_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(open_loop, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clients = Clients("127.0.0.1", silent.getsockname()[1], orders_of("token", "127.0.0.1"))
        clients.open_loop(RATE, SECONDS)
        clients.close()
    assert Counter(status for *_, status in clients.outcomes) == {GONE: 3, UNSENT: DUE - 3}


def test_an_order_whose_connection_is_refused_is_broken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    clients = Clients("127.0.0.1", port, orders_of("token", "127.0.0.1"))
    clients.open_loop(RATE, SECONDS)
    assert {status for *_, status in clients.outcomes} == {BROKEN}
