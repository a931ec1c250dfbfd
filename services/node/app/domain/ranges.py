"""Sets of seqs as closed ranges in order, short enough for every hello. Pure."""

from collections.abc import Iterable, Sequence

Ranges = Sequence[tuple[int, int]]
"""First and last seq of each range, in order."""

MOST_RANGES = 500


def as_ranges(seqs: Iterable[int], *, most: int = MOST_RANGES) -> list[tuple[int, int]]:
    """Sorted seqs as at most so many ranges. If there are more, the last range is stretched over the rest. So
    the ranges may hold seqs that were not given, but never lack one that was."""
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and (found[-1][1] + 1 >= seq or len(found) == most):
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def holds(ranges: Ranges, seq: int) -> bool:
    """Whether a seq is in one of the ranges."""
    return any(first <= seq <= last for first, last in ranges)


def common(one: Ranges, other: Ranges) -> list[tuple[int, int]]:
    """The seqs that are in both."""
    found: list[tuple[int, int]] = []
    at = 0
    for first, last in one:
        while at < len(other) and other[at][1] < first:
            at += 1
        for begins, ends in other[at:]:
            if begins > last:
                break
            found.append((max(first, begins), min(last, ends)))
    return found
