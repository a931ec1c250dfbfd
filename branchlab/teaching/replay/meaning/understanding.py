"""From the three tables of a history to what can be played of it, and all that cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from branchlab.language import _, counted
from branchlab.teaching.replay.faults import Fault
from branchlab.teaching.replay.history import History
from branchlab.teaching.replay.meaning import dates
from branchlab.teaching.replay.meaning.catalogue import read_customers, read_products
from branchlab.teaching.replay.meaning.columns import Kind, Told, locate, require_all_used
from branchlab.teaching.replay.meaning.dates import DateForm
from branchlab.teaching.replay.meaning.numbers import (
    Decision,
    Mark,
    decide,
    is_cents,
    is_whole,
    read_number,
    settle,
)
from branchlab.teaching.replay.meaning.orders import Forms, OrdersRead, read_orders
from branchlab.teaching.replay.meaning.sheet import Sheet, in_order
from branchlab.teaching.replay.reading.table import Table

_SEPARATORS = {"\t": "tab"}
_NUMBERS: Sequence[tuple[Kind, str]] = (
    ("products", "price"),
    ("orders", "quantity"),
    ("orders", "unit_price"),
)


@dataclass(frozen=True)
class Wanted:
    """What a person said about the files: which columns have which headings, the encoding, the form of dates
    as strptime has it, and the decimal mark."""

    told: tuple[Told, ...] = ()
    encoding: str | None = None
    date_format: str | None = None
    decimal: Mark | None = None


@dataclass(frozen=True)
class Understood:
    """A history as far as it can be played. `faults` are all reasons why some of it cannot, by file and line;
    `left_out` are the lines that go with a faulty one; `orders_left_out` counts the orders that cannot be
    played, `remarks` say how the files were read."""

    history: History
    faults: tuple[Fault, ...]
    left_out: tuple[Fault, ...]
    remarks: tuple[str, ...]
    orders_left_out: int

    @property
    def is_legible(self) -> bool:
        """Whether every file could be read at all."""
        return not any(fault.extent == "file" for fault in self.faults)


def understand(tables: Mapping[Kind, Table], wanted: Wanted) -> Understood:
    """What the tables say. LabError where `--map-columns` names a heading that no file has."""
    if all(table.heading for table in tables.values()):
        require_all_used(wanted.told, tables)
    sheets = {kind: Sheet(table, locate(table, kind, wanted.told)) for kind, table in tables.items()}
    marks = _marks(sheets, wanted.decimal)
    date = _date_form(sheets["orders"], wanted.date_format)
    for sheet in sheets.values():
        if not sheet.table.rows and not sheet.faults:
            sheet.faults.append(_file_fault(sheet, None, "", _("has no lines after its heading")))
    products = read_products(sheets["products"], marks["products", "price"].mark)
    customers = read_customers(sheets["customers"])
    forms = Forms(date, marks["orders", "quantity"].mark, marks["orders", "unit_price"].mark)
    read = read_orders(sheets["orders"], forms, products=products, customers=customers)
    remarks = [_file_remark(sheet) for sheet in sheets.values()]
    return Understood(
        history=History(tuple(products.entries.values()), tuple(customers.entries.values()), read.orders),
        faults=in_order(list(sheets.values())),
        left_out=read.left_out,
        remarks=(*remarks, *_form_remarks(sheets, marks, date, read)),
        orders_left_out=read.count_left_out,
    )


def _marks(sheets: Mapping[Kind, Sheet], given: Mark | None) -> dict[tuple[Kind, str], Decision]:
    """The decimal mark of each column of numbers. One that stays open is a fault of its file."""
    decided = [
        decide(sheets[kind].values(column), is_whole if column == "quantity" else is_cents)
        for kind, column in _NUMBERS
    ]
    settled = dict(zip(_NUMBERS, settle(decided, given), strict=True))
    for (kind, column), decision in settled.items():
        if decision.is_open:
            text = decision.clash or ""
            point, comma = (read_number(text, mark) for mark in (".", ","))
            reason = _(
                "is {point} with a decimal point, {comma} with a decimal comma",
                point=_said(point),
                comma=_said(comma),
            )
            sheet = sheets[kind]
            sheet.faults.append(
                _file_fault(
                    sheet,
                    column,
                    text,
                    _("{reason}; say which with --decimal point or --decimal comma", reason=reason),
                )
            )
    return settled


def _said(number: object) -> str:
    return _("no number") if number is None else f"{number}"


def _file_fault(sheet: Sheet, column: str | None, value: str, reason: str) -> Fault:
    line = next(
        (row.line for row in sheet.table.rows if column and sheet.text(row, column) == value),
        sheet.table.line,
    )
    return Fault(sheet.table.file, line, column, value, reason, extent="file")


def _date_form(sheet: Sheet, form: str | None) -> DateForm:
    return DateForm(None, form) if form is not None else dates.decide(sheet.values("date"))


def _file_remark(sheet: Sheet) -> str:
    """How a file was read, and what of it counts for nothing."""
    table = sheet.table
    count = len(table.rows)
    parts = [
        counted("{n} line", "{n} lines", count),
        table.encoding,
        _("separator {separators}", separators=_SEPARATORS.get(table.separator, table.separator)),
    ]
    if table.guessed:
        example = table.first_beyond_ascii()
        shown = _(", as in '{example}'", example=example[:40]) if example is not None else ""
        parts[1] = _(
            "not UTF-8, read as {encoding}{example} (if that is wrong: --encoding)",
            encoding=table.encoding,
            example=shown,
        )
    if sheet.located.ignored:
        parts.append(_("ignored columns: {ignored}", ignored=", ".join(sheet.located.ignored)))
    return f"{table.file}: {'; '.join(parts)}"


def _form_remarks(
    sheets: Mapping[Kind, Sheet],
    marks: Mapping[tuple[Kind, str], Decision],
    date: DateForm,
    read: OrdersRead,
) -> list[str]:
    remarks = []
    commas = [
        f"{sheets[kind].table.file} {name}"
        for (kind, name), one in marks.items()
        if one.mark == "," and any("," in text or "." in text for text in sheets[kind].values(name))
    ]
    if commas:
        remarks.append(_("decimal comma in {commas}", commas=", ".join(commas)))
    if date.format is None and date.order != dates.ORDERS[0]:
        guess = _(" (another order fits as well: --date-format)") if date.is_guess else ""
        remarks.append(
            _(
                "{file}: dates are {order}{guess}",
                file=sheets["orders"].table.file,
                order=date.order,
                guess=guess,
            )
        )
    if read.several_times:
        remarks.append(
            _(
                "orders with lines of different times (the first line's counts): {several_times}",
                several_times=read.several_times,
            )
        )
    if read.moved:
        remarks.append(_("the file is not in order of time; the orders are played in that order"))
    return remarks
