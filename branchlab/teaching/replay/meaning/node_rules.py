"""What a node takes, so that a history is refused before anything of it is sent.

The lab sees nodes over HTTP only, so this is its own copy of their rules; `tests/test_lab_rules.py` compares
both.
"""

import re
from collections.abc import Callable
from uuid import UUID

from branchlab.language import N_, _
from branchlab.nodes import characters
from branchlab.nodes.keys import same_key

MOST_UNITS = 1_000_000  # in one line, and in one receipt
MOST_LINES = 1_000  # in one order
MOST_CENTS = 10**12  # of one unit
MOST_TOTAL_CENTS = 2**62  # of one order

# The longest texts, in characters.
KEY = 64
NAME = 200
CONTACT = 200
EMAIL = 254
PHONE = 40
PLACE = 100

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


_WORDS = {
    "control_character": N_("the control character {character}"),
    "hidden_character": N_("{character}, which cannot be seen"),
    "bidi_control": N_("{character}, which changes the direction of text"),
    "not_a_character": N_("{character}, which stands for no character"),
}


def text_fault(text: str, longest: int) -> str | None:
    """Why no node stores the text for a new name or a detail, or None."""
    return _length_fault(text, longest) or _character_fault(text, characters.name_fault)


def key_fault(text: str) -> str | None:
    """Why no node takes the text for a new sku or customer code, or None."""
    if reason := _length_fault(text, KEY) or _character_fault(text, characters.key_fault):
        return reason
    found = same_key(text)
    try:
        is_id = str(UUID(found)) == found
    except ValueError:
        is_id = False
    return _("could be taken for an id, so no node takes it") if is_id else None


def _length_fault(text: str, longest: int) -> str | None:
    if not text.strip():
        return _("is empty")
    return (
        _("has {count} characters; a node takes at most {longest}", count=len(text), longest=longest)
        if len(text) > longest
        else None
    )


def _character_fault(text: str, rule: Callable[[str], characters.Fault | None]) -> str | None:
    """Why the characters of a text are refused, by the rule for keys or for names."""
    found = rule(text)
    if found is None:
        return None
    if found.reason == "lone_surrogate":  # which is how a byte that is no UTF-8 was read
        return _("has a byte that is not UTF-8, as the rest of the file is")
    if found.reason == "nothing_visible":
        return _("has no character that can be seen")
    return _("has {words}; no node takes that", words=_(_WORDS[found.reason], character=found.character))


def email_fault(text: str) -> str | None:
    """Why no node takes the text for an e-mail address, or None."""
    return text_fault(text, EMAIL) or (None if _EMAIL.fullmatch(text) else _("is no e-mail address"))
