"""Reads a row that came from a peer, field by field, and refuses what no node could have written. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import copysign

from app.domain import text
from app.domain.bounds import LATEST_SECONDS
from app.domain.errors import BeyondBounds, Invalid
from app.domain.lww import Stamp

LARGEST = 2**62  # any sum of two still fits SQLite's 64-bit integer
_LONGEST_NAME = 64  # of a node or an epoch


@dataclass(frozen=True)
class Text:
    """The rule of a text that may be stored (app.domain.text); None is one, too, where it is `optional`."""

    longest: int
    optional: bool = False

    def check(self, name: str, value: object) -> None:
        """Raise Invalid, with the field's name, for a value that breaks the rule."""
        if not (self.optional and value is None):
            _text(name, value, longest=self.longest)


@dataclass(frozen=True)
class Natural:
    """The rule of an integer from `least` to `most`."""

    least: int = 0
    most: int = LARGEST

    def check(self, name: str, value: object) -> None:
        """Raise Invalid, with the field's name, for a value that breaks the rule."""
        _natural(name, value, least=self.least, most=self.most)


@dataclass(frozen=True)
class Seconds:
    """The rule of a time since 1970, at most one that can be shown. Not an integer, though JSON allows it,
    nor a zero with a sign: SQLite would give back other bytes."""

    def check(self, name: str, value: object) -> None:
        """Raise Invalid, with the field's name, for a value that breaks the rule."""
        if not isinstance(value, float) or (value == 0 and copysign(1, value) < 0):
            raise Invalid(name, "not_a_time")
        if not 0 <= value <= LATEST_SECONDS:
            raise BeyondBounds(name, "out_of_range")


@dataclass(frozen=True)
class OneOf:
    """The rule of a text that is one of a few words."""

    words: tuple[str, ...]

    def check(self, name: str, value: object) -> None:
        """Raise Invalid, with the field's name, for a value that breaks the rule."""
        if _text(name, value, longest=text.KEY) not in self.words:
            raise Invalid(name, "out_of_range")


Rule = Text | Natural | Seconds | OneOf
Rules = Mapping[str, Rule]
"""The rules of a row's fields, by name, in the order in which they are checked."""


class Fields:
    """An untrusted row. Every method raises Invalid with the field's name and a stable reason."""

    def __init__(self, entity: str, row: object, names: Collection[str]) -> None:
        """Requires an object with all of these fields. What it has besides, newer code wrote: that stays with
        the row as it came (app.domain.forms)."""
        if not isinstance(row, Mapping):
            raise Invalid(entity, "not_an_object")
        self.row = row
        for name in names:
            if name not in row:
                raise Invalid(name, "missing")

    def check(self, rules: Rules) -> None:
        """Hold the fields that have rules to them."""
        for name, rule in rules.items():
            rule.check(name, self.row[name])

    def text(self, name: str, *, longest: int) -> str:
        return _text(name, self.row[name], longest=longest)

    def optional_text(self, name: str, *, longest: int) -> str | None:
        return None if self.row[name] is None else self.text(name, longest=longest)

    def natural(self, name: str, *, most: int = LARGEST) -> int:
        return _natural(name, self.row[name], most=most)

    def naturals(self, name: str) -> dict[str, int]:
        """A map from epochs to logical times."""
        value = self.row[name]
        if not isinstance(value, Mapping):
            raise Invalid(name, "not_an_object")
        for epoch in value:
            if not isinstance(epoch, str) or text.fault(epoch, longest=_LONGEST_NAME):
                raise Invalid(name, "not_an_epoch")
        return {epoch: _natural(name, value[epoch], most=LARGEST) for epoch in sorted(value)}

    def stamp(self, lamport: str, node: str, epoch: str) -> Stamp:
        return Stamp(
            lamport=self.natural(lamport),
            node=self.text(node, longest=_LONGEST_NAME),
            epoch=self.text(epoch, longest=_LONGEST_NAME),
        )

    def require_id(self, identify: Callable[[str, str], str], cluster_id: str, key: str) -> str:
        """The row's id, which must follow from its key by the identity rule."""
        if self.row["id"] != identify(cluster_id, self.text(key, longest=text.KEY)):
            raise Invalid("id", "does_not_follow_from_key")
        return str(self.row["id"])


def _text(name: str, value: object, *, longest: int) -> str:
    if not isinstance(value, str):
        raise Invalid(name, "not_a_text")
    if reason := text.fault(value, longest=longest):
        raise Invalid(name, reason)
    return value


def _natural(name: str, value: object, *, most: int, least: int = 0) -> int:
    if type(value) is not int:
        raise Invalid(name, "not_an_integer")
    if not least <= value <= most:
        raise Invalid(name, "out_of_range")
    return value
