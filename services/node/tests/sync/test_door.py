"""The door between nodes: a body is read only for a member."""

import asyncio

import pytest

from tests.support.company import Company
from tests.support.doors import doors_of
from tests.support.uploads import upload

pytestmark = pytest.mark.anyio

PIECE = b"x" * 65_536


async def test_of_a_request_without_a_members_token_no_body_is_read(company: Company) -> None:
    node = await company.start("matriz")
    token = node.replica_tokens.issue(
        "norte", epoch="e", method="POST", path="/replica/event", body=b"", receiver_now=node.clock.wall()
    )
    for path, headers, status in (
        ("/replica/nowhere", {}, 404),
        ("/replica/event", {}, 401),
        ("/replica/event", {"x-replica-token": token}, 401),  # meant for another node
    ):
        answer = await upload(doors_of(node), path, [PIECE] * 128, headers=headers)
        assert (answer.status, answer.read) == (status, 0), path


async def test_bodies_of_a_member_that_stall_hold_a_bounded_amount_of_memory(company: Company) -> None:
    """With a good token each, and with the budget of a small machine."""
    node = await company.start("matriz", bodies_max_bytes=16 << 20)
    token = node.replica_tokens.issue(
        "matriz", epoch="e", method="POST", path="/replica/event", body=b"", receiver_now=node.clock.wall()
    )
    headers = {"x-replica-token": token}
    app = doors_of(node)
    answers = await asyncio.gather(
        *(upload(app, "/replica/event", [PIECE] * 100, headers=headers) for _ in range(20))
    )
    assert sorted(answer.document["code"] for answer in answers) == ["bodies_full"] * 19 + ["slow_body"]
    assert node.bodies.held == 0
