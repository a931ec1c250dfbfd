"""Orders from their table: lines of one number are one order, played whole or not at all."""

import unicodedata
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from branchlab.language import _
from branchlab.nodes.contract import NewCustomer
from branchlab.nodes.keys import same_key
from branchlab.teaching.replay.faults import Fault
from branchlab.teaching.replay.history import HistoryLine, HistoryOrder, HistoryProduct
from branchlab.teaching.replay.meaning import node_rules
from branchlab.teaching.replay.meaning.catalogue import Catalogue
from branchlab.teaching.replay.meaning.dates import DateForm
from branchlab.teaching.replay.meaning.numbers import Mark
from branchlab.teaching.replay.meaning.sheet import Sheet
from branchlab.teaching.replay.reading.table import Row

_key = cache(same_key)  # a file has each key many times


@dataclass(frozen=True)
class Forms:
    """How the values of the columns are read."""

    date: DateForm
    quantity: Mark
    unit_price: Mark


@dataclass(frozen=True)
class OrdersRead:
    """The orders that can be played, in order of time. `left_out` are lines without a fault of their own that
    go with a line that has one, `count_left_out` all orders that cannot be played; `several_times` counts
    orders with lines of different times, `moved` those that the file has in another place."""

    orders: tuple[HistoryOrder, ...]
    left_out: tuple[Fault, ...]
    count_left_out: int
    several_times: int
    moved: int


@dataclass(frozen=True)
class _Line:
    """One row that has been read. `because` says which fault elsewhere keeps it from being played."""

    row: Row
    order: str
    moment: datetime | None
    branch: str
    customer: str
    line: HistoryLine
    because: str | None


def read_orders(
    sheet: Sheet,
    forms: Forms,
    *,
    products: Catalogue[HistoryProduct],
    customers: Catalogue[NewCustomer],
) -> OrdersRead:
    """The orders of a sheet; what is wrong is noted there."""
    if not sheet.is_legible:
        return OrdersRead((), (), 0, 0, 0)
    branches: dict[str, str] = {}
    orders: dict[str, list[_Line]] = {}
    for row in sheet.table.rows:
        line = _read_line(sheet, row, forms, products=products, customers=customers, branches=branches)
        orders.setdefault(line.order, []).append(line)
    for lines in orders.values():
        _check_whole(sheet, lines, products)
    unread = _hit_by_unread_rows(sheet)
    played, left_out = [], []
    for order, lines in orders.items():
        reason = _why_not(sheet, lines, unread.get(order)) if order else None
        if reason is None and order:
            played.append(lines)
        elif reason is not None:
            whole = _("order {order} is left out: {reason}", order=order, reason=reason)
            left_out += [_as_fault(sheet, one, whole) for one in lines if one.row.line not in sheet.bad]
    ordered = sorted(played, key=lambda lines: lines[0].moment or datetime.min)  # noqa: DTZ901  (shop's time)
    return OrdersRead(
        orders=tuple(map(_order, ordered)),
        left_out=tuple(left_out),
        count_left_out=len({*orders, *unread} - {""}) - len(played),
        several_times=sum(len({one.moment for one in lines}) > 1 for lines in played),
        moved=sum(one is not other for one, other in zip(played, ordered, strict=True)),
    )


def same_order(text: str) -> str:
    """The form in which all spellings of one order's number are equal. Case counts: ids of web shops differ
    by it."""
    return unicodedata.normalize("NFC", text)


def _read_line(
    sheet: Sheet,
    row: Row,
    forms: Forms,
    *,
    products: Catalogue[HistoryProduct],
    customers: Catalogue[NewCustomer],
    branches: dict[str, str],
) -> _Line:
    for column in ("order", "branch"):
        sheet.require(row, column, None if sheet.text(row, column) else _("is empty"))
    moment = forms.date.read(sheet.text(row, "date"))
    if moment is None:
        sheet.spoil(row, "date", _not_a_date(sheet.text(row, "date"), forms.date))
    branch, code, sku = (sheet.text(row, column) for column in ("branch", "customer", "sku"))
    because = _refer(sheet, row, "customer", customers) or _refer(sheet, row, "sku", products)
    customer, product = customers.entries.get(_key(code)), products.entries.get(_key(sku))
    quantity = sheet.units(row, "quantity", forms.quantity, most=node_rules.MOST_UNITS)
    price = sheet.cents(row, "unit_price", forms.unit_price, most=node_rules.MOST_CENTS)
    return _Line(
        row=row,
        order=same_order(sheet.text(row, "order")),
        moment=moment,
        branch=branches.setdefault(_key(branch), branch),
        customer=customer["code"] if customer else code,
        line=HistoryLine(product.sku if product else sku, quantity, price),
        because=because,
    )


