"""What tests of lying members say in others' names, and what came of it."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from app.database import Transaction
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import life_table, orders
from tests.recovery.trial import RICE, Trial

HELLO, EVENT, SEAL, TRANSFER = "/replica/hello", "/replica/event", "/replica/seal", "/replica/transfer"
A_MILLION = 1_000_000


async def said(trial: Trial, sender: str, receiver: str, **change: Any) -> bytes:
    """The last hello of a node to another, with some fields changed."""
    hello = json.loads(trial.network.sent(sender, receiver, HELLO)[-1].body)
    return json.dumps({**hello, **change}).encode()


async def dead_at(trial: Trial, name: str) -> set[Life]:
    return await trial[name].database.read(life_table.dead_lives)


def life(trial: Trial, name: str) -> Life:
    return Life(name, trial.epoch(name))


async def rice(trial: Trial) -> str:
    row = await trial["matriz"].database.read(
        lambda connection: connection.execute("SELECT id FROM products WHERE sku = ?", (RICE,)).fetchone()
    )
    return str(row[0])


def granted_by(trial: Trial, name: str) -> int:
    """The units that a node's own file says it granted, in its present life."""
    with closing(sqlite3.connect(trial.company.path(name))) as file:
        query = "SELECT COALESCE(SUM(quantity), 0) FROM stock_grants WHERE branch = ? AND epoch = ?"
        return int(file.execute(query, life(trial, name)).fetchone()[0])


async def forged(trial: Trial, giver: Life, to: Life) -> Cell:
    """A cell by which `giver` received a million units and granted them all."""
    return Cell(
        product_id=await rice(trial),
        branch=giver.branch,
        epoch=giver.epoch,
        received=A_MILLION,
        granted={to: A_MILLION},
        version=1000,
    )


async def tell(trial: Trial, who: str, order: Any) -> bool:
    """Merge an order at matriz as the word of another branch. Returns whether it changed anything."""

    def merge(tx: Transaction) -> bool:
        with tx.hearing(life(trial, who)):
            return orders.merge(tx, order, donor=who)

    return await trial["matriz"].database.write(merge)
