"""A table whose columns have a meaning: it gives values by their names, and collects what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from branchlab.language import _
from branchlab.teaching.replay.faults import Fault
from branchlab.teaching.replay.meaning.columns import Located
from branchlab.teaching.replay.meaning.numbers import Mark, is_cents, is_whole, read_number
from branchlab.teaching.replay.reading.table import Row, Table


@dataclass
class Sheet:
    """A table, where its columns are, and all faults found so far."""

    table: Table
    located: Located
    faults: list[Fault] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.faults += [*self.table.faults, *self.located.faults]

    @property
    def is_legible(self) -> bool:
        """Whether its rows can be read at all."""
        return not any(fault.extent == "file" for fault in self.faults)

    def has(self, column: str) -> bool:
        return column in self.located.cells

    def text(self, row: Row, column: str) -> str:
        """The value of a column, which the table must have."""
        return row.cells[self.located.cells[column]]

    def values(self, column: str) -> list[str]:
        """All values of a column that are not empty; none where there is no such column."""
        if not self.has(column):
            return []
        return [text for row in self.table.rows if (text := self.text(row, column))]

    def spoil(self, row: Row, column: str, reason: str) -> None:
        """Notes that a row has a fault in a column."""
        value = self.text(row, column)
        self.faults.append(Fault(self.table.file, row.line, column, value, reason, row.cells))
        self.bad.add(row.line)

    def require(self, row: Row, column: str, reason: str | None) -> None:
        """Notes a fault where there is a reason for one."""
        if reason is not None:
            self.spoil(row, column, reason)

    def cents(self, row: Row, column: str, mark: Mark, *, most: int) -> int:
        """The cents of an amount; 0 with a fault for anything else."""
        number = self._number(row, column, mark)
        if number is not None and is_cents(number) and number * 100 <= most:
            return int(number * 100)
        example = "18.00" if mark == "." else "18,00"
        self._spoil_number(
            row, column, _("is no amount in whole cents such as {example}", example=example), number
        )
        return 0

    def units(self, row: Row, column: str, mark: Mark, *, most: int) -> int:
        """A number of units; 0 with a fault for anything else."""
        number = self._number(row, column, mark)
        if number is not None and is_whole(number) and 1 <= number <= most:
            return int(number)
        self._spoil_number(row, column, _("is no whole number from 1 to {most}", most=most), number)
        return 0

    def _number(self, row: Row, column: str, mark: Mark) -> Decimal | None:
        return read_number(self.text(row, column), mark)

    def _spoil_number(self, row: Row, column: str, reason: str, number: Decimal | None) -> None:
        text = self.text(row, column)
        if not text:
            reason = _("is empty")
        elif number is None and text[0] in "-−(":
            reason += _("; returns and cancellations are no orders")
        self.spoil(row, column, reason)


def in_order(sheets: Sequence[Sheet]) -> tuple[Fault, ...]:
    """All faults, by file and line."""
    return tuple(
        fault
        for sheet in sheets
        for fault in sorted(sheet.faults, key=lambda fault: (fault.line, fault.column or ""))
    )
