"""What becomes of a batch, by the position that is known and what the batch says."""

import pytest

from app.sync.rules.inbox import Admission, admit
from app.sync.rules.position import ORIGIN, Position

KNOWN = Position(5, "e5")
BEYOND = Position(8, "e8")


@pytest.mark.parametrize(
    ("after", "through", "admission"),
    [
        (KNOWN, Position(6, "e6"), Admission.APPLY),
        (KNOWN, BEYOND, Admission.APPLY),
        # All of it is here already, wherever it begins.
        (Position(3, "e3"), KNOWN, Admission.DUPLICATE),
        (ORIGIN, Position(4, "e4"), Admission.DUPLICATE),
        (KNOWN, KNOWN, Admission.DUPLICATE),
        (Position(3, "another"), Position(4, "another"), Admission.DUPLICATE),  # nothing to compare with
        # It begins elsewhere: the answer says where this node is.
        (Position(6, "e6"), BEYOND, Admission.GAP),
        (Position(4, "e4"), BEYOND, Admission.GAP),
        (ORIGIN, BEYOND, Admission.GAP),
        # Another event at the known seq.
        (Position(5, "another"), BEYOND, Admission.FORK),
        (Position(3, "e3"), Position(5, "another"), Admission.FORK),
    ],
)
def test_a_batch_is_compared_with_the_known_position(
    after: Position, through: Position, admission: Admission
) -> None:
    assert admit(after, through, known=KNOWN, is_over=False, to_epoch="e", present="e") is admission


@pytest.mark.parametrize(
    ("is_over", "to_epoch", "admission"),
    [
        (False, "before", Admission.WRONG_EPOCH),
        (True, "present", Admission.DEAD_EPOCH),
        (True, "before", Admission.DEAD_EPOCH),
    ],
)
@pytest.mark.parametrize("known", [KNOWN, BEYOND, Position(8, "another"), Position(9, "e9")])
def test_no_position_counts_between_lives_of_which_one_is_over(
    is_over: bool, to_epoch: str, admission: Admission, known: Position
) -> None:
    found = admit(KNOWN, BEYOND, known=known, is_over=is_over, to_epoch=to_epoch, present="present")
    assert found is admission


def test_the_first_batch_of_a_life_begins_at_the_origin() -> None:
    assert admit(ORIGIN, BEYOND, known=ORIGIN, is_over=False, to_epoch="e", present="e") is Admission.APPLY
