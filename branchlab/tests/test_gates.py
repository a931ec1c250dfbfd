"""Faults of a node are ended by asking until it does so, and are told when it never does."""

import asyncio

import httpx
import pytest

from branchlab.errors import LabError
from branchlab.faults import gates
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode, problem


class BreakableNode(FakeNode):
    """Answers the next requests to end its faults with these; to all others it ends them."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.ended = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (request.method, request.url.path) != ("DELETE", "/faults"):
            return await super().handle_async_request(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        self.ended += 1
        return httpx.Response(200, json={"links": [], "disk": None})


def lift_all(node: BreakableNode) -> BreakableNode:
    async def act() -> None:
        async with node.client() as client:
            await client.login(USERNAME, PASSWORD)
            await gates.lift_all({node.name: client})

    asyncio.run(act())
    return node


def test_a_node_that_cannot_do_it_at_the_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchlab.poll.EVERY_SECONDS", 0.0)
    node = BreakableNode(
        problem(503, "storage_failed"), httpx.ReadTimeout("slow"), httpx.ConnectError("away")
    )
    assert lift_all(node).ended == 1


def test_a_node_without_faults_has_none_to_end() -> None:
    assert lift_all(BreakableNode(problem(404, "not_found"))).ended == 0


def test_a_node_that_never_does_it_is_named() -> None:
    with pytest.raises(LabError, match="matriz keeps its faults until their lease ends: 403 forbidden"):
        lift_all(BreakableNode(problem(403, "forbidden")))
