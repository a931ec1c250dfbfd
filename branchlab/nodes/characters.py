"""Which characters nodes take in a new key or a new name. The lab has its own copy of the nodes' rule, since
it sees nodes over HTTP only. Both copies are tested with `tests/vectors/characters.json`. The reasons for the
rule stand in the nodes' copy, `services/node/app/domain/characters.py`.
"""

import re
import unicodedata
from dataclasses import dataclass

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_TEXT_STYLE, _EMOJI_STYLE = "\ufe0e", "\ufe0f"
_BLANKS = frozenset("\u2800\U00016fe4\U0001d159")  # of Braille, Khitan and music: no spaces, and as empty
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = frozenset("\u2028\u2029")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SEEN_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Prepended_Concatenation_Mark: they format, and can be seen."""

_REGIONAL_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""The flag of a region: an emoji tag sequence (UTS #51, ED-14a)."""

_MONGOLIAN = re.compile("[\u1820-\u18aa\u180b-\u180d\u180f]")
_STYLED = frozenset("\u203c\u2049\u2139\u3030\u303d")
"""What has an emoji style (emoji-variation-sequences.txt) and is neither a symbol nor part of a keycap."""

_KEYCAPS, _KEYCAP = frozenset("0123456789#*"), "\u20e3"


@dataclass(frozen=True)
class Fault:
    """Why a text is refused: a stable snake_case word, and the character as `U+200B`, if it is one."""

    reason: str
    character: str = ""


def key_fault(text: str) -> Fault | None:
    """Why `text` is no new key (a sku, a customer code, a username), or None if its characters are good."""
    if text.isascii() and text.isprintable():
        return None if text.strip() else Fault("nothing_visible")
    for character in text:
        if reason := _refused(character) or _refused_in_keys(character):
            return Fault(reason, _named(character))
    return None if any(map(_can_be_seen, text)) else Fault("nothing_visible")


def name_fault(text: str) -> Fault | None:
    """Why `text` is no new name, reason, note or detail of a customer, or None if its characters are good."""
    if text.isascii() and text.isprintable():
        return None if text.strip() else Fault("nothing_visible")
    text = _REGIONAL_FLAG.sub(lambda flag: flag[0][0], text)
    for at, character in enumerate(text):
        reason = _refused(character)
        if reason is None or (reason == "hidden_character" and _has_a_use(text, at)):
            continue
        return Fault(reason, _named(character))
    return None if any(map(_can_be_seen, text)) else Fault("nothing_visible")


def _refused(character: str) -> str | None:
    """Why a character is refused in keys, and in names unless it has a use there."""
    if character.isprintable() and not _INVISIBLE.match(character):
        return None
    category = unicodedata.category(character)
    only_formats = category == "Cf" and character not in _SEEN_FORMATS
    reasons = {
        "control_character": category == "Cc" or character in _LINE_ENDS,
        "lone_surrogate": category == "Cs",
        "bidi_control": character in _BIDI,
        "not_a_character": _is_noncharacter(character),
        "hidden_character": only_formats or _INVISIBLE.match(character) is not None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _refused_in_keys(character: str) -> str | None:
    if character in _BLANKS:
        return "hidden_character"
    return "not_a_character" if unicodedata.category(character) in ("Co", "Cn") else None


def _has_a_use(text: str, at: int) -> bool:
    """Whether a script or an emoji needs the invisible character at this place."""
    if at == 0:
        return False
    character, before, after = text[at], text[at - 1], text[at + 1 : at + 2]
    if character in (_ZWNJ, _ZWJ):
        return _joins(text[:at], after, emoji=character == _ZWJ)
    if character in (_TEXT_STYLE, _EMOJI_STYLE):
        return _is_pictograph(before) or before in _STYLED or (before in _KEYCAPS and after == _KEYCAP)
    if "\ufe00" <= character <= "\ufe0d":  # variants of symbols, of ideographs and of their punctuation
        return unicodedata.category(before) in ("Lo", "Po", "Sm", "So")
    if "\U000e0100" <= character <= "\U000e01ef":  # variants of ideographs, as in names of people
        return unicodedata.category(before) == "Lo"
    return "\u180b" <= character <= "\u180f" and _MONGOLIAN.match(before) is not None


def _joins(before: str, after: str, *, emoji: bool) -> bool:
    """Whether a joiner stands beside a virama, beside a letter that joins as Arabic ones do, or between two
    pictographs."""
    if before[-1] in (_ZWNJ, _ZWJ):
        return False
    base = next((c for c in reversed(before) if unicodedata.category(c)[0] != "M"), "")
    if any(c and unicodedata.combining(c) == _VIRAMA for c in (before[-1], after)):
        return base != ""
    if any(c and unicodedata.bidirectional(c) == "AL" for c in (base, after)):
        return True
    return emoji and _is_pictograph(base) and _is_pictograph(after)


_VIRAMA = 9
"""The canonical combining class of viramas."""


def _is_pictograph(character: str) -> bool:
    # Of the newest emoji an older Python knows only where they stand.
    return "\U0001f000" <= character <= "\U0001faff" or (
        character != "" and unicodedata.category(character) in ("Sm", "So")
    )


def _is_noncharacter(character: str) -> bool:
    return "\ufdd0" <= character <= "\ufdef" or ord(character) & 0xFFFE == 0xFFFE


def _can_be_seen(character: str) -> bool:
    if character in _BLANKS or _INVISIBLE.match(character):
        return False
    category = unicodedata.category(character)
    return category[0] in "LNPS" or category in ("Co", "Cn")


def _named(character: str) -> str:
    return f"U+{ord(character):04X}"
