"""Reads what can still be read of a damaged file: by SQLite where it can, then page by page.

Nothing here raises on damage, and the file is never changed. What is returned stands in the file; whether it
was written there on purpose, only a checksum in the row itself can say.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from app.database.salvage.by_pages import PageReader, Way
from app.database.salvage.by_sql import UNREADABLE, SqlView, sql_view
from app.database.salvage.layouts import plain_layout, table_layout
from app.database.salvage.pages import PageFile
from app.database.salvage.records import Column, Layout, Value
from app.database.salvage.survey import Survey

Tables = Mapping[str, Sequence[str]]
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "INTEGER": int,
    "REAL": float,
    "TEXT": str,
    "BLOB": bytes,
    "ANY": (int, float, str, bytes),
}


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row as it stands in the file. A wanted column that the file's table does not have is missing."""

    table: str
    values: dict[str, Value]
    way: Way


@dataclass(frozen=True)
class Summary:
    """What was read. `damaged` pages are those of which not everything could be; `rows` counts by table and
    by way, each distinct row once. `sound` says that SQLite found nothing wrong."""

    pages: int
    damaged: int
    sound: bool
    rows: Mapping[str, Mapping[Way, int]]


@dataclass(frozen=True)
class Keys:
    """Primary keys that an index still names, each in the key's order. Those in `perhaps` stand in pages that
    no b-tree leads to: of this table's index, or of another that looks the same."""

    named: frozenset[tuple[Value, ...]]
    perhaps: frozenset[tuple[Value, ...]]


class Reading:
    """Iterating yields the rows; `summary` tells what has been read so far. See `read_rows`."""

    def __init__(
        self, path: Path, tables: Tables, *, workspace: Path, schema: Sequence[str], everywhere: bool
    ) -> None:
        self._path = path
        self._tables = tables
        self._workspace = workspace
        self._schema = schema
        self._everywhere = everywhere
        self._seen: set[bytes] = set()
        self._counts: dict[str, Counter[Way]] = {table: Counter() for table in tables}
        self._pages = self._damaged = 0
        self._sound = False

    @property
    def summary(self) -> Summary:
        rows = {table: dict(ways) for table, ways in self._counts.items()}
        return Summary(self._pages, self._damaged, self._sound, rows)

    def __iter__(self) -> Iterator[FoundRow]:
        with PageFile(self._path) as file:
            self._pages = file.count
            # Where the log has commits behind a damaged frame, SQLite's view is older than what can be read.
            if file.wal.plain:
                with sql_view(self._path, workspace=self._workspace) as view:
                    if view is not None:
                        self._sound = yield from self._by_sql(view)
            if self._everywhere or not self._sound or file.wal.torn:
                survey = Survey(file)
                self._damaged = len(survey.damaged)
                known = _layouts(survey, self._tables, self._schema)
                for layout, values, way in PageReader(survey, wanted=self._tables, known=known).rows():
                    named = {c.name: value for c, value in zip(layout.columns, values, strict=True)}
                    wanted = self._tables[layout.name]
                    yield from self._new(layout.name, {c: named[c] for c in wanted if c in named}, way)

    def _by_sql(self, view: SqlView) -> Generator[FoundRow, None, bool]:
        """The rows that SQLite reads; returns whether these are all."""
        complete = sound = view.is_sound()
        for table, wanted in self._tables.items():
            there = view.columns(table)
            columns = [column for column in wanted if column in there]
            complete = complete and bool(columns)
            if not columns:
                continue
            declared = _declared(view.statement(table), columns)
            try:
                for values in view.rows(table, columns):
                    # In a damaged tree SQLite may come into another table's pages.
                    if sound or _may_hold(declared, values):
                        yield from self._new(table, dict(zip(columns, values, strict=True)), "sql")
            except UNREADABLE:
                complete = False
        return complete and not view.odd_text

    def _new(self, table: str, values: dict[str, Value], way: Way) -> Iterator[FoundRow]:
        content = blake2b(repr((table, values)).encode("utf-8", "replace"), digest_size=16).digest()
        if content not in self._seen:
            self._seen.add(content)
            self._counts[table][way] += 1
            yield FoundRow(table, values, way)


def read_rows(
    path: Path, tables: Tables, *, workspace: Path, schema: Sequence[str] = (), everywhere: bool = False
) -> Reading:
    """Read the wanted columns of the wanted tables, from `path` and the log beside it.

    Each distinct content of a table is yielded once, the newest known first; so one key may come in several
    versions. Text that is no UTF-8 is read with U+FFFD in its place. The caller relies on no row and verifies
    each. `workspace` is a folder for a copy, with room for the file. `schema` are CREATE TABLE statements for
    the tables that the file itself no longer describes; without them such a table is known by its number of
    columns only. A file with which SQLite finds nothing wrong is read by SQLite alone, unless `everywhere`:
    then older versions of rows are looked for, too.

    Raises OSError when the file cannot be opened.
    """
    return Reading(path, tables, workspace=workspace, schema=schema, everywhere=everywhere)


def read_keys(path: Path, table: str, columns: Sequence[str], *, schema: Sequence[str] = ()) -> Keys:
    """The primary keys of a table that its automatic index names: more than its rows do, where pages of the
    table are damaged. Raises OSError when the file cannot be opened."""
    with PageFile(path) as file:
        survey = Survey(file)
        known = _layouts(survey, {table: columns}, schema)
        named, perhaps = PageReader(survey, wanted=(table,), known=known).keys(known[table])
        return Keys(frozenset(named), frozenset(perhaps))


def _layouts(survey: Survey, tables: Tables, schema: Sequence[str]) -> dict[str, Layout]:
    """The layout of every table: as the file describes it, or the caller where that is damaged."""
    told = {layout.name: layout for layout in map(table_layout, schema) if layout is not None}
    known = {**told, **survey.layouts()}
    for table, wanted in tables.items():
        described = known.get(table)
        if described is None:
            known[table] = plain_layout(table, wanted)
            continue
        newest = told.get(table, described)
        # An older file lacks columns and then has fewer; a damaged name leaves their number as it was.
        if _lacking(described, wanted) and len(described.columns) == len(newest.columns):
            known[table] = newest
    return known


def _lacking(layout: Layout, wanted: Sequence[str]) -> int:
    return len(set(wanted) - {column.name for column in layout.columns})


def _declared(statement: str | None, columns: Sequence[str]) -> list[Column]:
    layout = table_layout(statement) if statement else None
    found = {column.name: column for column in layout.columns} if layout else {}
    return [found.get(column, Column(column)) for column in columns]


def _may_hold(columns: Sequence[Column], values: Sequence[Value]) -> bool:
    return all(
        (not column.required if value is None else isinstance(value, _TYPES[column.kind]))
        for column, value in zip(columns, values, strict=True)
    )
