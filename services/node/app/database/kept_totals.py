"""How many bytes this file keeps of each branch that cannot be used yet, counted as the rows are written.

The totals live beside the writer's connection and not in the file: triggers of that connection change them,
in the transaction that changes the rows, so what is undone is undone of both. They are counted from the rows
when the file is opened, so no migration, no copy that was put back and no salvage can leave them wrong.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Literal

Pool = Literal["own", "handed", "rows"]
"""What is kept of a branch: its `own` events that are parked, parked events that it `handed` over, and `rows`
of it that only newer versions know."""


class KeptTotals:
    """Keeps the totals beside a connection what the rows say."""

    def __init__(self) -> None:
        self._counted: tuple[sqlite3.Connection, int] | None = None

    def follow(self, connection: sqlite3.Connection) -> None:
        """Follow every row that this connection writes. Call it before each transaction of it: the rows are
        counted anew where it is another connection, or where yet another one has written to the file.

        No row may be put in another's place (INSERT OR REPLACE): SQLite tells no trigger of the row that
        went.
        """
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        if self._counted != (connection, version):
            connection.executescript(_FOLLOW)
            self._counted = connection, version

    def is_true(self, connection: sqlite3.Connection) -> bool:
        """Whether the totals beside a connection are the sums of its rows; so they are where it is not
        followed yet. It reads every row that is kept."""
        if self._counted is None or self._counted[0] is not connection:
            return True
        kept, counted = (
            {(row[0], row[1]): row[2] for row in connection.execute(query) if row[2]}
            for query in ("SELECT pool, branch, bytes FROM kept_bytes", _COUNTED)
        )
        return kept == counted


def of_branch(connection: sqlite3.Connection, branch: str) -> Mapping[Pool, int]:
    """The bytes kept of a branch, by pool, of a connection that is followed. A pool may be absent."""
    query = "SELECT pool, bytes FROM kept_bytes WHERE branch = ?"
    return {row[0]: row[1] for row in connection.execute(query, (branch.encode(),))}


# By table: the pool, the branch and the size of one of its rows. The branch is bytes, since that of an
# altered row need not be a text.
_SIZES: dict[str, tuple[str, str, str]] = {
    "parked": (
        "CASE {row}.donor WHEN '' THEN 'own' ELSE 'handed' END",
        "CAST(CASE {row}.donor WHEN '' THEN {row}.origin"
        " ELSE substr({row}.donor, 1, instr({row}.donor, '@') - 1) END AS BLOB)",
        "LENGTH(CAST({row}.body AS BLOB)) + LENGTH(CAST({row}.reason AS BLOB))",
    ),
    "unknown_rows": ("'rows'", "CAST({row}.origin AS BLOB)", "LENGTH(CAST({row}.row AS BLOB))"),
}


def _said(table: str, row: str) -> tuple[str, str, str]:
    pool, branch, size = (words.format(row=row) for words in _SIZES[table])
    return pool, branch, size


def _counted() -> Iterator[str]:
    for table in _SIZES:
        pool, branch, size = _said(table, table)
        yield f"SELECT {pool}, {branch}, SUM({size}) FROM main.{table} GROUP BY 1, 2"


def _triggers() -> Iterator[str]:
    for table in _SIZES:
        for when, changes in (
            ("INSERT", (("NEW", ""),)),
            ("DELETE", (("OLD", "-"),)),
            ("UPDATE", (("OLD", "-"), ("NEW", ""))),
        ):
            statements = " ".join(_adding(table, row, sign) for row, sign in changes)
            yield (
                f"CREATE TEMP TRIGGER IF NOT EXISTS kept_{table}_{when.lower()} AFTER {when} ON main.{table}"
                f" BEGIN {statements} END;"
            )


def _adding(table: str, row: str, sign: str) -> str:
    pool, branch, size = _said(table, row)
    return (
        f"INSERT INTO kept_bytes VALUES ({pool}, {branch}, {sign}({size}))"
        " ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;"
    )


_COUNTED = " UNION ALL ".join(_counted())
_FOLLOW = f"""
    CREATE TEMP TABLE IF NOT EXISTS kept_bytes
        (pool TEXT, branch BLOB, bytes INTEGER, PRIMARY KEY (branch, pool));
    DELETE FROM kept_bytes;
    INSERT INTO kept_bytes {_COUNTED};
    {"".join(_triggers())}
"""
