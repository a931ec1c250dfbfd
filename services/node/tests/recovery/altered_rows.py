"""Rows that something else than a node's commands changed, and whether they are mended."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from app.database.seals import ListedRow
from app.state.registry import replicated
from app.state.repair import checking
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

SCRUB_SECONDS = 15.0
ORDERS = 6
CHANGES = {
    "customers": "UPDATE customers SET name = name || '!'",
    "customers_blank": "UPDATE customers SET name = name || ' '",
    "customers_undecodable": "UPDATE customers SET name = CAST(x'fffeff' AS TEXT)",
    "products": "UPDATE products SET price_cents = price_cents + 1",
    "users": "UPDATE users SET role = 'operador'",
    "orders": "UPDATE orders SET note = 'changed' WHERE id = (SELECT MIN(id) FROM orders)",
    "orders_time": "UPDATE orders SET created_at = 1e300 WHERE id = (SELECT MIN(id) FROM orders)",
    "order_lines": "UPDATE order_lines SET quantity = quantity + 1"
    " WHERE order_id = (SELECT MIN(order_id) FROM order_lines)",
    "stock": "UPDATE stock SET received = received + 1000 WHERE received > 0",
    "stock_grants": "UPDATE stock_grants SET quantity = quantity + 1000",
    "extra": "UPDATE customers SET extra = '{\"tax\": 1}'",
    "seal": "UPDATE customers SET checksum = checksum + 1",
}
MISSING = {
    "a missing order": "DELETE FROM orders WHERE id = (SELECT MIN(id) FROM orders)",
    "a missing line": "DELETE FROM order_lines WHERE order_id = (SELECT MIN(order_id) FROM order_lines)",
    "a missing grant": "DELETE FROM stock_grants",
}


async def sold_by(trial: Trial) -> Trial:
    """The company of the trial: three nodes that sold six orders, converged."""
    await trial.stocked(at="matriz", units=30, share="equal", scrub_seconds=SCRUB_SECONDS)
    for number in range(ORDERS):
        await trial.sell(NAMES[number % len(NAMES)])
    await trial.converged()
    return trial


def change_file(trial: Trial, name: str, *statements: str) -> None:
    """Change a stopped node's file as somebody with a database tool would, foreign keys or not."""
    with closing(sqlite3.connect(trial.company.path(name))) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


async def change_stopped(trial: Trial, *names: str, statement: str) -> None:
    await trial.stop(*names)
    for name in names:
        change_file(trial, name, statement)
    for name in names:
        await trial.start(name, ready=False)
    await eventually(lambda: all(trial[name].ready for name in names))


async def is_sound(trial: Trial, name: str) -> bool:
    """Whether every row of a node is what it wrote, and its digest is that of its rows."""
    return not await trial[name].database.read(checking.find_troubles)


async def are_sound(trial: Trial) -> bool:
    return all([await is_sound(trial, name) for name in NAMES])


async def nothing_was_destroyed(trial: Trial, epochs: dict[str, str]) -> None:
    assert {name: trial.epoch(name) for name in NAMES} == epochs
    for name in NAMES:
        assert len(await trial.order_ids(name)) == ORDERS
        assert not list(trial.company.path(name).parent.glob("*.damaged-*"))


def epochs_of(trial: Trial) -> dict[str, str]:
    return {name: trial.epoch(name) for name in NAMES}


async def listed(trial: Trial, name: str) -> Sequence[ListedRow]:
    return (await trial[name].status()).altered


async def rows_of(trial: Trial, name: str, relation: str) -> list[dict[str, Any]]:
    entity = replicated.get(relation)
    return await trial[name].database.read(
        lambda connection: entity.read(connection, entity.page_keys(connection))
    )
