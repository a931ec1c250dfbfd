"""The plain node is there to be read."""

from pathlib import Path

PLAIN = Path(__file__).resolve().parents[1] / "plain"


def test_it_has_at_most_seven_hundred_lines_that_are_not_blank() -> None:
    lines = [
        line for module in PLAIN.glob("*.py") for line in module.read_text(encoding="utf-8").splitlines()
    ]

    assert 100 < sum(1 for line in lines if line.strip()) <= 700
