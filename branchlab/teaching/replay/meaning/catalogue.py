"""Products and customers from their tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from branchlab.language import _
from branchlab.nodes.contract import NewCustomer
from branchlab.nodes.keys import same_key
from branchlab.teaching.replay.history import HistoryProduct
from branchlab.teaching.replay.meaning import node_rules
from branchlab.teaching.replay.meaning.node_rules import key_fault, text_fault
from branchlab.teaching.replay.meaning.numbers import Mark
from branchlab.teaching.replay.meaning.sheet import Sheet
from branchlab.teaching.replay.reading.table import Row

Entry = TypeVar("Entry")

_DETAILS: Mapping[str, Callable[[str], str | None]] = {
    "contact": lambda text: text_fault(text, node_rules.CONTACT),
    "email": node_rules.email_fault,
    "phone": lambda text: text_fault(text, node_rules.PHONE),
    "city": lambda text: text_fault(text, node_rules.PLACE),
    "country": lambda text: text_fault(text, node_rules.PLACE),
}


@dataclass(frozen=True)
class Catalogue(Generic[Entry]):
    """The entries of a file by their key as nodes compare it, and the keys of lines that have faults, each
    with its place. `unread` says what of the file could not be read at all: any key may stand there."""

    file: str
    entries: Mapping[str, Entry]
    spoilt: Mapping[str, str]
    unread: str | None


def read_products(sheet: Sheet, mark: Mark) -> Catalogue[HistoryProduct]:
    """The products of a sheet; what is wrong is noted there."""

    def read(row: Row) -> HistoryProduct:
        sheet.require(row, "name", text_fault(sheet.text(row, "name"), node_rules.NAME))
        price = sheet.cents(row, "price", mark, most=node_rules.MOST_CENTS)
        return HistoryProduct(sheet.text(row, "sku"), sheet.text(row, "name"), price)

    return _read(sheet, "sku", read)


def read_customers(sheet: Sheet) -> Catalogue[NewCustomer]:
    """The customers of a sheet; what is wrong is noted there."""

    def read(row: Row) -> NewCustomer:
        sheet.require(row, "name", text_fault(sheet.text(row, "name"), node_rules.NAME))
        known = {name: text for name in _DETAILS if sheet.has(name) and (text := sheet.text(row, name))}
        for name, text in known.items():
            sheet.require(row, name, _DETAILS[name](text))
        body = {"code": sheet.text(row, "code"), "name": sheet.text(row, "name"), **known}
        return cast(NewCustomer, body)

    return _read(sheet, "code", read)


def _read(sheet: Sheet, key: str, read: Callable[[Row], Entry]) -> Catalogue[Entry]:
    entries: dict[str, Entry] = {}
    spoilt: dict[str, str] = {}
    first: dict[str, int] = {}
    for row in sheet.table.rows if sheet.is_legible else ():
        text = sheet.text(row, key)
        sheet.require(row, key, key_fault(text))
        entry, same = read(row), same_key(text)
        if text and first.setdefault(same, row.line) != row.line:
            sheet.spoil(
                row,
                key,
                _("is the {key} of line {first}, too; nodes take both for one", key=key, first=first[same]),
            )
        elif row.line in sheet.bad:
            spoilt[same] = _("{file} line {line}", file=sheet.table.file, line=row.line)
        else:
            entries[same] = entry
    unread = None if sheet.is_legible else sheet.table.file
    cell = sheet.located.cells.get(key)
    for fault in sheet.table.faults:
        place = _("{file} line {line}", file=fault.file, line=fault.line)
        if cell is not None and cell < len(fault.row):
            spoilt.setdefault(same_key(fault.row[cell]), place)
        else:
            unread = unread or place
    return Catalogue(sheet.table.file, entries, spoilt, unread)
