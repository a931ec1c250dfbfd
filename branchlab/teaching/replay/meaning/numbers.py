"""What the numbers of a column are: whether the comma or the point begins their decimals."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Mark = Literal[".", ","]
MARKS: tuple[Mark, ...] = (".", ",")
_PAIRS: tuple[tuple[Mark, Mark], ...] = ((".", ","), (",", "."))

_CURRENCY = re.compile(r"\A(?:R\$|US\$|[$€£])\s*|\s*(?:R\$|[$€£])\Z")
_BLANKS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'](?=\d{3}(?:\D|\Z))")
"""What some languages set between thousands."""
_FORMS: dict[Mark, re.Pattern[str]] = {
    mark: re.compile(rf"\A(?:[0-9]{{1,3}}(?:\{other}[0-9]{{3}})+|[0-9]+)(?:\{mark}[0-9]+)?\Z")
    for mark, other in _PAIRS
}
_DECIMALS: dict[Mark, re.Pattern[str]] = {
    mark: re.compile(rf"\{mark}(?:\d{{1,2}}|\d{{4,}})\D*\Z") for mark in MARKS
}
"""Decimals that cannot be thousands."""
_LONGEST = 40  # characters of a number; no node takes as many digits


@dataclass(frozen=True)
class Decision:
    """Which mark begins the decimals of a column, and how strongly its values show that: 2 where some have
    decimals, 1 where only thousands marks or spoilt values tell, 0 where nothing does. `clash` is a value
    that is not the same number under both marks."""

    mark: Mark
    strength: Literal[0, 1, 2]
    clash: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody can say which number some value is."""
        return self.strength == 0 and self.clash is not None


def read_number(text: str, mark: Mark) -> Decimal | None:
    """The number that a text is under a decimal mark, thousands marks and a currency sign allowed. None for
    any other text, and for negative numbers."""
    if len(text) > _LONGEST:
        return None
    bare = _BLANKS.sub("", _CURRENCY.sub("", text))
    if not _FORMS[mark].match(bare):
        return None
    other = "," if mark == "." else "."
    return Decimal(bare.replace(other, "").replace(mark, "."))


def decide(values: Iterable[str], is_good: Callable[[Decimal], bool]) -> Decision:
    """Which decimal mark a column has: the one under which more of its values are good numbers."""
    distinct = set(values)
    good = {mark: {text for text in distinct if _is_good(text, mark, is_good)} for mark in MARKS}
    if len(good["."]) == len(good[","]):
        differing = (text for text in sorted(distinct) if read_number(text, ".") != read_number(text, ","))
        return Decision(".", strength=0, clash=next(differing, None))
    mark: Mark = "." if len(good["."]) > len(good[","]) else ","
    plain = any(_DECIMALS[mark].search(text) for text in good[mark])
    return Decision(mark, strength=2 if plain else 1)


def settle(decisions: Sequence[Decision], given: Mark | None) -> list[Decision]:
    """The decisions for all columns of a history. What the values of a column do not show is as in the
    columns that show it, where those agree."""
    if given is not None:
        return [Decision(given, strength=2) for _ in decisions]
    strong, weak = ({one.mark for one in decisions if one.strength == strength} for strength in (2, 1))
    shown = strong or weak
    if len(shown) != 1:
        return list(decisions)
    (mark,) = shown
    return [one if one.strength == 2 else Decision(mark, strength=1) for one in decisions]


def is_cents(number: Decimal) -> bool:
    """Whether it is an amount of whole cents."""
    return (number * 100) % 1 == 0


def is_whole(number: Decimal) -> bool:
    """Whether it has no decimals but zeros."""
    return number % 1 == 0


def _is_good(text: str, mark: Mark, is_good: Callable[[Decimal], bool]) -> bool:
    number = read_number(text, mark)
    return number is not None and is_good(number)
