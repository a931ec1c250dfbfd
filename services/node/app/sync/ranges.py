"""Sets of seqs as closed ranges, short enough for every hello. Pure."""

from collections.abc import Iterable, Sequence

Ranges = Sequence[tuple[int, int]]
"""First and last seq of each range, in order."""

MOST_RANGES = 500


def as_ranges(seqs: Iterable[int], *, most: int = MOST_RANGES) -> list[tuple[int, int]]:
    """Seqs, in order, as at most so many ranges. What would be beyond that is said by stretching the last
    range over all of it: the ranges may hold seqs that were not given, and never lack one that was."""
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
