"""A product's stock, as clients see it."""

import sqlite3
from collections.abc import Collection
from typing import Any

from app.database.identity import present_life
from app.domain import stock
from app.domain.errors import NotFound
from app.domain.life import Life
from app.state.tables import life_table, orders, products, stock_table


def stock_view(connection: sqlite3.Connection, sku: str) -> dict[str, Any]:
    """One product's stock as known here: `available` and `frozen` of the company, `here` = rights of this
    branch, and every life's row. Raises NotFound.

    Where it is oversold, `deficits` are the orders that are short of units. All nodes that have the same
    orders show the same list.
    """
    product = products.find(connection, sku)
    if product is None:
        raise NotFound("product", sku)
    life, dead = present_life(connection), life_table.dead_lives(connection)
    return _view(connection, product.id, product.sku, life=life, dead=dead)


def stock_page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """The stock of up to `limit` products after the id `after`, by product id."""
    rows = connection.execute("SELECT id, sku FROM products WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    life, dead = present_life(connection), life_table.dead_lives(connection)
    return [_view(connection, *row, life=life, dead=dead) for row in rows.fetchall()]


def _view(
    connection: sqlite3.Connection, product_id: str, sku: str, *, life: Life, dead: Collection[Life]
) -> dict[str, Any]:
    cells = stock_table.cells_of(connection, product_id)
    totals = stock.totals(cells, dead)
    sales = orders.sales_of(connection, product_id) if totals.oversold else []
    short = stock.deficits(totals.oversold, sales)
    return {
        "id": product_id,
        "sku": sku,
        "available": totals.available,
        "frozen": totals.frozen,
        "oversold": totals.oversold,
        "here": stock_table.usable_rights(connection, cells, life),
        "deficits": [
            {"order": sale.order_id, "branch": sale.branch, "quantity": sale.quantity} for sale in short
        ],
        "rows": [
            {key: value for key, value in cell.as_json().items() if key != "product_id"} for cell in cells
        ],
    }
