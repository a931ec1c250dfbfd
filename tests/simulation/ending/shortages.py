"""Who is short of units under the optimistic policy: the same list everywhere, and nobody left out.

It reads every node's file with SQL of its own, and holds what the node shows against it.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from app.state.tables import stock_views
from app.state.tables.stock_views import StockView
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.people.clients import PATIENCE_SECONDS

MOST_PRODUCTS = 1_000  # on one page: all there are

_LEFT = (
    "SELECT product_id, SUM(received + returned + returned_frozen - sold - removed - written_off)"
    " FROM stock GROUP BY product_id"
)
# The last order first.
_SALES = (
    "SELECT o.id, o.branch, SUM(l.quantity) FROM orders o JOIN order_lines l ON l.order_id = o.id"
    " WHERE l.product_id = ? AND o.status = 'placed' GROUP BY o.id"
    " ORDER BY o.lamport DESC, o.branch DESC, o.id DESC"
)


async def shown_by(machine: Machine) -> Sequence[StockView]:
    """The stock page of a machine's node, which must run."""
    assert machine.process is not None, "everything was switched on"
    database = machine.process.node.database
    work = database.read(lambda connection: stock_views.stock_page(connection, "", MOST_PRODUCTS))
    return await machine.process.do(work, patience=PATIENCE_SECONDS)


def judge(
    files: Mapping[str, sqlite3.Connection],
    shown: Mapping[str, Sequence[StockView]],
    journal: Journal,
) -> int:
    """Check what every node shows of each product (`shown`, its stock pages) against its file; what does not
    hold becomes a violation. All files hold the same by now. Returns the units sold too often."""
    oversold = 0
    for name, page in shown.items():
        left = dict(files[name].execute(_LEFT).fetchall())
        for stock in page:
            short = max(-left.get(stock.id, 0), 0)
            expected = _who_is_short(files[name], stock.id, short)
            told = [(units.order_id, units.branch, units.quantity) for units in stock.deficits]
            if (stock.oversold, told) != (short, expected):
                text = f"{name} shows {stock.oversold} of {stock.sku} oversold and names {told}"
                journal.violation("shortages", f"{text}: it is {short}, {expected}")
        oversold = max(oversold, sum(max(-units, 0) for units in left.values()))
    return oversold


def _who_is_short(file: sqlite3.Connection, product: str, short: int) -> list[tuple[str, str, int]]:
    """The last orders, of so many units as are short. Where units were removed too often rather than sold,
    there may be fewer orders than that."""
    named = []
    for order, branch, units in file.execute(_SALES, (product,)):
        if short <= 0:
            break
        named.append((order, branch, min(units, short)))
        short -= named[-1][2]
    return named
