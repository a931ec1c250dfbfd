"""What the file has of the rows that a mirror's entries are made of. For tests, which compare a writer's
mirror with the file after every group: rows that are as they were before are not loaded again."""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from typing import Any

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "products": ("products",),
    "customers": ("customers",),
    "cells": ("stock", "stock_grants", "hearsay_cells", "own_cells"),
}
"""By kind of entry: the tables that it is made of, beside who this is by the `node` row, and `altered_rows`.
An entry of any other kind is loaded each time."""

WHO = ("cluster_id", "name", "epoch")
"""What entries may take from the `node` row."""

_WHO = f"SELECT json_array({', '.join(WHO)}) FROM node WHERE NOT EXISTS (SELECT 1 FROM altered_rows)"

Load = Callable[[sqlite3.Connection, Collection[str]], Mapping[str, Any]]


class Comparison:
    """Loads entries by one connection. Each time it reads every row that they are made of as one text, and it
    remembers what it loaded as long as that stays the same. What it remembers no command can change."""

    def __init__(self) -> None:
        self._queries: dict[str, str] = {}
        self._texts: dict[str, tuple[str, ...] | None] = {}
        self._loaded: dict[str, dict[str, Any]] = {}

    def found(
        self, connection: sqlite3.Connection, kind: str, keys: Collection[str], load: Load
    ) -> Mapping[str, Any]:
        """What `load` gives of these keys by the file as it is now; it may be of more keys. Raises what
        `load` raises."""
        text = self._text(connection, kind)
        if text is None or text != self._texts.get(kind):
            self._loaded[kind] = {}
        self._texts[kind], loaded = text, self._loaded[kind]
        if unknown := [key for key in keys if key not in loaded]:
            loaded.update(load(connection, unknown))
        return loaded

    def _text(self, connection: sqlite3.Connection, kind: str) -> tuple[str, ...] | None:
        """All those rows; None where no text can be had of them, or where one is altered."""
        if kind not in MADE_OF:
            return None
        try:
            row: tuple[str | None, ...] = tuple(connection.execute(self._query(connection, kind)).fetchone())
        except sqlite3.Error:
            return None
        return tuple(text for text in row if text) if row[0] else None

    def _query(self, connection: sqlite3.Connection, kind: str) -> str:
        if kind not in self._queries:
            tables = (_rows(connection, table) for table in MADE_OF[kind])
            self._queries[kind] = f"SELECT ({'), ('.join((_WHO, *tables))})"
        return self._queries[kind]


def _rows(connection: sqlite3.Connection, table: str) -> str:
    names = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
    return f"SELECT json_group_array(json_array({names})) FROM {table}"
