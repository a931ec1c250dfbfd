"""The units that this node's own life may spend: its rights without those that are not certain yet. It reads
many products in few statements."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from app.domain import stock, testimony
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import membership
from app.state.tables.life_table import LIVING_CURSORS

_LISTED = "product_id IN (SELECT value FROM json_each(?))"
_HEARSAY = f"SELECT product_id, branch, epoch, confirmed FROM hearsay_cells WHERE {_LISTED}"
_RECOVERIES = f"SELECT product_id, usable, seq, members FROM recoveries WHERE {_LISTED} AND epoch = ?"
_ACKNOWLEDGED = f"""
    SELECT peer, acknowledged, (
        SELECT MIN(first_seq) FROM parked_elsewhere p WHERE p.peer = c.peer AND p.peer_epoch = c.peer_epoch
        AND p.epoch = c.epoch
    ) FROM {LIVING_CURSORS} c WHERE epoch = ?
"""


Confirmed = Mapping[str, Mapping[Life, int]]
"""What the table of hearsay says, by product and giver: how much of a grant counts."""


def rights(connection: sqlite3.Connection, cells: Mapping[str, Sequence[Cell]], life: Life) -> dict[str, int]:
    """Units that this node's own `life` may spend now, by product, by these cells of each. That is its rights
    without the units that a stock count recovered and not every member has acknowledged yet, and without
    those that only others say were granted to it."""
    heard = unconfirmed(connection, cells, life)
    own = [cell for found in cells.values() for cell in found if cell.life == life]
    kept = unusable(connection, own)
    return {
        product_id: stock.rights_of(life, found)
        - sum(heard.get(product_id, {}).values())
        - kept.get(product_id, 0)
        for product_id, found in cells.items()
    }


def unconfirmed(
    connection: sqlite3.Connection,
    cells: Mapping[str, Sequence[Cell]],
    life: Life,
    *,
    known: Confirmed | None = None,
) -> dict[str, dict[Life, int]]:
    """The units by product and giver that others say were granted to this node's own `life`, and that the
    giver has not said here. They are neither spent nor given back yet. What is `known` of hearsay is not read
    again."""
    given = {
        product_id: givers
        for product_id, found in cells.items()
        if (givers := [cell for cell in found if life in cell.granted])
    }
    if not given:
        return {}
    of_products = confirmed(connection, given) if known is None else known
    return {
        product_id: {giver: units for giver, units in _unconfirmed(given[product_id], said, life) if units}
        for product_id, said in of_products.items()
        if said and product_id in given
    }


def confirmed(connection: sqlite3.Connection, product_ids: Iterable[str]) -> dict[str, dict[Life, int]]:
    """What counts of grants to this life that are here by the word of others, by product and giver."""
    found: dict[str, dict[Life, int]] = {}
    for product_id, branch, epoch, units in connection.execute(_HEARSAY, (_list(product_ids),)):
        found.setdefault(product_id, {})[Life(branch, epoch)] = units
    return found


def _unconfirmed(
    givers: Sequence[Cell], confirmed: Mapping[Life, int], life: Life
) -> Iterable[tuple[Life, int]]:
    for cell in givers:
        units = stock.units_that_count(cell.granted[life])
        yield cell.life, testimony.unconfirmed_units(units, confirmed.get(cell.life))


def unusable(connection: sqlite3.Connection, own: Iterable[Cell]) -> dict[str, int]:
    """How much of `recovered` of this node's own cells must not be spent yet, by product: only of those of
    which there is any."""
    recovered = {cell.product_id: cell for cell in own if cell.recovered}
    if not recovered:
        return {}
    epoch = next(iter(recovered.values())).epoch
    rows = connection.execute(_RECOVERIES, (_list(recovered), epoch)).fetchall()
    if not rows:
        return {}
    reported = connection.execute(_ACKNOWLEDGED, (epoch,)).fetchall()
    found: dict[str, int] = {}
    for product_id, usable, seq, members in rows:
        # A state that is superseded in its batch stands at an earlier event of it: any parked one may be it.
        stored = {peer for peer, to, parked in reported if to >= seq and (parked is None or parked > seq)}
        others = json.loads(members)
        silent = set(others) - stored
        if silent and not silent <= membership.done(connection, others=others):
            found[product_id] = recovered[product_id].recovered - int(usable)
    return found


def _list(ids: Iterable[str]) -> str:
    return json.dumps(list(ids))
