"""Which characters people may put into a new key or a new name."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import characters, identity, text

VECTORS = json.loads(
    (Path(__file__).resolve().parents[3] / "tests/vectors/characters.json").read_text(encoding="utf-8")
)
EVERY = [*map(chr, range(0x32400)), *map(chr, range(0xE0000, 0xE1000)), *map(chr, range(0xF0000, 0xF0010))]
"""Every code point that is a character, or near one."""


def said(fault: characters.Fault | None) -> str | None:
    return None if fault is None else f"{fault.reason} {fault.character}".strip()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_the_lab_and_the_node_refuse_characters_by_one_rule(vector: dict[str, Any]) -> None:
    """`branchlab/tests/test_characters.py` holds the lab's rule to the same vectors."""
    assert said(characters.key_fault(vector["text"])) == vector["key"]
    assert said(characters.name_fault(vector["text"])) == vector["name"]


@pytest.mark.whole
def test_no_key_holds_what_only_formats_or_is_no_character() -> None:
    taken = {c for c in EVERY if characters.key_fault(f"X{c}1") is None}

    kinds = {unicodedata.category(c) for c in taken}
    assert kinds & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} == set()
    assert {unicodedata.name(c) for c in taken if unicodedata.category(c) == "Cf"} <= {
        unicodedata.name(c)
        for c in "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    }


@pytest.mark.whole
def test_a_key_stays_free_of_hidden_characters_in_the_form_in_which_keys_are_compared() -> None:
    hidden = [c for c in EVERY if characters.key_fault(f"X{c}1") is None]
    compared = identity.normalised("|".join(f"X{c}1" for c in hidden))

    assert {c for c in compared if characters.key_fault(f"X{c}1")} == set()


@pytest.mark.whole
def test_every_letter_and_every_visible_sign_is_taken() -> None:
    """Accents and scripts of the whole world stay, and so do signs and emoji."""
    refused = {
        c
        for c in EVERY
        if unicodedata.category(c) in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Sc", "Sk", "Sm", "So"}
        and characters.key_fault(f"X{c}")
    }

    blank = {"\u115f", "\u1160", "\u3164", "\uffa0", "\ufffc", "\u2800", "\U0001d159"}
    assert refused == blank


@given(st.text(st.characters(), max_size=12))
def test_what_a_key_may_hold_a_name_may_hold(value: str) -> None:
    if characters.key_fault(value) is None:
        assert characters.name_fault(value) is None


@given(st.text(max_size=12).map(str.strip).filter(bool))
def test_what_may_be_entered_may_be_stored(value: str) -> None:
    """The rule for stored texts is the wider one: peers of any version agree on it."""
    if characters.name_fault(value) is None:
        assert text.fault(value, longest=text.NAME) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CAFE-500", "CAFE-500"),
        ("Pão 🍵", "Pão 🍵"),
        ("\u200bX1", "<U+200B>X1"),
        ("X\u202e1", "X<U+202E>1"),
        ("X\U000e0041", "X<U+E0041>"),
    ],
)
def test_a_message_shows_what_cannot_be_seen(value: str, expected: str) -> None:
    assert characters.shown(value) == expected
