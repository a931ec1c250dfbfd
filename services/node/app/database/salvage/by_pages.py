"""The rows and keys of a damaged file, page by page, without SQLite."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from app.database.salvage.carving import carve
from app.database.salvage.cells import INDEX, TABLE_LEAF, Cell, Page
from app.database.salvage.layouts import SCHEMA, key_layout
from app.database.salvage.pages import Version
from app.database.salvage.records import Layout, Value
from app.database.salvage.survey import Survey, fits, likeliest

Way = Literal["sql", "page", "loose", "carved", "free", "old"]
"""How a row was found: by SQLite; in a page of its table; in a page that no b-tree leads to; in a damaged
page, without its order; in a page that was given up; in a version of a page that is replaced. A row found in
one of the last three ways may have been changed or deleted since."""

Found = tuple[Layout, tuple[Value, ...], Way]


class PageReader:
    """Reads the tables in `wanted`. `known` are the layouts of all tables that are known, the wanted ones
    among them: a page that no b-tree leads to is of that which it is most like."""

    def __init__(self, survey: Survey, *, wanted: Iterable[str], known: Mapping[str, Layout]) -> None:
        self._survey = survey
        self._known = known
        self._all = [SCHEMA, *known.values()]
        self._wanted = [known[name] for name in wanted]

    def rows(self) -> Iterator[Found]:
        """Every row that can be read, the newest known first; the same one as often as it is found."""
        survey = self._survey
        newest = survey.file.newest
        loose: list[int] = []
        for number, kind in enumerate(survey.kinds):
            if kind != TABLE_LEAF:
                continue
            if number in survey.owners:
                yield from self._in_page(newest(number), self._owned(number), "page")
            elif number not in survey.free:
                loose.append(number)
        for number in loose:
            yield from self._in_page(newest(number), None, "loose")
        for number in sorted(survey.damaged):
            yield from self._in_disorder(newest(number), "carved")
        for number in sorted(survey.free - set(survey.owners)):
            yield from self._in_page(newest(number), None, "free")
            yield from self._in_disorder(newest(number), "free")
        for version in survey.file.older():
            owners = self._owned(version.number) if version.number in survey.owners else None
            yield from self._in_page(version, owners, "old")

    def keys(self, table: Layout) -> tuple[set[tuple[Value, ...]], set[tuple[Value, ...]]]:
        """The primary keys that the table's index names, and those in pages that may be of it."""
        index = key_layout(table)
        named: set[tuple[Value, ...]] = set()
        perhaps: set[tuple[Value, ...]] = set()
        if index is None:
            return named, perhaps
        for number, kind in enumerate(self._survey.kinds):
            if kind not in INDEX:
                continue
            owners = self._survey.owners.get(number, set())
            if index.name in owners:
                into = named
            elif owners or number in self._survey.free:
                continue
            else:
                into = perhaps
            version = self._survey.file.newest(number)
            data, page = self._survey.page(version)
            into.update(values[:-1] for values in self._values(version, data, page.cells, index))
        return named, perhaps - named

    def _owned(self, number: int) -> list[Layout]:
        """The layouts of the tables that the page belongs to, as far as they are known."""
        return [self._known[name] for name in self._survey.owners[number] if name in self._known]

    def _in_page(self, version: Version, owners: list[Layout] | None, way: Way) -> Iterator[Found]:
        """The rows that the page's own pointers lead to."""
        data, page = self._survey.page(version)
        if page.kind != TABLE_LEAF:
            return
        for layout in self._of(data, page, owners):
            for values in self._values(version, data, page.cells, layout):
                yield layout, values, way

    def _of(self, data: bytes, page: Page, owners: list[Layout] | None) -> list[Layout]:
        """The wanted tables that the page can be of: that which it belongs to, unless no record says so."""
        likely = [one for one in owners or () if any(fits(data, cell, one) for cell in page.cells)]
        return [layout for layout in likely or likeliest(data, page, self._all) if layout in self._wanted]

    def _in_disorder(self, version: Version, way: Way) -> Iterator[Found]:
        """The rows of which the page's order, if it has one, need not know."""
        owners = self._survey.owners.get(version.number)
        data, page = self._survey.page(version)
        if page.whole or not any(data):
            return
        for layout in self._wanted:
            if owners is None or layout.name in owners:
                cells = carve(data, layout, usable=self._survey.file.usable)
                for values in self._values(version, data, cells, layout, errors="strict"):
                    yield layout, values, way

    def _values(
        self, version: Version, data: bytes, cells: Iterable[Cell], layout: Layout, *, errors: str = "replace"
    ) -> Iterator[tuple[Value, ...]]:
        for cell in cells:
            values = self._survey.values(version, data, cell, layout, errors=errors)
            if values is not None:
                yield values
