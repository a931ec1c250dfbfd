"""The words of false messages and wrong clocks."""

import pytest

from branchlab.errors import LabError
from branchlab.faults.forging import answer_lines
from branchlab.faults.words import parse_offset


@pytest.mark.parametrize(
    ("text", "expected"), [("+10m", 600.0), ("-90s", -90.0), ("−1h", -3600.0), ("+0.5m", 30.0)]
)
def test_a_clock_is_ahead_or_behind_by_a_length_of_time(text: str, expected: float) -> None:
    assert parse_offset(text) == expected


@pytest.mark.parametrize("text", ["10m", "+10", "+m", "soon", ""])
def test_another_text_is_no_offset(text: str) -> None:
    with pytest.raises(LabError):
        parse_offset(text)


def test_answers_are_counted_by_cause() -> None:
    lines = list(
        answer_lines(
            {
                "sent": 6,
                "answers": [
                    {"status": 200, "cause": "duplicate", "count": 4},
                    {"status": 401, "cause": "other_body", "count": 1},
                    {"status": None, "cause": "did not answer in 5 s", "count": 1},
                ],
            }
        )
    )
    assert lines == [
        "  4 × 200 duplicate: applied nothing",
        "  1 × 401 other_body: refused",
        "  1 × no answer: it did not answer in 5 s",
    ]
