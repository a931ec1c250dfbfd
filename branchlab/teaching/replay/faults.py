"""What is wrong with a history: where, which value, and why; as lines for a person and as a CSV file."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from branchlab.errors import LabError
from branchlab.language import _

MOST_SHOWN = 50
_LONGEST_VALUE = 60  # characters of a value on screen; `rejected.csv` has all of it
_HEADING = ("file", "line", "column", "value", "reason", "row")

Extent = Literal["row", "file"]


@dataclass(frozen=True)
class Fault:
    """One reason why a line, or with `extent` "file" a whole file, cannot be played. `line` is the line of
    the file where the row begins; `column` is None for the row as a whole; `row` is what the file has
    there."""

    file: str
    line: int
    column: str | None
    value: str
    reason: str
    row: tuple[str, ...] = ()
    extent: Extent = "row"

    def __str__(self) -> str:
        """One line for the screen."""
        column = _(", column {column}", column=self.column) if self.column is not None else ""
        value = f", '{_shown(self.value)}'" if self.value else ""
        return _(
            "{file} line {line}{column}{value}: {reason}",
            file=self.file,
            line=self.line,
            column=column,
            value=value,
            reason=self.reason,
        )


def lines(faults: Sequence[Fault]) -> list[str]:
    """The first faults, one line each, and how many more there are."""
    hidden = len(faults) - MOST_SHOWN
    return [
        *map(str, faults[:MOST_SHOWN]),
        *([_("… and {hidden} more faults", hidden=hidden)] if hidden > 0 else []),
    ]


def write_rejected(faults: Iterable[Fault], path: Path) -> None:
    """Writes every fault with its whole row to a CSV file. LabError when that cannot be written."""
    try:
        # What is no UTF-8 in the file must not keep the others from being written.
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_HEADING)
            for fault in faults:
                row = _as_csv(fault.row)
                writer.writerow((fault.file, fault.line, fault.column or "", fault.value, fault.reason, row))
    except OSError as error:
        raise LabError(
            _(
                "cannot write {path}: {strerror}; name another place with --rejected",
                path=path,
                strerror=error.strerror,
            )
        ) from None


def _as_csv(row: Sequence[str]) -> str:
    quoted = (f'"{cell.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(cell) else cell for cell in row)
    return ",".join(quoted)


def _needs_quotes(cell: str) -> bool:
    return any(character in cell for character in ',"\r\n')


def _shown(value: str) -> str:
    """A value on one line of any terminal: what cannot be seen is written as its escape."""
    short = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)
