"""Whether a node may serve and sell, and the reason it gives."""

import pytest

from app.domain.errors import Fenced, NotReady, PolicyMismatch, StateError
from app.sync.guards.readiness import Readiness


def admitted() -> Readiness:
    readiness = Readiness(policy="escrow")
    readiness.admit()
    return readiness


def refusal(readiness: Readiness) -> StateError | None:
    try:
        readiness.require_selling()
    except StateError as error:
        return error
    return None


def test_a_node_starts_by_serving_nobody() -> None:
    readiness = Readiness(policy="escrow")
    assert (readiness.ready, readiness.reading, readiness.reason) == (False, False, "starting")
    assert isinstance(refusal(readiness), NotReady)


def test_an_admitted_node_serves_and_sells() -> None:
    readiness = admitted()
    assert (readiness.ready, readiness.reading, readiness.reason, refusal(readiness)) == (
        True,
        True,
        None,
        None,
    )


def test_a_rebuilding_node_can_be_read_but_does_not_sell() -> None:
    readiness = Readiness(policy="escrow")
    readiness.wait_for("rebuilding", reading=True)
    assert (readiness.ready, readiness.reading, readiness.reason) == (False, True, "rebuilding")
    assert isinstance(refusal(readiness), NotReady)


def test_a_fenced_node_can_be_read_says_why_and_is_never_admitted_again() -> None:
    readiness = admitted()
    readiness.fence("norte has event 9 of this epoch")
    readiness.fence("another reason")
    readiness.admit()
    assert (readiness.ready, readiness.reading, readiness.reason) == (False, True, "fenced")
    assert readiness.fenced == "norte has event 9 of this epoch"
    assert isinstance(refusal(readiness), Fenced)


def test_a_peer_under_another_policy_stops_sales_but_not_service() -> None:
    readiness = admitted()
    readiness.note_policy("norte", "optimistic")
    readiness.note_policy("sul", "escrow")
    found = refusal(readiness)
    assert isinstance(found, PolicyMismatch)
    assert (found.peer, found.policy, readiness.ready) == ("norte", "optimistic", True)
    readiness.note_policy("norte", "escrow")
    assert refusal(readiness) is None


@pytest.mark.parametrize("reason", ["waiting_for_peers", "greeting_peers"])
def test_the_reason_is_the_last_one_given(reason: str) -> None:
    readiness = Readiness(policy="escrow")
    readiness.wait_for("rebuilding", reading=True)
    readiness.wait_for(reason)
    assert (readiness.reason, readiness.reading) == (reason, False)
