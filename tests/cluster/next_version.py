"""The next version of the node, for tests: this tree's, changed by CONTRIBUTING's own recipes.

It has one field more on each replicated entity and writes it, one event kind more, one replicated entity more
(suppliers, with a route), and speaks one more protocol version.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.recipes import column, entity, kind
from tests.recipes.column import Column
from tests.recipes.tree import NODE, Tree, copy_to

_APP = NODE / "app"
COLUMNS = (
    Column("users", "badge", "TEXT", None, "Text(text.KEY, optional=True)"),
    column.TAX_ID,
    Column("products", "unit", "TEXT", "piece", "Text(text.KEY)"),
    Column("stock", "moves", "INTEGER", 0, "Natural()"),
    Column("orders", "channel", "TEXT", "till", "Text(text.KEY)"),
    Column("order_lines", "lot", "TEXT", None, "Text(text.KEY, optional=True)"),
)

_ROUTE = '''"""/suppliers: whom the company buys from."""

from typing import Any

from app.api.dependencies import AnyUser, CurrentActor, CurrentNode
from app.api.schemas.base import Body, Name, NewKey
from app.api.strictness import StrictRouter
from app.state.tables import suppliers

router = StrictRouter(prefix="/suppliers", tags=["suppliers"], dependencies=[AnyUser])


class NewSupplier(Body):
    """A supplier to create."""

    code: NewKey
    name: Name


@router.post("", operation_id="createSupplier", status_code=201)
async def create(new: NewSupplier, node: CurrentNode, actor: CurrentActor) -> Any:
    """Create a supplier."""
    return await node.database.write(lambda tx: suppliers.create(tx, new.code, new.name, actor=actor))
'''

Values = dict[str, dict[str, Any]]
"""By relation, what is kept under each key of what only the next version writes."""


def build(target: Path) -> Tree:
    """Make the tree of the next version at `target`."""
    tree = copy_to(target)
    for one in COLUMNS:
        column.steps_of(one).apply(tree)
    for step in (*entity.STEPS.values(), *kind.STEPS.values()):
        step(tree)
    column.say_it(tree)
    _write_what_is_new(tree)
    return tree


def _write_what_is_new(tree: Tree) -> None:
    """Let the commands fill the new fields."""
    badge = '        beyond={"badge": f"badge of {user.username}"},\n'
    tree.after(_APP / "state/tables/users.py", "        token_version=1,\n", badge)
    tree.replace(
        _APP / "state/tables/products.py",
        "create(tx, product.sku, asdict(product), actor=actor)",
        'create(tx, product.sku, {**asdict(product), "unit": "bag"}, actor=actor)',
    )
    cells = _APP / "domain/stock.py"
    moves = 'beyond={**self.beyond, "moves": self.version + 1}'
    tree.replace(cells, "        return Cell(*values)", f"        return replace(Cell(*values), {moves})")
    granted = "version=self.version + 1, granted=granted"
    tree.replace(cells, f"{granted})", f"{granted}, {moves})")
    orders = _APP / "state/commands/order_commands.py"
    tree.after(orders, "        note=order.note,\n", '        beyond={"channel": "web"},\n')
    line = "product.name, quantity, product.price_cents"
    tree.replace(orders, f"{line})", f'{line}, beyond={{"lot": f"lot {{number}}"}})')
    tree.write(NODE / "app/api/suppliers.py", _ROUTE)
    api = NODE / "app/api/__init__.py"
    tree.before(api, "    users,\n)", "    suppliers,\n")
    tree.before(api, "        products,\n        stock,\n", "        suppliers,\n")
    tag = '    "suppliers": "Whom to buy from.",\n'
    tree.before(NODE / "app/api/document.py", '    "products": "What is sold', tag)
    tree.replace(NODE / "app/sync/wire/messages.py", "PROTOCOL = (1, 1)", "PROTOCOL = (1, 2)")


def new_values(file: Path) -> Values:
    """What a copy of a node's database holds of what only the next version writes, whichever version the node
    is now; without what nobody wrote."""
    with closing(sqlite3.connect(file)) as connection:
        found = {one.table: _of_column(connection, one) for one in COLUMNS}
        return {**found, "suppliers": _suppliers(connection)}


_KEYS = {"stock": "product_id || '/' || branch || '/' || epoch", "order_lines": "order_id || '/' || line"}


def _of_column(connection: sqlite3.Connection, one: Column) -> dict[str, Any]:
    key, field = _KEYS.get(one.table, "id"), one.name
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({one.table})")}
    value = field if field in columns else f"json_extract(extra, '$.{field}')"
    rows = connection.execute(f"SELECT {key}, {value} FROM {one.table}")
    return {row[0]: row[1] for row in rows if row[1] not in (None, one.default)}


def _suppliers(connection: sqlite3.Connection) -> dict[str, Any]:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'suppliers'").fetchone():
        return dict(connection.execute("SELECT id, name FROM suppliers").fetchall())
    kept = connection.execute("SELECT row FROM unknown_rows WHERE relation = 'suppliers'")
    rows: list[Mapping[str, Any]] = [json.loads(row[0]) for row in kept]
    return {row["id"]: row["name"] for row in sorted(rows, key=lambda row: row["lamport"])}
