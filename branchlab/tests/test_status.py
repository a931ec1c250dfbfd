"""Reading all nodes at once: what is unknown is null, never 0."""

import asyncio
from pathlib import Path

import httpx
import pytest

from branchlab.errors import LabError
from branchlab.networks.drivers import NodeState
from branchlab.networks.network import UpOptions, plan
from branchlab.networks.status import NetworkReading, StatusReader
from branchlab.settings import load_or_create
from branchlab.tests.readings import status

NETWORK = plan(None, UpOptions(nodes=2), driver="process")
UNKNOWN_NODE = {
    "ready": None,
    "epoch": None,
    "counts": None,
    "pending": {"matriz": None},
    "oldest_pending_seconds": {"matriz": None},
    "digest": None,
    "heads": None,
    "faults": None,
    "clock_ahead_seconds": None,
}


def answer(request: httpx.Request) -> httpx.Response:
    """Matriz answers; filial-norte's address refuses connections."""
    if request.url.port != NETWORK.node("matriz").port:
        raise httpx.ConnectError("connection refused", request=request)
    if request.url.path == "/auth/login":
        return httpx.Response(200, json={"access_token": "t", "token_type": "bearer", "expires_in": 60})
    return httpx.Response(200, json=status("matriz", ["filial-norte"], pending=3, oldest=1.5))


def read(tmp_path: Path, states: dict[str, NodeState], *, answer: httpx.MockTransport) -> NetworkReading:
    async def reading() -> NetworkReading:
        secrets = load_or_create(tmp_path / "env")
        async with StatusReader(NETWORK, secrets, state_of=states.__getitem__, transport=answer) as reader:
            return await reader.read()

    return asyncio.run(reading())


def test_a_node_that_answers_is_shown_as_it_says(tmp_path: Path) -> None:
    states: dict[str, NodeState] = {"matriz": "running", "filial-norte": "stopped"}
    shown = read(tmp_path, states, answer=httpx.MockTransport(answer)).as_json()
    assert shown["nodes"]["matriz"] == {
        "state": "running",
        "ready": True,
        "epoch": "1",
        "counts": {"orders": 5},
        "pending": {"filial-norte": 3},
        "oldest_pending_seconds": {"filial-norte": 1.5},
        "digest": "a1b2c3d4e5",
        "heads": {"matriz@1": 5},
        "faults": {"links": [], "disk": None},
        "clock_ahead_seconds": None,
    }
    assert shown["converged"] is False


def test_paused_stopped_and_unreachable_are_told_apart_and_all_else_is_null(tmp_path: Path) -> None:
    expected: list[tuple[NodeState, NodeState]] = [
        ("paused", "paused"),
        ("stopped", "stopped"),
        ("running", "unreachable"),
    ]
    for known, shown_state in expected:
        states: dict[str, NodeState] = {"matriz": "running", "filial-norte": known}
        shown = read(tmp_path, states, answer=httpx.MockTransport(answer)).as_json()
        assert shown["nodes"]["filial-norte"] == {"state": shown_state, **UNKNOWN_NODE}


def test_a_node_that_rebuilds_is_running_and_not_ready(tmp_path: Path) -> None:
    problem = {"title": "Not ready", "status": 503, "code": "not_ready"}
    transport = httpx.MockTransport(lambda _request: httpx.Response(503, json=problem))
    states: dict[str, NodeState] = {"matriz": "running", "filial-norte": "running"}
    reading = read(tmp_path, states, answer=transport)
    assert [(node.state, node.ready) for node in reading.nodes] == [("running", False), ("running", False)]


def test_convergence_is_unknown_while_a_node_cannot_be_asked(tmp_path: Path) -> None:
    settled = httpx.MockTransport(
        lambda request: (
            httpx.Response(200, json={"access_token": "t"})
            if request.method == "POST"
            else httpx.Response(200, json=status("matriz", ["filial-norte"]))
        )
    )
    states: dict[str, NodeState] = {"matriz": "running", "filial-norte": "paused"}
    assert read(tmp_path, states, answer=settled).converged is None


def refusing(*, ready: bool) -> httpx.MockTransport:
    """Nodes that accept no login."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/readyz":
            return httpx.Response(200 if ready else 503)
        return httpx.Response(401, json={"title": "Not logged in", "code": "unauthenticated"})

    return httpx.MockTransport(answer)


BOTH_RUN: dict[str, NodeState] = {"matriz": "running", "filial-norte": "running"}


def test_a_password_that_every_node_refuses_is_one_line_that_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="ADMIN_PASSWORD in the secrets' file is not the password of 'admin'"):
        read(tmp_path, BOTH_RUN, answer=refusing(ready=True))


def test_an_empty_node_that_knows_no_users_yet_says_nothing_about_the_password(tmp_path: Path) -> None:
    reading = read(tmp_path, BOTH_RUN, answer=refusing(ready=False))
    assert [node.status for node in reading.nodes] == [None, None]
