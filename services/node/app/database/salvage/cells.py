"""One b-tree page: its cells, as far as they can be read, and whether all of it is as it should be. Pure.

Section 1.6 of sqlite.org/fileformat2.html.
"""

from dataclasses import dataclass
from typing import NamedTuple

from app.database.salvage.records import Unreadable, read_varint, signed

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
_KINDS = frozenset((INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF))
INTERIOR = frozenset((INDEX_INTERIOR, TABLE_INTERIOR))
INDEX = frozenset((INDEX_INTERIOR, INDEX_LEAF))

FILE_HEADER = 100  # bytes that stand before the b-tree of page 1 (1.3)
_LEAST_CELL = 4  # bytes; a freed cell must have room for the head of a free block


class Cell(NamedTuple):
    """Where a cell stands in its page, and what it says. The first `local` of the payload's `size` bytes
    begin at `body`; the others are in the chain of pages that begins with `overflow`."""

    start: int
    end: int
    rowid: int
    size: int = 0
    body: int = 0
    local: int = 0
    overflow: int = 0
    child: int = 0


@dataclass(frozen=True)
class Page:
    """A b-tree page. `whole` says that every byte of it is accounted for, which chance does not bring about;
    otherwise `cells` are those that can be read. `kind` 0 is no b-tree page."""

    kind: int
    cells: tuple[Cell, ...] = ()
    right: int = 0
    whole: bool = False

    def children(self) -> tuple[int, ...]:
        """The pages below an interior page, in order."""
        if self.kind not in INTERIOR:
            return ()
        return (*(cell.child for cell in self.cells), self.right)


NO_PAGE = Page(0)


def read_page(data: bytes, *, number: int, usable: int) -> Page:
    """What stands in page `number`. `usable` is the page's size less what is reserved at its end."""
    head = FILE_HEADER if number == 1 else 0
    kind = data[head] if len(data) >= head + 12 else 0
    if kind not in _KINDS:
        return NO_PAGE
    pointers = head + (12 if kind in INTERIOR else 8)
    count = int.from_bytes(data[head + 3 : head + 5], "big")
    room = max(0, (usable - pointers) // 2)
    places = [
        int.from_bytes(data[at : at + 2], "big") for at in range(pointers, pointers + 2 * min(count, room), 2)
    ]
    cells: list[Cell] = []
    for place in places:
        try:
            if place < pointers + 2 * len(places):
                raise Unreadable("a cell stands among the pointers")
            cells.append(_read_cell(data, place, kind=kind, usable=usable))
        except Unreadable:
            continue
    right = int.from_bytes(data[head + 8 : head + 12], "big") if kind in INTERIOR else 0
    whole = len(cells) == count and _adds_up(data, cells, head=head, pointers=pointers, usable=usable)
    return Page(kind, tuple(cells), right, whole)


def local_size(size: int, *, kind: int, usable: int) -> int:
    """How much of a payload of `size` bytes stands in the cell itself."""
    most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    kept = least + (size - least) % (usable - 4)
    return kept if kept <= most else least


def _read_cell(data: bytes, start: int, *, kind: int, usable: int) -> Cell:
    at, child, rowid = start, 0, 0
    if kind in INTERIOR:
        at += 4
        child = int.from_bytes(data[start:at], "big")
    if kind == TABLE_INTERIOR:
        rowid, at = read_varint(data, at)
        return Cell(start, _end(start, at, usable), signed(rowid), child=child)
    size, at = read_varint(data, at)
    if kind == TABLE_LEAF:
        rowid, at = read_varint(data, at)
    local = local_size(size, kind=kind, usable=usable)
    end = at + local
    overflow = 0
    if local < size:
        overflow = int.from_bytes(data[end : end + 4], "big")
        end += 4
    return Cell(start, _end(start, end, usable), signed(rowid), size, at, local, overflow, child)


def _end(start: int, end: int, usable: int) -> int:
    end = max(end, start + _LEAST_CELL)
    if end > usable:
        raise Unreadable("a cell goes past the end of its page")
    return end


def _adds_up(data: bytes, cells: list[Cell], *, head: int, pointers: int, usable: int) -> bool:
    """Whether cells, free blocks and fragments fill the page's content area exactly, as SQLite's own check
    wants it."""
    content = int.from_bytes(data[head + 5 : head + 7], "big") or 65536
    if not pointers + 2 * len(cells) <= content <= usable:
        return False
    taken = [(cell.start, cell.end) for cell in cells]
    block, last = int.from_bytes(data[head + 1 : head + 3], "big"), 0
    while block:
        if block <= last or block + 4 > usable:  # free blocks stand in the order of the page
            return False
        size = int.from_bytes(data[block + 2 : block + 4], "big")
        taken.append((block, block + size))
        last, block = block, int.from_bytes(data[block : block + 2], "big")
    at, loose = content, 0
    for start, end in sorted(taken):
        if start < at or end <= start:
            return False
        loose += start - at
        at = end
    return at <= usable and loose + usable - at == data[head + 7]
