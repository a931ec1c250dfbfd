"""Stock cells of many products at once, in few statements."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from app.state.stock import COUNTS

_CELLS = (
    f"SELECT product_id, branch, epoch, {', '.join(COUNTS)}, version FROM stock"
    " WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY product_id, branch, epoch"
)
_GRANTS = (
    "SELECT product_id, branch, epoch, to_branch || '@' || to_epoch, quantity FROM stock_grants"
    " WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY to_branch, to_epoch"
)


def read(connection: sqlite3.Connection, product_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every life's cell of these products in the canonical form of `Cell.as_json`, by product, branch and
    epoch."""
    listed = json.dumps(list(product_ids))
    granted: dict[tuple[str, str, str], dict[str, int]] = {}
    for product_id, branch, epoch, to, quantity in connection.execute(_GRANTS, (listed,)):
        granted.setdefault((product_id, branch, epoch), {})[to] = quantity
    cells = [dict(row) for row in connection.execute(_CELLS, (listed,))]
    return [{**cell, "granted": granted.get(_key(cell), {})} for cell in cells]


def _key(cell: dict[str, Any]) -> tuple[str, str, str]:
    return cell["product_id"], cell["branch"], cell["epoch"]
