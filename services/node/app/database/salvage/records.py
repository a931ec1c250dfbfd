"""SQLite's record format, and which records fit a table. Pure.

The section numbers of this package are those of sqlite.org/fileformat2.html. Text is taken to be UTF-8, which
is what a node writes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Value = int | float | str | bytes | None
Kind = Literal["INTEGER", "REAL", "TEXT", "BLOB", "ANY"]

_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # of the serial types 0 to 9; 10 and 11 are in no file (2.1)
_FIRST_BLOB = 12  # from here on an even serial type is a blob, an odd one a text
_INTEGERS = frozenset((1, 2, 3, 4, 5, 6, 8, 9))
_BLOB, _TEXT = 12, 13  # stand for all serial types of a kind, whatever their length
# A whole number in a REAL column may be stored as an integer (2.1).
_SERIALS: dict[Kind, frozenset[int]] = {
    "INTEGER": _INTEGERS,
    "REAL": _INTEGERS | {7},
    "TEXT": frozenset((_TEXT,)),
    "BLOB": frozenset((_BLOB,)),
    "ANY": _INTEGERS | {7, _BLOB, _TEXT},
}
_ROWID = frozenset((0,))  # the record holds NULL where the value is the rowid (2.3)


class Unreadable(Exception):
    """These bytes are not what they should be."""


@dataclass(frozen=True)
class Column:
    """A column as its table declares it. `default` is the value of records that end before it."""

    name: str
    kind: Kind = "ANY"
    required: bool = False
    default: Value = None

    @property
    def may_lack(self) -> bool:
        """Whether records can be older than the column: ALTER TABLE adds only columns that need no value."""
        return not self.required or self.default is not None

    @property
    def serials(self) -> frozenset[int]:
        """The serial types that it can hold, of those below 14; 12 and 13 stand for all blobs and texts."""
        return _SERIALS[self.kind] if self.required else _SERIALS[self.kind] | {0}


@dataclass(frozen=True)
class Layout:
    """What the records of one table or index look like. `rowid_column` is the column that is another name of
    the rowid (INTEGER PRIMARY KEY), `key` the columns of the primary key in its order."""

    name: str
    columns: tuple[Column, ...]
    rowid_column: int | None = None
    key: tuple[str, ...] = ()

    @cached_property
    def least(self) -> int:
        """How many values a record has at least."""
        needed = [index for index, column in enumerate(self.columns) if not column.may_lack]
        if self.rowid_column is not None:
            needed.append(self.rowid_column)
        return max(needed, default=0) + 1

    @cached_property
    def serials(self) -> tuple[frozenset[int], ...]:
        """What each column's value can be, as `Column.serials` says it."""
        return tuple(
            _ROWID if index == self.rowid_column else column.serials
            for index, column in enumerate(self.columns)
        )

    def fits(self, serials: Sequence[int]) -> bool:
        """Whether a record of these serial types can be of this table."""
        if not self.least <= len(serials) <= len(self.columns):
            return False
        for can_be, serial in zip(self.serials, serials, strict=False):
            if (serial if serial < _FIRST_BLOB else _BLOB | serial & 1) not in can_be:
                return False
        return True


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, read without a sign, and where it ends (1.6)."""
    try:
        byte = data[at]
        if byte < 0x80:
            return byte, at + 1
        value = 0
        for place in range(at, at + 8):
            byte = data[place]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, place + 1
        return value << 8 | data[at + 8], at + 9
    except IndexError:
        raise Unreadable("a number goes past the end") from None


def write_varint(value: int) -> bytes:
    """The shortest form of a number below 2^56, which is the one that SQLite writes."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def signed(value: int) -> int:
    """A 64-bit number with its sign."""
    return value - (1 << 64) if value >> 63 else value


def read_serials(data: bytes, at: int = 0) -> tuple[list[int], int, int]:
    """The serial types of the record that begins at `at`, how long its header is, and how long it is itself
    (2.1). Only the header is read."""
    size, place = read_varint(data, at)
    end = at + size
    if end > len(data) or size < 1:
        raise Unreadable("the record's header goes past the end")
    serials: list[int] = []
    length = size
    while place < end:
        serial = data[place]
        if serial < 0x80:
            place += 1
        else:
            serial, place = read_varint(data, place)
        serials.append(serial)
        if serial >= _FIRST_BLOB:
            length += (serial - _FIRST_BLOB) >> 1
        elif serial > 9:
            raise Unreadable("a type that no file has")
        else:
            length += _SIZES[serial]
    if place != end:
        raise Unreadable("the record's header does not end where it says")
    return serials, size, length


def read_values(
    payload: bytes, layout: Layout, *, rowid: int | None = None, errors: str = "replace"
) -> tuple[Value, ...]:
    """The record's values in the order of the layout's columns, the missing ones by default. Text that is no
    UTF-8 is read as `errors` says, as in `bytes.decode`. Raises Unreadable unless the record fits wholly."""
    serials, at, length = read_serials(payload)
    if length != len(payload) or not layout.fits(serials):
        raise Unreadable(f"no record of {layout.name}")
    values: list[Value] = []
    for column, serial in zip(layout.columns, serials, strict=False):
        if serial >= _FIRST_BLOB:
            end = at + ((serial - _FIRST_BLOB) >> 1)
            values.append(_text(payload[at:end], errors) if serial & 1 else payload[at:end])
        else:
            end = at + _SIZES[serial]
            values.append(_number(payload[at:end], serial, column.kind))
        at = end
    values += [column.default for column in layout.columns[len(serials) :]]
    if layout.rowid_column is not None:
        values[layout.rowid_column] = rowid
    return tuple(values)


def _number(data: bytes, serial: int, kind: Kind) -> Value:
    if serial == 0:
        return None
    if serial == 7:
        return float(struct.unpack(">d", data)[0])
    value = serial - 8 if serial > 7 else int.from_bytes(data, "big", signed=True)
    return float(value) if kind == "REAL" else value


def _text(data: bytes, errors: str) -> str:
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError:
        raise Unreadable("a text is no UTF-8") from None
