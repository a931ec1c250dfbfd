"""What a reported position says of this node's log, and where it moves the peer's cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ranges import Ranges
from app.sync.rules.acknowledgement import Cursor, Finding, Log, Reported, compare, move

LOG = Log("e", end=9, event_id="e5")


@pytest.mark.parametrize(
    ("reported", "log", "finding"),
    [
        (Reported("e", 5, "e5"), LOG, Finding.WRITTEN),
        (Reported("e", 5), LOG, Finding.WRITTEN),  # it does not say which event it has there
        (Reported("e", 0, ""), LOG._replace(event_id=""), Finding.WRITTEN),
        (Reported("e", 9, "e9"), LOG._replace(event_id="e9"), Finding.WRITTEN),
        (Reported("e", 5, "another"), LOG, Finding.OTHER),
        (Reported("e", 10, "e10"), LOG._replace(event_id=None), Finding.BEYOND),
        (Reported("e", 1), Log("e", end=0), Finding.BEYOND),
        # Of what was trimmed nobody can tell any more; what should be there was lost.
        (Reported("e", 5, "another"), LOG._replace(event_id=None, oldest=6), Finding.TRIMMED),
        (Reported("e", 0, ""), LOG._replace(event_id="", oldest=6), Finding.TRIMMED),
        (Reported("e", 6, "e6"), LOG._replace(event_id=None, oldest=6), Finding.MISSING),
        (Reported("e", 5, "e5"), LOG._replace(event_id=None), Finding.MISSING),
        # A position in another epoch's log says nothing of this one.
        (Reported("before", 5, "another"), LOG, Finding.STALE),
        (Reported("before", 10), LOG, Finding.STALE),
    ],
)
def test_a_reported_position_is_compared_with_the_log(reported: Reported, log: Log, finding: Finding) -> None:
    assert compare(reported, log) is finding


@pytest.mark.parametrize(
    ("cursor", "reported", "moved"),
    [
        (Cursor(2), Reported("e", 5, parked=()), Cursor(5, [])),
        (Cursor(7), Reported("e", 5, parked=()), Cursor(5, [])),  # it lost what it had: backwards
        (Cursor(7), Reported("e", 0, parked=()), Cursor(0, [])),
        (Cursor(2), Reported("e", 12, parked=()), Cursor(9, [])),  # never beyond what was written
        # All of this is known; a cursor at 0 may not be stored yet.
        (Cursor(5), Reported("e", 5, parked=()), None),
        (Cursor(9), Reported("e", 12, parked=()), None),
        (Cursor(5, [(2, 3)]), Reported("e", 5, parked=[(2, 3)]), None),
        (Cursor(0), Reported("e", 0, parked=()), Cursor(0, [])),
        # What it says it keeps parked takes the place of what it said before.
        (Cursor(5, [(2, 3)]), Reported("e", 5, parked=()), Cursor(5, [])),
        (Cursor(5, [(2, 3)]), Reported("e", 5, parked=[(3, 3)]), Cursor(5, [(3, 3)])),
        # It does not say: all that is new may be parked.
        (Cursor(5, [(2, 3)]), Reported("e", 8), Cursor(8, [(2, 3), (6, 8)])),
        (Cursor(5, [(2, 3)]), Reported("e", 4), Cursor(4, [(2, 3)])),
        (Cursor(5, [(2, 3)]), Reported("e", 5), None),
        # Of an epoch that is over.
        (Cursor(5), Reported("before", 8, parked=()), None),
    ],
)
def test_a_cursor_goes_where_the_peer_says(cursor: Cursor, reported: Reported, moved: Cursor | None) -> None:
    assert move(cursor, reported, LOG) == moved


ranges = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=3)


@given(st.integers(1, 12), st.none() | ranges, st.integers(0, 9), ranges)
def test_what_was_stored_once_need_not_be_stored_again(
    seq: int, parked: Ranges | None, acknowledged: int, before: Ranges
) -> None:
    reported = Reported("e", seq, parked=parked)
    moved = move(Cursor(acknowledged, before), reported, LOG)
    assert move(moved or Cursor(acknowledged, before), reported, LOG) is None
