"""Moves out orders that a donor told of another branch, and that this branch never took."""

from collections.abc import Collection

from app.database import AlteredRow, Transaction
from app.database.digest import bucket_of
from app.domain.life import Life
from app.state.registry import replicated
from app.state.repair import unwritten
from app.state.tables import orders

_TOLD_BY_OTHERS = "SELECT id FROM orders WHERE branch = ? AND epoch = ? AND donor NOT IN ('', branch)"
_POSITION = "SELECT seq FROM positions WHERE origin = ? AND epoch = ?"
_WHY = "a donor told it, and its branch does not have it"


def move_out(
    tx: Transaction, life: Life, *, through: int, buckets: Collection[int], kept: Collection[str]
) -> list[str]:
    """Move out the orders of a life that only others told, where the life itself sent all its rows of these
    digest buckets, and theirs is not among them (`kept`). Returns their ids.

    `through` is the life's last event when it sent them. If more is known of it here, its disk went back, or
    it sold since: then it says nothing about what is missing there.
    """
    known = tx.connection.execute(_POSITION, life).fetchone()
    if known is not None and known[0] > through:
        return []
    told = [row[0] for row in tx.connection.execute(_TOLD_BY_OTHERS, life)]
    return [key for key in told if bucket_of(key) in buckets and key not in kept and _move(tx, key)]


def _move(tx: Transaction, order_id: str) -> bool:
    try:
        order = orders.find(tx.connection, order_id)
    except AlteredRow:
        return False  # it is mended first
    if order is None or not unwritten.move_out_row(tx, replicated.get("orders"), order_id, why=_WHY):
        return False
    tx.changed("orders", order_id, before=order.as_json(), after=None)
    return True
