"""What the bench of overload prints for the document."""

from pathlib import Path

from loadtests.bench.overload import Step, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def step(multiple: float, *, goodput: float, p99: float) -> Step:
    return Step(
        multiple=multiple,
        offered=multiple * 1000,
        goodput=goodput,
        median=p99 / 2,
        p99=p99,
        refused=0,
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
        step(0.5, goodput=500, p99=0.01),
        step(1, goodput=900, p99=0.05),
        step(10, goodput=1000, p99=0.04),
    ]
    assert table(steps, alone=0.005) == [
        "| 1 × | 0.90 | 10 | 592 | 0 | 125 MiB |",
        "| 10 × | 1.00 | 8 | 592 | 0 | 125 MiB |",
    ]


def test_a_row_has_the_columns_of_the_documents_table() -> None:
    header = next(line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| offered |"))
    (row,) = table([step(1, goodput=900, p99=0.05)], alone=0.005)
    assert row.count("|") == header.count("|")
