"""The lab's copy of the rule for characters is the nodes' rule."""

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import characters as of_nodes
from branchlab.nodes import characters as of_lab

PIECES = st.sampled_from("a1日क\u094dیا👩👧❤⠉🏴 ᠠ#.")
UNSEEN = st.sampled_from(
    "\u200b\u200c\u200d\ufe00\ufe0e\ufe0f\u180b\u180e\u20e3\u202e\ufeff\u3164\U000e0067\U000e007f\U000e0100\u0301\u2800"
)


def said(fault: Any) -> tuple[str, ...] | None:
    return None if fault is None else astuple(fault)


@pytest.mark.whole
@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES | UNSEEN | st.characters(), max_size=8).map("".join))
def test_any_text_is_refused_by_both_for_the_same_reason_or_by_neither(text: str) -> None:
    assert said(of_lab.key_fault(text)) == said(of_nodes.key_fault(text))
    assert said(of_lab.name_fault(text)) == said(of_nodes.name_fault(text))
