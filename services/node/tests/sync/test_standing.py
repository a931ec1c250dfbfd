"""Whether a node may serve and sell, and the reason it gives."""

import pytest

from app.domain.errors import (
    Fenced,
    NotReady,
    PolicyMismatch,
    StateError,
)
from app.sync.guards.readiness import Standing


def admitted() -> Standing:
    standing = Standing(policy="escrow")
    standing.admit()
    return standing


def refusal(standing: Standing) -> StateError | None:
    try:
        standing.require_selling()
    except StateError as error:
        return error
    return None


def test_a_node_starts_by_serving_nobody() -> None:
    standing = Standing(policy="escrow")
    assert (standing.ready, standing.reading, standing.reason) == (False, False, "starting")
    assert isinstance(refusal(standing), NotReady)


def test_an_admitted_node_serves_and_sells() -> None:
    standing = admitted()
    assert (standing.ready, standing.reading, standing.reason, refusal(standing)) == (True, True, None, None)


def test_a_rebuilding_node_can_be_read_but_does_not_sell() -> None:
    standing = Standing(policy="escrow")
    standing.wait_for("rebuilding", reading=True)
    assert (standing.ready, standing.reading, standing.reason) == (False, True, "rebuilding")
    assert isinstance(refusal(standing), NotReady)


def test_a_fenced_node_can_be_read_says_why_and_is_never_admitted_again() -> None:
    standing = admitted()
    standing.fence("norte has event 9 of this epoch")
    standing.fence("another reason")
    standing.admit()
    assert (standing.ready, standing.reading, standing.reason) == (False, True, "fenced")
    assert standing.fenced == "norte has event 9 of this epoch"
    assert isinstance(refusal(standing), Fenced)


def test_a_peer_under_another_policy_stops_sales_but_not_service() -> None:
    standing = admitted()
    standing.note_policy("norte", "optimistic")
    standing.note_policy("sul", "escrow")
    found = refusal(standing)
    assert isinstance(found, PolicyMismatch)
    assert (found.peer, found.policy, standing.ready) == ("norte", "optimistic", True)
    standing.note_policy("norte", "escrow")
    assert refusal(standing) is None


@pytest.mark.parametrize("reason", ["waiting_for_peers", "greeting_peers"])
def test_the_reason_is_the_last_one_given(reason: str) -> None:
    standing = Standing(policy="escrow")
    standing.wait_for("rebuilding", reading=True)
    standing.wait_for(reason)
    assert (standing.reason, standing.reading) == (reason, False)
