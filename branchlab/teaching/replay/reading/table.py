"""A text as a table: which character separates its columns, its heading, its rows."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from branchlab.language import N_, _
from branchlab.teaching.replay.faults import Fault
from branchlab.teaching.replay.reading.decoding import Undecodable, decode

_SEPARATORS = (",", ";", "\t", "|")
_NAMED = re.compile(r'\A"?sep=(.)"?[^\S\r\n]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The first line by which Excel is told the separator."""

_OTHER_COUNT = N_("has {found} values, the heading has {wanted}")
_LONGEST_FIELD = 1 << 20  # characters; what is longer is a quote that nobody closed

IsKnown = Callable[[str], bool]


@dataclass(frozen=True)
class Row:
    """One row: the line of the file where it begins, and its values without outer blanks."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A file as read. Every row has as many cells as `heading`, whose line is `line`; rows that had not are
    in `faults`."""

    file: str
    heading: tuple[str, ...]
    line: int
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    separator: str
    encoding: str
    guessed: bool

    def first_beyond_ascii(self) -> str | None:
        """The first value with an accent or the like: whether the encoding is right can be seen by it."""
        cells = (cell for cells in (*(row.cells for row in self.rows), self.heading) for cell in cells)
        return next((cell for cell in cells if not cell.isascii()), None)


def read_table(file: str, data: bytes, *, is_known: IsKnown, encoding: str | None = None) -> Table:
    """The table in the bytes of a file. `is_known` says which column names have a meaning; the separator is
    the one that shows most of them. A file that is no text, or has no heading, is one fault."""
    try:
        decoded = decode(data, encoding)
    except Undecodable as reason:
        return Table(file, (), 1, (), (_whole(file, str(reason)),), ",", encoding or "", guessed=False)
    text, separator, skipped = decoded.text, None, 0
    if named := _NAMED.match(text):
        text, separator, skipped = text[named.end() :], named[1], 1
    separator = separator or _separator(text, is_known)
    records, faults = _records(file, text, separator, skipped)
    names, line = ((), 1) if not records else (_trimmed(records[0].cells), records[0].line)
    rows: list[Row] = []
    for record in records[1:]:
        row = _fitted(record, len(names))
        if row is None:
            faults.append(_uneven(file, record, len(names), separator))
        else:
            rows.append(row)
    if not records:
        faults.append(_whole(file, _("is empty")))
    faults.sort(key=lambda fault: fault.line)
    return Table(
        file, names, line, tuple(rows), tuple(faults), separator, decoded.encoding, guessed=decoded.guessed
    )


def _whole(file: str, reason: str) -> Fault:
    return Fault(file, 1, None, "", reason, extent="file")


def _separator(text: str, is_known: IsKnown) -> str:
    """The separator under which the heading has most known names, else most names."""

    def score(separator: str) -> tuple[int, int]:
        for _line, cells in _parsed(text, separator):
            if isinstance(cells, list) and any(cells):
                return sum(map(is_known, cells)), len(cells)
        return 0, 0

    return max(_SEPARATORS, key=score)


def _records(file: str, text: str, separator: str, skipped: int) -> tuple[list[Row], list[Fault]]:
    """Every row that is not blank, and a fault for each that is no CSV."""
    records, faults = [], []
    for line, cells in _parsed(text, separator):
        if isinstance(cells, csv.Error):
            faults.append(Fault(file, line + skipped, None, "", _words(cells)))
        elif any(cells):
            records.append(Row(line + skipped, tuple(cells)))
    return records, faults


def _parsed(text: str, separator: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """The line where each row begins, and its cells without outer blanks, or why it is no CSV. After a row
    that is none, the next line is read as one again."""
    csv.field_size_limit(_LONGEST_FIELD)
    # Lines end as files' lines do. str.splitlines would also end them at U+2028, U+0085, VT and FF.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield line, error


def _words(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end" in words or "field limit" in words:
        return _("opens a quote that is never closed")
    if "expected after" in words:
        return _('has text behind a closing quote; a quote inside a quoted value is written twice, as ""')
    return _("is no CSV: {words}", words=words)


def _trimmed(heading: tuple[str, ...]) -> tuple[str, ...]:
    """A heading without the nameless columns at its end, which a separator there leaves."""
    length = max(number for number, name in enumerate(heading, 1) if name)
    return heading[:length]


def _fitted(row: Row, length: int) -> Row | None:
    """The row with as many cells as the heading; empty ones beyond are dropped. None where it has not."""
    cells = row.cells
    if len(cells) < length or any(cells[length:]):
        return None
    return row if len(cells) == length else Row(row.line, cells[:length])


def _uneven(file: str, row: Row, length: int, separator: str) -> Fault:
    reason = _(_OTHER_COUNT, found=len(row.cells), wanted=length)
    if len(row.cells) > length and separator == ",":
        reason += _('; a comma inside a value needs quotes, as in "18,00"')
    return Fault(file, row.line, None, "", reason, row.cells)
