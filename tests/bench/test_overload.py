"""What the bench of overload prints for the document."""

from pathlib import Path

import pytest

from loadtests.bench.overload_steps import Step, summed, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def step(multiple: float, *, goodput: float = 900, stretch: float = 3, refused: int = 0) -> Step:
    return Step(
        multiple=multiple,
        offered=multiple * 1000,
        goodput=goodput,
        median=0.01,
        p99=0.02,
        stretch=stretch,
        refused=refused,
        gone=0,
        broken=0,
        mib=125.4,
        per_cpu=592.3,
        lag=0.2,
        recovered=1.5,
        unsent=0,
        busy=0.1,
    )


def test_the_rows_are_those_of_the_document() -> None:
    """Loads below the capacity have no row there. The top is the best of all steps."""
    steps = [
        step(0.5, goodput=500, stretch=2),
        step(1, goodput=900, stretch=10.2),
        step(10, goodput=1000, stretch=8),
    ]
    assert table(steps) == [
        "| 1 × | 0.90 | 10 | 592 | 0 | 125 MiB |",
        "| 10 × | 1.00 | 8 | 592 | 0 | 125 MiB |",
    ]


def test_a_row_has_the_columns_of_the_documents_table() -> None:
    header = next(line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| offered |"))
    (row,) = table([step(1)])
    assert row.count("|") == header.count("|")


def test_a_load_has_the_mean_of_what_its_rounds_took_and_the_median_of_their_times() -> None:
    """So one round in which the machine was slow decides nothing. What was counted is added up."""
    steps = [
        step(2, goodput=1000, stretch=3, refused=5),
        step(1),
        step(2, goodput=400, stretch=9, refused=7),
        step(2, goodput=1000, stretch=2),
    ]
    of_1, of_2 = summed(steps)
    assert (of_1.multiple, of_2.multiple) == (1, 2)
    assert of_2.goodput == pytest.approx(800)
    assert (of_2.stretch, of_2.refused) == (3, 12)
