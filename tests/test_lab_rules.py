"""The lab refuses before it sends what a node would refuse: both by the same rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.api.schemas.base import Name, NewKey
from app.domain import identity, text
from app.domain.order import MAX_LINES, MAX_QUANTITY
from app.domain.row_checks import LARGEST
from app.state.tables.products import MAX_PRICE_CENTS
from branchlab.teaching.replay.meaning import node_rules

ODD = [
    "",
    " ",
    "a",
    " a",
    "a\0b",
    "a\u0085b",
    "a\u2028b",
    "\ud800",
    "e\u0301",
    "👩‍👩‍👧",
    "a" * 65,
    "\u200b",
    "\u202ea",
]
KEYS: TypeAdapter[str] = TypeAdapter(NewKey)
NAMES: TypeAdapter[str] = TypeAdapter(Name)


def is_taken(kind: TypeAdapter[str], value: str) -> bool:
    """Whether a node takes the text in a request for something new."""
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


def test_the_limits_are_the_nodes() -> None:
    names = ("KEY", "NAME", "CONTACT", "EMAIL", "PHONE", "PLACE")

    assert [getattr(node_rules, name) for name in names] == [getattr(text, name) for name in names]
    assert (node_rules.MOST_UNITS, node_rules.MOST_LINES) == (MAX_QUANTITY, MAX_LINES)
    assert (node_rules.MOST_CENTS, node_rules.MOST_TOTAL_CENTS) == (MAX_PRICE_CENTS, LARGEST)


@pytest.mark.parametrize("value", ODD)
def test_odd_texts_are_refused_by_both_or_by_neither(value: str) -> None:
    stripped = value.strip()

    assert (node_rules.text_fault(stripped, text.NAME) is None) == is_taken(NAMES, stripped)
    assert (node_rules.key_fault(stripped) is None) == is_taken(KEYS, stripped)


@settings(max_examples=300, deadline=None)
@given(value=st.text(st.characters(), max_size=70).map(str.strip))
def test_any_text_is_refused_by_both_or_by_neither(value: str) -> None:
    assert (node_rules.text_fault(value, text.NAME) is None) == is_taken(NAMES, value)
    assert (node_rules.key_fault(value) is None) == is_taken(KEYS, value)


@pytest.mark.parametrize(
    "key", ["0b0e7f2e-9a53-5f0b-9d3c-0d9a6d9c7d11", "0B0E7F2E-9A53-5F0B-9D3C-0D9A6D9C7D11", "X1"]
)
def test_what_looks_like_an_id_is_refused_by_both(key: str) -> None:
    assert (node_rules.key_fault(key) is not None) == identity.looks_like_an_id(key)
