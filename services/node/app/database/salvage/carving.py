"""Records in a page whose own order is lost: found by what a record's header must look like. Pure.

A page whose first bytes are overwritten no longer says where its cells begin, yet the cells are there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from app.database.salvage.cells import TABLE_LEAF, Cell, local_size
from app.database.salvage.records import Layout, Unreadable, read_serials, read_varint, signed, write_varint

_LEAST_COLUMNS = 3  # shorter records are found in any text
# One, two or three bytes of a serial type of a blob or text, which is a variable-length integer from 12 on.
_LONG = rb"[\x0c-\x7f]|[\x81-\xff][\x00-\x7f]|[\x81-\xff][\x80-\xff][\x00-\x7f]"


def carve(data: bytes, layout: Layout, *, usable: int) -> Iterator[Cell]:
    """Every place of the page where a record of this layout can begin, as a cell. Some may be chance, and
    some what was deleted: the caller must verify the rows."""
    if layout.least < _LEAST_COLUMNS:
        return
    header = _header(layout)
    at = 0
    while found := header.search(data, at):
        at = found.start() + 1
        cell = _cell(data, found.start(), layout, usable=usable)
        if cell is not None:
            yield cell


def _cell(data: bytes, body: int, layout: Layout, *, usable: int) -> Cell | None:
    try:
        serials, _, size = read_serials(data, body)
    except Unreadable:
        return None
    local = local_size(size, kind=TABLE_LEAF, usable=usable)
    end, overflow = body + local, 0
    if local < size:
        overflow = int.from_bytes(data[end : end + 4], "big")
        end += 4
    if end > usable or not layout.fits(serials):
        return None
    rowid = _rowid_before(data, body, size)
    if rowid is None:
        # What stood before the record is overwritten, as in a cell that was freed.
        return None if layout.rowid_column is not None else Cell(body, end, 0, size, body, local, overflow)
    return Cell(body, end, rowid, size, body, local, overflow)


def _rowid_before(data: bytes, body: int, size: int) -> int | None:
    """The rowid of the cell whose record begins at `body`, when the bytes before it are a cell's."""
    said = write_varint(size)
    for start in range(body - 1, max(body - 10, len(said)) - 1, -1):
        try:
            rowid, end = read_varint(data, start)
        except Unreadable:
            continue
        if end == body and data[start - len(said) : start] == said:
            return signed(rowid)
    return None


@lru_cache(maxsize=64)
def _header(layout: Layout) -> re.Pattern[bytes]:
    """The first bytes of a record: how long its header is, and types that fit the columns it must have.
    Rough; what it finds is looked at more closely."""
    types = b"".join(_types(can_be) for can_be in layout.serials[: layout.least])
    return re.compile(rb"[\x02-\xff]" + types, re.DOTALL)


def _types(can_be: frozenset[int]) -> bytes:
    short = b"".join(b"\\x%02x" % serial for serial in sorted(can_be) if serial < 12)
    choices = [b"[" + short + b"]"] if short else []
    if can_be - set(range(12)):
        choices.append(_LONG)
    return b"(?:" + b"|".join(choices) + b")"
