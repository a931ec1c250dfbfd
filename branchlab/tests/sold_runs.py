"""A run in which two orders were acknowledged, and what every node shows of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from branchlab.checking.verdict import Verdict, judge
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

FIRST = make_order(1, quantity=2)
SECOND = make_order(2, quantity=3, branch="filial-sul")
BOTH_SOLD = make_stock(received=10, sold=5)


@contextmanager
def two_sold(directory: Path) -> Iterator[HandMadeRun]:
    """Ten units received, two orders acknowledged; the reads are left to the test."""
    made = HandMadeRun(directory)
    made.receive(10)
    made.order(FIRST)
    made.order(SECOND)
    yield made
    made.records()  # closes the file


def verdict_of(run: HandMadeRun) -> Verdict:
    return judge(run.records())
