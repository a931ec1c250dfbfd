"""Seqs as ranges: exact as long as they are few, and never too small."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.ranges import as_ranges, common, holds

seqs = st.lists(st.integers(1, 60), unique=True).map(sorted)


def test_neighbours_are_one_range() -> None:
    assert as_ranges([1, 2, 3, 5, 8, 9]) == [(1, 3), (5, 5), (8, 9)]
    assert as_ranges([]) == []


@given(given=seqs)
def test_few_are_told_exactly(given: list[int]) -> None:
    ranges = as_ranges(given)
    assert [seq for seq in range(70) if holds(ranges, seq)] == given


@given(given=seqs, most=st.integers(1, 5))
def test_of_many_none_is_left_out_and_the_first_are_exact(given: list[int], most: int) -> None:
    exact, ranges = as_ranges(given), as_ranges(given, most=most)
    assert len(ranges) <= most
    assert all(holds(ranges, seq) for seq in given)
    assert ranges[: most - 1] == exact[: most - 1]


@given(one=seqs, other=seqs)
def test_common_are_the_seqs_that_are_in_both(one: list[int], other: list[int]) -> None:
    both = common(as_ranges(one), as_ranges(other))
    assert [seq for seq in range(70) if holds(both, seq)] == sorted({*one} & {*other})
    assert both == sorted(both)
