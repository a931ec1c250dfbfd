"""The checker's opinion in the control room: what hangs keeps it from nobody."""

import asyncio
from collections.abc import Mapping

import httpx

from branchlab.checking.verdict import Verdict
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.screens.live.judging import Kept, opinion
from branchlab.tests import readings

NODES = ("matriz", "filial-sul")


def judged(
    statuses: Mapping[str, Status | None], transports: Mapping[str, httpx.AsyncBaseTransport]
) -> Verdict:
    kept = Kept()
    kept.add({"kind": "run.start", "at_ns": 0, "run": "room-1", "nodes": dict.fromkeys(NODES, "http://node")})

    async def judge() -> Verdict:
        clients = {name: NodeClient(name, "http://node", transport=transports[name]) for name in NODES}
        verdict, _ = await opinion(kept, clients, statuses)
        for client in clients.values():
            await client.close()
        return verdict

    return asyncio.run(judge())


def test_a_node_that_does_not_answer_is_not_waited_for() -> None:
    """A paused one takes a connection and says nothing: with each read a whole time-out would pass."""

    def never(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("a node that hangs was asked")

    answers = httpx.MockTransport(lambda _request: httpx.Response(200, json={"items": [], "next": None}))
    statuses = {"matriz": readings.status("matriz", ["filial-sul"]), "filial-sul": None}

    verdict = judged(statuses, {"matriz": answers, "filial-sul": httpx.MockTransport(never)})

    assert "filial-sul was not read at the end of the run" in map(str, verdict.problems)
    assert "matriz was not read at the end of the run" not in map(str, verdict.problems)
