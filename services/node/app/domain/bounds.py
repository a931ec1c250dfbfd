"""How far anything that a member sends may go. Pure.

Every bound lies far beyond what honest branches reach, clocks that are years off included. What is beyond it,
no honest node sent, and to store it would hurt for good: merging takes maxima.
"""

LAMPORT_STEP = 2**32
"""A message may run ahead of the logical time known here by so many commands. To write as many, a branch that
is cut off would need years and terabytes."""

LAMPORTS_A_SECOND = 2**20
"""Logical time may also reach this many commands for every second since 1970, by the clock here. That lets an
empty node join a network of any age, and no liar uses logical time up."""

LATEST_SECONDS = 253_402_300_799
"""The last second of the year 9999. Later times cannot be shown."""

MOST_GRANTS = 1_000
"""How many lives one stock row may have granted units to."""

MOST_UNITS_OF_GRANT = 2**40
"""How many units that one life granted to another count as rights. A member can claim to have any number;
what others grant of it adds up in their rows, and must never reach what a row can hold."""

MOST_LIVES_OF_BRANCH = 1_000
"""How many lives of one branch are stored by its own word. A branch begins one for each lost disk."""

MOST_LIVES_BY_HEARSAY = 200
"""How many lives of one branch are stored by the word of others, beside those by its own."""

MOST_LIVES = 10_000
"""How many lives are stored in all before the word of others adds no more."""

MOST_GIVEN_BACK = MOST_GRANTS // 2
"""How many lives a stock row may have granted units to before unconfirmed units are no longer given back."""

MOST_STOCK_OF_ORDER = 25_000
"""How many grants the stock rows of an order's products may hold together, where a row itself counts as
GRANTS_OF_ROW. They go into one message of at most 8 MiB: twice when the order is cancelled, with some 80
bytes each, beside 1.5 MiB of lines and up to 1 MiB of events before them."""

GRANTS_OF_ROW = 5
"""As many grants as a stock row without any is long."""

MOST_LIVES_TOLD = 20_000
"""How many lives one message may name."""

MOST_CELLS = 10_000
"""How many stock rows one message about one product may hold."""

MOST_BRANCHES = 1_000
"""How many branches one message may name as decommissioned."""

LONGEST_WORD = 200
"""Characters of an id, a kind, a hash or a revision in a message."""

MOST_KEPT_BYTES = 256 * 2**20
"""How many bytes of one branch's events a node keeps parked, where KEPT_MAX_BYTES says nothing else. That is
a day of a busy branch of which nothing can be applied."""

LONGEST_REASON = 4_000
"""Characters of the reason with which a parked event is handed over."""


def lamport_limit(known: int, now: float) -> int:
    """The highest logical time to accept, where `known` is the highest so far and `now` the wall clock."""
    return max(known + LAMPORT_STEP, int(now) * LAMPORTS_A_SECOND)
