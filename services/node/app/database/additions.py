"""What a migration adds to the replicated tables, and the statements that remove it again.

A migration only adds: a column with a default, or a table. So versions one step apart run side by side, and
the older one can open the newer one's file. The statements that remove the additions (`DOWN` of the
migration) are stored in the file. They move the fields and rows that the older version does not know to
`extra` and `unknown_rows`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Execute = Callable[[str], object]


@dataclass(frozen=True)
class AddedColumn:
    """A column added to a replicated table. With a `default` of None it is nullable; any other default is its
    wire default, too.

    It holds texts or integers. A time is an integer of milliseconds, since SQLite may turn a fraction in JSON
    into another fraction.
    """

    table: str
    name: str
    type: Literal["TEXT", "INTEGER"]
    default: str | int | None

    @property
    def up(self) -> tuple[str, ...]:
        """Add the column, and fill it from `extra` where an older version kept the field there. A row's seal
        covers its fields in either place, so it stays. A value that no node could have written is dropped,
        and its row is sealed anew."""
        at, type_ = f"'$.{self.name}'", f"'{self.type.lower()}'"  # as SQLite and JSON both call it
        kind = f"CASE WHEN json_valid(extra) THEN json_type(extra, {at}) END"
        value = f"json_extract(extra, {at})"
        kept = f"{kind} IS NOT NULL"
        fits = f"{kind} = {type_} AND typeof({value}) = {type_} AND {value} IS NOT {self._default}"
        null = "" if self.default is None else "NOT NULL "
        return (
            f"ALTER TABLE {self.table} ADD COLUMN {self.name} {self.type} {null}DEFAULT {self._default}",
            self._unseal(f"{kept} AND NOT ({fits})"),
            f"UPDATE {self.table} SET {self.name} = {value} WHERE {fits}",
            f"UPDATE {self.table} SET extra = NULLIF(json_remove(extra, {at}), '{{}}') WHERE {kept}",
        )

    @property
    def down(self) -> tuple[str, ...]:
        """Keep the column's values in `extra`, and drop the column."""
        extra = "CASE WHEN json_valid(extra) THEN extra ELSE '{}' END"
        return (
            f"UPDATE {self.table} SET extra = json_set({extra}, '$.{self.name}', {self.name})"
            f" WHERE {self.name} IS NOT {self._default}",
            f"ALTER TABLE {self.table} DROP COLUMN {self.name}",
        )

    @property
    def _default(self) -> str:
        if self.default is None:
            return "NULL"
        return str(self.default) if isinstance(self.default, int) else f"'{self.default}'"

    def _unseal(self, where: str) -> str:
        if self.table != "order_lines":
            return f"UPDATE {self.table} SET checksum = 0 WHERE {where}"
        return f"UPDATE orders SET checksum = 0 WHERE id IN (SELECT order_id FROM order_lines WHERE {where})"


@dataclass(frozen=True)
class AddedTable:
    """A replicated table (app.state.tables.lww_table) that a migration creates with Alembic's own words.
    `columns` are those of its form's first revision."""

    table: str
    columns: tuple[str, ...]

    @property
    def down(self) -> tuple[str, ...]:
        """Keep the table's rows as those of a relation that only newer versions know, and drop it."""
        pairs = ", ".join(f"'{name}', {name}" for name in self.columns)
        row = f"json_object({pairs})"
        more = f"substr({row}, 1, length({row}) - 1) || ',' || substr(extra, 2)"
        whole = f"CASE WHEN json_valid(extra) THEN {more} ELSE {row} END"
        relation = f"relation = '{self.table}'"
        return (
            "INSERT OR REPLACE INTO unknown_rows (relation, sha256, revision, origin, row)"
            f" SELECT '{self.table}', 'row ' || id, 1, (SELECT name FROM node), {whole} FROM {self.table}",
            *(
                f"DELETE FROM {counted} WHERE {relation}"
                for counted in ("digest_buckets", "canonical_forms", "altered_rows")
            ),
            f"DROP TABLE {self.table}",
        )


Addition = AddedColumn | AddedTable


def add(execute: Execute, columns: Sequence[AddedColumn]) -> None:
    """Add columns."""
    for column in columns:
        for statement in column.up:
            execute(statement)


def taking_away(additions: Sequence[Addition]) -> tuple[str, ...]:
    """The `DOWN` of a migration that made these additions: statements that undo the last one first."""
    return tuple(statement for addition in reversed(additions) for statement in addition.down)
