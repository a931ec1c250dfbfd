"""What each page of a damaged file is, and of which table, as far as the file still tells.

A page belongs to the b-tree from whose root whole interior pages lead to it; an interior page that is damaged
is not asked. All pages are looked at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.database.salvage.cells import INTERIOR, TABLE_LEAF, Cell, Page, read_page
from app.database.salvage.layouts import SCHEMA, Entry, as_entry, table_layout
from app.database.salvage.pages import PageFile, Version
from app.database.salvage.records import Layout, Unreadable, Value, read_serials, read_values

_LOCK_BYTE = 1 << 30  # the page with this byte is never used (1.4)


class Survey:
    """One look at all pages of `file` in their newest versions."""

    def __init__(self, file: PageFile) -> None:
        self.file = file
        self.free = file.free()
        self.kinds = bytearray(file.count + 1)
        self.damaged: set[int] = set()
        """The pages of which not everything can be read; no free ones and none that was never used."""
        self._below: dict[int, tuple[int, ...]] = {}
        self._look()
        self.entries: Mapping[str, Entry] = self._schema()
        self.owners: dict[int, set[str]] = {}
        """By page, the tables and indexes whose root leads to it: one, in a sound file."""
        for entry in self.entries.values():
            for number in self._under(entry.root):
                self.owners.setdefault(number, set()).add(entry.name)

    def page(self, version: Version) -> tuple[bytes, Page]:
        """A page's bytes, and what stands in them."""
        data = self.file.content(version)
        return data, read_page(data, number=version.number, usable=self.file.usable)

    def layouts(self) -> dict[str, Layout]:
        """The tables of which the file itself keeps a statement that SQLite understands."""
        found = {name: table_layout(entry.sql) for name, entry in self.entries.items() if entry.sql}
        # A statement with another name in it than the entry's is damaged.
        return {n: layout for n, layout in found.items() if layout is not None and layout.name == n}

    def values(
        self, version: Version, data: bytes, cell: Cell, layout: Layout, *, errors: str = "replace"
    ) -> tuple[Value, ...] | None:
        """A cell's record as the layout's values; None when it is none of this layout."""
        try:
            if cell.local < cell.size and not fits(data, cell, layout):
                return None  # before a chain of pages is followed that may be chance
            payload = self.file.payload(version, data, cell)
            return read_values(payload, layout, rowid=cell.rowid, errors=errors)
        except Unreadable:
            return None

    def _look(self) -> None:
        chained: set[int] = set()
        suspect: list[int] = []
        for number in range(1, self.file.count + 1):
            _, page = self.page(self.file.newest(number))
            self.kinds[number] = page.kind
            if not page.whole:
                suspect.append(number)
                continue
            if page.kind in INTERIOR:
                self._below[number] = page.children()
            for cell in page.cells:
                if cell.local < cell.size:
                    chained.update(self.file.chain(cell))
        never = _LOCK_BYTE // self.file.page_size + 1
        self.damaged = set(suspect) - chained - self.free - {never}

    def _under(self, root: int) -> Iterator[int]:
        waiting, seen = [root], set[int]()
        while waiting:
            number = waiting.pop()
            if 1 <= number <= self.file.count and number not in seen:
                seen.add(number)
                yield number
                waiting += self._below.get(number, ())

    def _schema(self) -> Mapping[str, Entry]:
        """The entries under page 1; when that is damaged or leads to damage, those that stand anywhere."""
        first = set(self._under(1))
        found: dict[str, Entry] = {}
        self._collect(found, (self.file.newest(number) for number in sorted(first)))
        if not found or first & self.damaged:
            others = (n for n in range(2, self.file.count + 1) if n not in first)
            self._collect(found, (self.file.newest(n) for n in others if self.kinds[n] == TABLE_LEAF))
            self._collect(found, self.file.older())
        return found

    def _collect(self, found: dict[str, Entry], versions: Iterable[Version]) -> None:
        for version in versions:
            data, page = self.page(version)
            if page.kind != TABLE_LEAF:
                continue
            for cell in page.cells:
                values = self.values(version, data, cell, SCHEMA)
                entry = as_entry(values, last_page=self.file.count) if values else None
                if entry is not None:
                    found.setdefault(entry.name, entry)


def fits(data: bytes, cell: Cell, layout: Layout) -> bool:
    """Whether a cell's record can be of this layout, by what stands in the page itself."""
    try:
        serials, _, length = read_serials(data, cell.body)
    except Unreadable:
        return False
    return length == cell.size and layout.fits(serials)


def likeliest(data: bytes, page: Page, layouts: Sequence[Layout]) -> list[Layout]:
    """Of which of these layouts the page's records are most probably: several when nothing tells them apart.
    A record with all columns says more than one that may be older than some."""
    scores = [0] * len(layouts)
    for cell in page.cells:
        try:
            serials, _, length = read_serials(data, cell.body)
        except Unreadable:
            continue
        if length != cell.size:
            continue
        for index, layout in enumerate(layouts):
            if layout.fits(serials):
                scores[index] += 2 if len(serials) == len(layout.columns) else 1
    best = max(scores, default=0)
    return [layout for layout, score in zip(layouts, scores, strict=True) if score == best > 0]