def _refer(sheet: Sheet, row: Row, column: str, catalogue: Catalogue[Any]) -> str | None:
    """Why the row cannot be played though the fault is not its own; a name that is nowhere is its own."""
    key = _key(sheet.text(row, column))
    if not key:
        sheet.spoil(row, column, _("is empty"))
    elif key in catalogue.spoilt and key not in catalogue.entries:
        return _("{spoilt} has a fault", spoilt=catalogue.spoilt[key])
    elif key not in catalogue.entries and catalogue.unread is not None:
        return _("{unread} cannot be read", unread=catalogue.unread)
    elif key not in catalogue.entries:
        sheet.spoil(row, column, _("is not in {file}", file=catalogue.file))
    return None


def _not_a_date(text: str, form: DateForm) -> str:
    if not text:
        return _("is empty")
    return _("is no date in the form {format}", format=form.format or form.order)


def _check_whole(sheet: Sheet, lines: Sequence[_Line], products: Catalogue[HistoryProduct]) -> None:
    """Notes what is wrong between the lines of one order."""
    first = lines[0]
    for one in lines[1:] if first.order else ():
        for column in ("branch", "customer"):
            mine, its = getattr(one, column), getattr(first, column)
            if _key(mine) != _key(its):
                place = _("line {line} of this order", line=first.row.line)
                sheet.spoil(
                    one.row,
                    column,
                    _("is another {column} than '{its}' in {place}", column=column, its=its, place=place),
                )
    if len(lines) > node_rules.MOST_LINES and first.order:
        reason = _(
            "has {count} lines; a node takes at most {most_lines} in one order",
            count=len(lines),
            most_lines=node_rules.MOST_LINES,
        )
        sheet.spoil(lines[node_rules.MOST_LINES].row, "order", reason)
    total = 0
    for one in lines:
        product = products.entries.get(_key(one.line.sku))
        total += one.line.quantity * (product.price_cents if product else 0)
    if total > node_rules.MOST_TOTAL_CENTS:
        sheet.spoil(first.row, "order", _("costs more in total than a node can store"))


def _hit_by_unread_rows(sheet: Sheet) -> Mapping[str, str]:
    """The orders that a row which could not be read may belong to: the one it names, and where that is not
    sure, those of the rows beside it."""
    cell = sheet.located.cells["order"]
    hit: dict[str, str] = {}
    rows = sheet.table.rows
    lines = [row.line for row in rows]
    for fault in sheet.table.faults:
        reason = _("line {line} of {file} cannot be read", line=fault.line, file=fault.file)
        if cell < len(fault.row):
            hit[same_order(fault.row[cell])] = reason
        if cell > 0 or not fault.row:
            place = bisect(lines, fault.line)
            hit.update(
                (same_order(sheet.text(row, "order")), reason) for row in rows[max(place - 1, 0) : place + 1]
            )
    return hit


def _why_not(sheet: Sheet, lines: Sequence[_Line], unread: str | None) -> str | None:
    """Why an order is not played, or None."""
    spoilt = next((one for one in lines if one.row.line in sheet.bad), None)
    if spoilt is not None:
        return _("line {line} has a fault", line=spoilt.row.line)
    return next((one.because for one in lines if one.because), unread)


def _as_fault(sheet: Sheet, line: _Line, reason: str) -> Fault:
    return Fault(sheet.table.file, line.row.line, None, "", reason, line.row.cells)


def _order(lines: Sequence[_Line]) -> HistoryOrder:
    first = lines[0]
    date = (first.moment or datetime.min).isoformat(sep=" ")  # noqa: DTZ901  (the shop's own time)
    sold = tuple(one.line for one in lines)
    return HistoryOrder(first.order, date.removesuffix(" 00:00:00"), first.branch, first.customer, sold)
