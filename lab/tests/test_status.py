"""Reading all nodes at once: what is unknown is null, never 0."""

import asyncio
from pathlib import Path

import httpx

from lab.networks.drivers import NodeState
from lab.networks.network import UpOptions, plan
from lab.networks.status import NetworkReading, StatusReader
from lab.settings import load_or_create
from lab.tests.readings import status

NETWORK = plan(None, UpOptions(nodes=2), driver="process")
UNKNOWN_NODE = {
    "ready": None,
    "epoch": None,
    "counts": None,
    "pending": {"matriz": None},
    "oldest_pending_seconds": {"matriz": None},
    "digest": None,
    "heads": None,
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
