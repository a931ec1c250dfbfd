"""What follows from evidence against a node's epoch."""

import pytest

from app.sync.rules.fencing import Fencing, decide


@pytest.mark.parametrize(
    ("epoch", "reborn", "fenced", "closed", "decision"),
    [
        ("present", False, False, False, Fencing.BEGIN_AGAIN),
        # A second time in one process means that somebody else lives this life, too.
        ("present", True, False, False, Fencing.FENCE),
        ("present", True, True, False, Fencing.IGNORE),
        # Old news.
        ("before", False, False, False, Fencing.IGNORE),
        ("before", True, False, False, Fencing.IGNORE),
        ("before", True, True, False, Fencing.IGNORE),
        # A decommissioned branch is closed, and has no other life to begin.
        ("present", False, True, True, Fencing.IGNORE),
        ("present", True, True, True, Fencing.IGNORE),
    ],
)
def test_a_life_ends_by_evidence_against_it_and_another_begins_once(
    epoch: str, reborn: bool, fenced: bool, closed: bool, decision: Fencing
) -> None:
    assert decide(epoch, present="present", reborn=reborn, fenced=fenced, closed=closed) is decision
