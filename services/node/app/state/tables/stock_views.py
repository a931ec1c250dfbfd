"""A product's stock, as clients see it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.database.node_row import present_life
from app.domain import stock
from app.domain.errors import NotFound
from app.domain.stock import Cell, SoldUnits
from app.state.tables import cell_rows, life_table, orders, products, spendable, stock_table
from app.state.tables.row_sql import within

_PAGE = "SELECT id, sku FROM products WHERE id > ? ORDER BY id LIMIT ?"
_PARTS = """
    SELECT (SELECT COUNT(*) FROM stock WHERE product_id = value)
        + (SELECT COUNT(*) FROM stock_grants WHERE product_id = value)
    FROM json_each(?)
"""


@dataclass(frozen=True, slots=True)
class StockView:
    """One product's stock as known here: `available` and `frozen` of the company, `here` = rights of this
    branch, and every life's row.

    `hearsay` names the rows (`branch@epoch`) that are here as a donor told them while their branch could not
    be asked. The next word of their branch replaces them, also where it is older and says less.

    Where it is oversold, `deficits` are the orders that are short of units. All nodes that have the same
    orders show the same list.
    """

    id: str
    sku: str
    available: int
    frozen: int
    oversold: int
    here: int
    deficits: Sequence[SoldUnits]
    rows: Sequence[Cell]
    hearsay: Sequence[str]


def stock_view(connection: sqlite3.Connection, sku: str) -> StockView:
    """The stock of the product with this sku or id. Raises NotFound."""
    product = products.find(connection, sku)
    if product is None:
        raise NotFound("product", sku)
    return _views(connection, {product.id: product.sku})[0]


def stock_page(
    connection: sqlite3.Connection, after: str, limit: int, *, most_rows: int | None = None
) -> list[StockView]:
    """The stock of up to `limit` products after the id `after`, by product id: fewer, but at least one, where
    their rows and the grants in them would be more than `most_rows`."""
    found = dict(connection.execute(_PAGE, (after, limit)).fetchall())
    if most_rows is not None:
        parts = connection.execute(_PARTS, (json.dumps(list(found)),))
        found = dict(islice(found.items(), within(parts.fetchall(), most=most_rows)))
    return _views(connection, found)


def _views(connection: sqlite3.Connection, skus: Mapping[str, str]) -> list[StockView]:
    """The stock of these products, in their order."""
    life, dead = present_life(connection), life_table.dead_lives(connection)
    known = cell_rows.by_product(connection, skus)
    cells: dict[str, Sequence[Cell]] = {product_id: known.get(product_id, []) for product_id in skus}
    usable = spendable.rights(connection, cells, life)
    totals = {product_id: stock.totals(found, dead) for product_id, found in cells.items()}
    hearsay = stock_table.hearsay_of(connection, list(skus))
    short = [product_id for product_id, total in totals.items() if total.oversold]
    sales = orders.sales_of(connection, short)
    return [
        StockView(
            id=product_id,
            sku=sku,
            available=totals[product_id].available,
            frozen=totals[product_id].frozen,
            oversold=totals[product_id].oversold,
            here=usable[product_id],
            deficits=stock.deficits(totals[product_id].oversold, sales.get(product_id, ())),
            rows=cells[product_id],
            hearsay=[life.key for life in hearsay.get(product_id, ())],
        )
        for product_id, sku in skus.items()
    ]
