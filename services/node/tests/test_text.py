"""What texts may be stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Café 500 g", None),
        ("日本語 🍵", None),
        ("", "blank"),
        ("  \t", "blank"),
        (" x", "outer_whitespace"),
        ("x" * 65, "too_long"),
        ("a\0b", "control_character"),
        ("a\nb", "control_character"),
        ("a\x1b[31mb", "control_character"),
        ("a\x85b", "control_character"),
        ("a\ud800b", "lone_surrogate"),
    ],
)
def test_a_text_may_be_stored_or_there_is_a_reason(value: str, reason: str | None) -> None:
    assert text.fault(value, longest=text.KEY) == reason


@given(st.text())
def test_whatever_may_be_stored_can_be_written_as_utf_8(value: str) -> None:
    if text.fault(value, longest=text.NAME) is None:
        assert value.encode().decode() == value
