"""Makes the demonstration's order history from a seed, in the form that `./lab replay` reads.

It is made where it is needed and not kept in the repository: that takes a tenth of a second, and so the files
can never say anything else than this script.
"""

import csv
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.nodes.contract import NewCustomer
from branchlab.teaching.demo.assortment import (
    ARTICLES,
    BRANCHES,
    CITIES,
    FIRST_NAMES,
    SHOP_NAMES,
    SHOPS,
    SURNAMES,
    Article,
)
from branchlab.teaching.replay.history import History, HistoryLine, HistoryOrder, HistoryProduct

DEFAULT_SEED = 1959  # the year in which the shop of this story opened
ORDERS = 600
CUSTOMERS = 60
_FIRST_DAY = date(2026, 3, 2)
_DAYS = 60
_LINES = {1: 35, 2: 30, 3: 20, 4: 10, 5: 5}  # lines of an order → weight
_UNITS = {1: 20, 2: 25, 3: 15, 4: 10, 5: 5, 6: 12, 10: 8, 12: 5}  # units of a line → weight
_FAVOURITE = 4  # times as wanted there as elsewhere

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Shop:
    branch: str
    customer: NewCustomer


def generate(seed: int = DEFAULT_SEED, *, orders: int = ORDERS) -> History:
    """The history of that seed: the same seed gives the same history on every machine."""
    random = Random(seed)
    shops = _shops(random)
    return History(
        products=tuple(HistoryProduct(each.sku, each.name, each.price_cents) for each in ARTICLES),
        customers=tuple(shop.customer for shop in shops),
        orders=tuple(_order(random, number, orders, shops) for number in range(orders)),
    )


def write(history: History, directory: Path) -> None:
    """Writes products.csv, customers.csv and orders.csv into `directory`; LabError when it cannot."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_csv(
            directory / "products.csv",
            ("sku", "name", "price"),
            ((each.sku, each.name, _amount(each.price_cents)) for each in history.products),
        )
        columns = ("code", "name", "contact", "email", "city", "country")
        _write_csv(
            directory / "customers.csv",
            columns,
            ([customer.get(column, "") for column in columns] for customer in history.customers),
        )
        _write_csv(
            directory / "orders.csv",
            ("order", "date", "branch", "customer", "sku", "quantity", "unit_price"),
            (
                (
                    one.order,
                    one.date,
                    one.branch,
                    one.customer,
                    line.sku,
                    line.quantity,
                    _amount(line.unit_price_cents),
                )
                for one in history.orders
                for line in one.lines
            ),
        )
    except OSError as error:
        raise LabError(
            _(
                "cannot write the history to {directory}: {strerror}",
                directory=directory,
                strerror=error.strerror,
            )
        ) from None


def _shops(random: Random) -> list[_Shop]:
    names = [f"{kind} {name}" for kind, name in itertools.product(SHOPS, SHOP_NAMES)]
    return [_shop(random, number, names) for number in range(1, CUSTOMERS + 1)]


def _shop(random: Random, number: int, names: list[str]) -> _Shop:
    """Takes its name out of `names`, so that no two shops share one; the first ones see that every branch has
    a customer."""
    branch = [*BRANCHES][number - 1] if number <= len(BRANCHES) else _weighted(random, BRANCHES)
    code = f"CLI-{number:03d}"
    return _Shop(
        branch,
        {
            "code": code,
            "name": names.pop(_index(random, len(names))),
            "contact": f"{_any(random, FIRST_NAMES)} {_any(random, SURNAMES)}",
            "email": f"compras@{code.lower()}.example",  # a domain that can never belong to anybody
            "city": _any(random, CITIES[branch]),
            "country": "Brasil",
        },
    )


def _order(random: Random, number: int, total: int, shops: Sequence[_Shop]) -> HistoryOrder:
    branch = _weighted(random, BRANCHES)
    local = [shop.customer["code"] for shop in shops if shop.branch == branch]
    return HistoryOrder(
        order=str(1001 + number),
        date=(_FIRST_DAY + timedelta(days=number * _DAYS // total)).isoformat(),
        branch=branch,
        customer=local[int(len(local) * random.random() ** 2)],  # squared: some customers buy far more often
        lines=tuple(_lines(random, branch)),
    )


def _lines(random: Random, branch: str) -> list[HistoryLine]:
    wanted = {each: _demand(each, branch) for each in ARTICLES}
    lines = []
    for _line in range(_weighted(random, _LINES)):
        article = _weighted(random, wanted)
        del wanted[article]  # a product stands in an order once
        lines.append(HistoryLine(article.sku, _weighted(random, _UNITS), article.price_cents))
    return lines


def _demand(article: Article, branch: str) -> int:
    return article.demand * (_FAVOURITE if article.favourite_of == branch else 1)


# Of Random only random() keeps its sequence over all versions of Python, so everything is drawn from it.


def _index(random: Random, count: int) -> int:
    return int(random.random() * count)


def _any(random: Random, items: Sequence[Item]) -> Item:
    return items[_index(random, len(items))]


def _weighted(random: Random, weights: Mapping[Item, int]) -> Item:
    point = random.random() * sum(weights.values())
    for item, weight in weights.items():
        point -= weight
        if point < 0:
            return item
    raise AssertionError("random() is below 1, so the point lies within the weights")


def _row(one: HistoryOrder, line: HistoryLine) -> Sequence[object]:
    price = _amount(line.unit_price_cents)
    return (one.order, one.date, one.branch, one.customer, line.sku, line.quantity, price)


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)
