"""What the writer remembers of rows, so that the next command need not read and check them again.

An entry is what `Mirrored.load` read, or what a command of this writer made of it. It is never older than the
file, because

- triggers of the writer's own connection drop the entry of every row that SQL changes, whoever wrote the SQL;
- everything is dropped when something is undone, when a new epoch begins, when another connection has written
  to the file (`PRAGMA data_version`), and when this one was used outside a group (`total_changes`);
- what a command changes of an entry stays apart until the command succeeds.

An altered row is never mirrored: reading it raises.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.database.comparison import Comparison

T = TypeVar("T")

MOST_ENTRIES = 20_000
"""Entries of one kind. Beyond, the kind is dropped after the group, and begun anew."""

_ALL = "*"
# By table: the kind whose entry a changed row belongs to, and the column with the entry's key. Without one,
# the whole kind is dropped.
_FOLLOWED: dict[str, tuple[str, str | None]] = {
    "products": ("products", None),
    "customers": ("customers", None),
    "stock": ("cells", "product_id"),
    "stock_grants": ("cells", "product_id"),
    "hearsay_cells": ("cells", "product_id"),
    "altered_rows": (_ALL, None),
}


class StaleMirror(Exception):
    """The mirror is not what the file says."""


@dataclass(frozen=True)
class Mirrored(Generic[T]):
    """A kind of entries. `load` reads one by its key, and raises what a command gets that needs it. None, for
    a row that is not there, is not remembered. `load_all` reads many at once, to compare them."""

    name: str
    load: Callable[[sqlite3.Connection, str], T | None]
    load_all: Callable[[sqlite3.Connection, Collection[str]], Mapping[str, T]]


class Mirror:
    """The entries, by kind and key. One command at a time uses it."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Any]] = {}
        self._loads: dict[str, Callable[[sqlite3.Connection, Collection[str]], Mapping[str, Any]]] = {}
        self._changed: dict[str, dict[str, Any]] = {}
        self._is_deaf = False
        self._comparison = Comparison()

    def find(self, kind: Mirrored[T], key: str, connection: sqlite3.Connection) -> T | None:
        """The entry, read from the file if it is not here."""
        changed = self._changed.get(kind.name) if self._changed else None
        entry: T | None = changed.get(key) if changed else None
        if entry is None:
            entries = self._kinds.get(kind.name)
            if entries is None:
                entries = self._kinds[kind.name] = {}
                self._loads[kind.name] = kind.load_all
            entry = entries.get(key)
            if entry is None:
                entry = kind.load(connection, key)
                if entry is not None:
                    entries[key] = entry
        return entry

    def change(self, kind: Mirrored[T], entries: Mapping[str, T]) -> None:
        """Replace entries, by their keys, by what the running command makes of them. The command defers the
        rows itself."""
        self._changed.setdefault(kind.name, {}).update(entries)

    def keep(self) -> None:
        """The running command succeeded: what it changed holds."""
        for name, entries in self._changed.items():
            self._kinds.setdefault(name, {}).update(entries)
        self._changed.clear()

    def forget_changes(self) -> None:
        """The running command failed before it wrote anything to the file."""
        self._changed.clear()

    def drop(self) -> None:
        """Forget everything."""
        self._kinds.clear()
        self._changed.clear()

    def shrink(self) -> None:
        """Forget kinds that have grown too large. Only between groups: no deferred row may lose its entry."""
        for entries in self._kinds.values():
            if len(entries) > MOST_ENTRIES:
                entries.clear()

    def follow(self, connection: sqlite3.Connection) -> None:
        """Hear from now on of every row that this connection writes."""
        self.drop()
        self._comparison = Comparison()
        connection.create_function("mirror_touched", 2, self._touched)
        connection.executescript(_TRIGGERS)

    def _touched(self, kind: str, key: bytes | None) -> None:
        if self._is_deaf:
            return
        if kind == _ALL:
            self.drop()
        elif key is None:
            self._kinds.pop(kind, None)
        else:
            name = key.decode("utf-8", "replace")  # a row whose key was altered goes, and has no entry
            self._changed.get(kind, {}).pop(name, None)
            self._kinds.get(kind, {}).pop(name, None)

    @contextmanager
    def writing_deferred(self) -> Iterator[None]:
        """While deferred rows are written: their entries say already what the rows will say."""
        self._is_deaf = True
        try:
            yield
        finally:
            self._is_deaf = False

    def require_true(self, connection: sqlite3.Connection) -> None:
        """Compare every entry with the file, which has all that was deferred. Raises StaleMirror."""
        for name, entries in self._kinds.items():
            if not entries:
                continue
            try:
                found = self._comparison.found(connection, name, entries, self._loads[name])
            except Exception as error:
                raise StaleMirror(f"{name}: a row in the file cannot be used: {error!r}") from error
            for key, entry in entries.items():
                if found.get(key) != entry:
                    raise StaleMirror(f"{name} {key}: here {entry!r}, in the file {found.get(key)!r}")


def _triggers() -> Iterator[str]:
    for table, (kind, column) in _FOLLOWED.items():
        for when, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            yield _trigger(table, when, kind=kind, key=f"{row}.{column}" if column else "NULL")
        if column:
            yield _trigger(table, f"UPDATE OF {column}", kind=kind, key=f"OLD.{column}")


def _trigger(table: str, when: str, *, kind: str, key: str) -> str:
    name = f"mirror_{table}_{when.replace(' ', '_').lower()}"
    return (
        f"CREATE TEMP TRIGGER IF NOT EXISTS {name} AFTER {when} ON main.{table}"
        f" BEGIN SELECT mirror_touched('{kind}', CAST({key} AS BLOB)); END;"
    )


_TRIGGERS = "PRAGMA temp_store = MEMORY; " + "\n".join(_triggers())
