"""A decommissioning counts when a majority of the members stores it. Two sides of a cut never both do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.members import counting

NAMES = ("a", "b", "c", "d", "e", "f")


@pytest.mark.parametrize(
    ("gone", "stored_by", "roster", "insisted", "expected"),
    [
        ("", {}, "abc", "", ""),
        ("c", {"c": "a"}, "abc", "", ""),
        ("c", {"c": "ab"}, "abc", "", "c"),
        ("b", {"b": "a"}, "ab", "", ""),
        ("b", {"b": "a"}, "ab", "b", "b"),
        ("cd", {"c": "ab", "d": "ab"}, "abcd", "", ""),
        ("cd", {"c": "ab", "d": "ab"}, "abcd", "c", "cd"),
        ("d", {"d": "abc"}, "abcd", "", "d"),
        ("cd", {"c": "ab", "d": "abc"}, "abcd", "", "cd"),
        ("cd", {"c": "ab", "d": "abc"}, "abcde", "", "d"),
        ("cd", {"c": "abd", "d": "abc"}, "abcd", "", "cd"),
        ("bcd", {"b": "a", "c": "ab", "d": "abc"}, "abcd", "", "cd"),
    ],
)
def test_a_majority_of_the_members_decides(
    gone: str, stored_by: dict[str, str], roster: str, insisted: str, expected: str
) -> None:
    found = counting(gone, roster=roster, stored_by=stored_by, insisted=insisted)
    assert found == set(expected)


@given(st.integers(2, len(NAMES)), st.data())
def test_no_two_sides_of_a_cut_leave_each_other_out(size: int, data: st.DataObject) -> None:
    roster = NAMES[:size]
    cut = data.draw(st.integers(1, size - 1))
    counted = []
    for ours, theirs in ((roster[:cut], roster[cut:]), (roster[cut:], roster[:cut])):
        gone = data.draw(st.sets(st.sampled_from(theirs)))
        stored_by = {name: data.draw(st.sets(st.sampled_from(ours))) for name in gone}
        counted.append(counting(gone, roster=roster, stored_by=stored_by))
    assert not all(counted)
