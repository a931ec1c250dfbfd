"""What values of rows with one stamp share: products and customers, of which the last writer wins. Pure."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Self

from app.domain import forms
from app.domain.forms import Row
from app.domain.lww import Stamp

_MORE = frozenset(("stamp", "beyond"))


class Record:
    """Base of a frozen dataclass with one field for each column that its version uses, `stamp` (the last
    edit), and `beyond` (the fields of later revisions that it has no field for)."""

    __slots__ = ()
    relation: ClassVar[str]
    stamp: Stamp
    beyond: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The record of a canonical row. A field that the row does not have gets its wire default."""
        kind: Any = cls
        form, (first, later) = forms.of(cls.relation), _columns(kind)
        columns = {name: row[name] for name in first}
        beyond = form.beyond(row)
        if later:
            defaults = {field.name: field.default for field in form.added}
            columns |= {name: beyond.pop(name, defaults[name]) for name in later}
        record: Self = kind(**columns, stamp=Stamp.of_row(row), beyond=beyond)
        return record

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest. It leaves out what equals its wire default."""
        kind: Any = type(self)
        first, later = _columns(kind)
        row = {name: getattr(self, name) for name in first}
        if later:
            defaults = {field.name: field.default for field in forms.of(self.relation).added}
            values = {name: getattr(self, name) for name in later}
            row |= {name: value for name, value in values.items() if value != defaults[name]}
        return {**row, **self.stamp.as_json(), **self.beyond}


@cache
def _columns(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of revision 1 that a kind of record has as fields, and those of later revisions."""
    names = [field.name for field in fields(kind) if field.name not in _MORE]
    first = forms.of(kind.relation).columns
    return tuple(n for n in names if n in first), tuple(n for n in names if n not in first)
