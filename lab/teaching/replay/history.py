"""Reads a history of orders from CSV files, and refuses in one plain line what cannot be played.

A directory holds `products.csv` (sku, name, price), `customers.csv` (code, name; contact, email, phone,
city, country where known) and `orders.csv`, one line per order line in time order (order, date, branch,
customer, sku, quantity, unit_price). Further columns are ignored.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import cast

from lab.errors import LabError
from lab.nodes.contract import NewCustomer
from lab.nodes.keys import same_key

MOST_UNITS = 1_000_000  # in one line; the most a node takes
MOST_LINES = 100  # in one order; the most a node takes
_OPTIONAL_CUSTOMER_FIELDS = ("contact", "email", "phone", "city", "country")


@dataclass(frozen=True)
class HistoryProduct:
    sku: str
    name: str
    price_cents: int


@dataclass(frozen=True)
class HistoryLine:
    sku: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True)
class HistoryOrder:
    order: str
    date: str
    branch: str
    customer: str
    lines: tuple[HistoryLine, ...]


@dataclass(frozen=True)
class History:
    """`orders` are in the order of the file; `products` and `customers` hold all that they name."""

    products: tuple[HistoryProduct, ...]
    customers: tuple[NewCustomer, ...]
    orders: tuple[HistoryOrder, ...]

    def orders_by_branch(self) -> dict[str, list[HistoryOrder]]:
        """Each branch's orders in the order of the file; branches in the order in which they first appear."""
        branches: dict[str, list[HistoryOrder]] = {}
        for order in self.orders:
            branches.setdefault(order.branch, []).append(order)
        return branches

    def units_needed(self) -> Counter[str]:
        """Units per sku that all orders together consume."""
        needed: Counter[str] = Counter()
        for order in self.orders:
            for line in order.lines:
                needed[line.sku] += line.quantity
        return needed


@dataclass(frozen=True)
class _Row:
    """One line of a file, with its place for the error messages."""

    file: str
    number: int
    values: Mapping[str, str]

    def wrong(self, what: str) -> LabError:
        return LabError(f"{self.file} line {self.number}: {what}")

    def text(self, column: str) -> str:
        value = self.values[column]
        if not value:
            raise self.wrong(f"the {column} is empty")
        return value

    def cents(self, column: str) -> int:
        text = self.text(column)
        try:
            amount = Decimal(text) * 100
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
            raise self.wrong(f"the {column} '{text}' is not an amount such as 18.00")
        return int(amount)

    def units(self, column: str) -> int:
        text = self.text(column)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_UNITS:
            raise self.wrong(f"the {column} '{text}' is not a whole number from 1 to {MOST_UNITS}")
        return int(text)


def load(directory: Path) -> History:
    """The history in `directory`; LabError names the file, the line and what is wrong with it."""
    if not directory.is_dir():
        raise LabError(
            f"there is no directory {directory}; give one that holds products.csv, customers.csv, orders.csv"
        )
    products = _products(_rows(directory / "products.csv", ("sku", "name", "price")))
    customers = _customers(_rows(directory / "customers.csv", ("code", "name")))
    columns = ("order", "date", "branch", "customer", "sku", "quantity", "unit_price")
    orders = _orders(
        _rows(directory / "orders.csv", columns),
        skus={product.sku for product in products},
        codes={customer["code"] for customer in customers},
    )
    return History(products=products, customers=customers, orders=orders)


def _rows(path: Path, columns: Sequence[str]) -> list[_Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets like to put a byte order mark first
    except FileNotFoundError:
        raise LabError(
            f"there is no {path}; a history needs products.csv, customers.csv and orders.csv"
        ) from None
    except UnicodeDecodeError:
        raise LabError(f"{path} is not UTF-8 text; save it as CSV in UTF-8") from None
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}") from None
    try:
        rows = list(_parsed(path.name, text, columns))
    except csv.Error as error:
        raise LabError(f"{path.name} is not readable as CSV: {error}") from None
    if not rows:
        raise LabError(f"{path.name} has no lines after its heading")
    return rows


def _parsed(name: str, text: str, columns: Sequence[str]) -> Iterator[_Row]:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    heading = [column.strip() for column in reader.fieldnames or ()]
    missing = [column for column in columns if column not in heading]
    if missing:
        raise LabError(f"{name} lacks the column {missing[0]}; its first line must name {', '.join(columns)}")
    reader.fieldnames = heading
    for values in reader:
        if None in values or None in values.values():
            raise LabError(
                f"{name} line {reader.line_num}: it has not {len(heading)} values as the heading has"
            )
        yield _Row(name, reader.line_num, {key: value.strip() for key, value in values.items()})


def _products(rows: Sequence[_Row]) -> tuple[HistoryProduct, ...]:
    products: dict[str, HistoryProduct] = {}
    for row in rows:
        product = HistoryProduct(sku=row.text("sku"), name=row.text("name"), price_cents=row.cents("price"))
        if same_key(product.sku) in products:
            raise row.wrong(f"the sku {product.sku} is there already")
        products[same_key(product.sku)] = product
    return tuple(products.values())


def _customers(rows: Sequence[_Row]) -> tuple[NewCustomer, ...]:
    customers: dict[str, NewCustomer] = {}
    for row in rows:
        code = row.text("code")
        if same_key(code) in customers:
            raise row.wrong(f"the customer {code} is there already")
        known = {name: row.values[name] for name in _OPTIONAL_CUSTOMER_FIELDS if row.values.get(name)}
        customers[same_key(code)] = cast(NewCustomer, {"code": code, "name": row.text("name"), **known})
    return tuple(customers.values())


def _orders(rows: Sequence[_Row], *, skus: set[str], codes: set[str]) -> tuple[HistoryOrder, ...]:
    heads: dict[str, tuple[str, str, str]] = {}
    lines: dict[str, list[HistoryLine]] = {}
    for row in rows:
        order = row.text("order")
        head = (row.text("date"), row.text("branch"), row.text("customer"))
        if heads.setdefault(order, head) != head:
            raise row.wrong(f"order {order} has another date, branch or customer than in its first line")
        if head[2] not in codes:
            raise row.wrong(f"the customer {head[2]} is not in customers.csv")
        line = HistoryLine(row.text("sku"), row.units("quantity"), row.cents("unit_price"))
        if line.sku not in skus:
            raise row.wrong(f"the sku {line.sku} is not in products.csv")
        lines.setdefault(order, []).append(line)
        if len(lines[order]) > MOST_LINES:
            raise row.wrong(f"order {order} has more than {MOST_LINES} lines")
    return tuple(
        HistoryOrder(order, date, branch, customer, tuple(lines[order]))
        for order, (date, branch, customer) in heads.items()
    )
