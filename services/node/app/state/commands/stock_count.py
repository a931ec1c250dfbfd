"""The stock count: the only way by which units of the frozen pool become sellable again.

Nobody knows what a dead life sold after it last spoke. So people count the shelf: with every living member's
word that it knows the same dead lives, the admin enters how many units went unseen from all of them
together, and what remains of the pool is recovered by one branch, the counter.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.database import Actor, Transaction
from app.domain import stock
from app.domain.errors import BranchClosed
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import life_table, membership, stock_table


@dataclass(frozen=True)
class Handover:
    """What a member answers to a count: every dead life and decommissioned branch it knows, and its view of
    the product."""

    dead: Sequence[Life]
    cells: Sequence[Cell]
    gone: Sequence[str] = ()


def seal(tx: Transaction, product_id: str, dead: Sequence[Life], *, gone: Collection[str] = ()) -> Handover:
    """Remember the counter's dead lives and decommissioned branches (`gone`), durably, and hand over what is
    known here. From now on nothing these say is heard any more."""
    membership.learn(tx, gone)
    life_table.learn_deaths(tx, dead)
    known = sorted(life_table.dead_lives(tx.connection))
    cells = stock_table.cells_to_spend(tx, product_id)
    return Handover(dead=known, cells=cells, gone=membership.gone(tx.connection))


@dataclass(frozen=True)
class Count:
    """What the admin enters: `gone` units left the shelf unseen from all the `dead` lives together, net of
    receipts nobody saw, so it may be negative."""

    product_id: str
    gone: int
    dead: Sequence[Life]


@dataclass(eq=False)
class OwnLifeOver(Exception):
    """A member knows more of this very life than this disk does, or knows it to be over: what it recovered
    before may be unknown here, so nothing was counted."""

    why: str


def release(tx: Transaction, count: Count, *, handovers: Mapping[str, Handover], actor: Actor) -> bool:
    """Merge what the members handed over and write the count into the counter's own row; False, with nothing
    counted, if another death became known meanwhile. Raises OwnLifeOver, or BranchClosed at a branch that was
    decommissioned.

    What remains of the pool is recovered; it may be sold once every member has acknowledged the row
    (`stock_table.usable_rights`). A pool that comes out below zero stays visible as such, to be corrected by
    another count.
    """
    if tx.identity.name in tx.gone:
        raise BranchClosed
    for member, handover in handovers.items():
        if life_table.me(tx) in handover.dead:
            raise OwnLifeOver(f"{member} names this epoch dead")
        life_table.learn_deaths(tx, handover.dead)
        if stock_table.merge(tx, handover.cells).ahead:
            raise OwnLifeOver(f"{member} has newer rows of this epoch")
    if sorted(life_table.dead_lives(tx.connection)) != sorted(count.dead):
        return False
    product_id, gone = count.product_id, count.gone
    cells = stock_table.cells_to_spend(tx, product_id)
    before = stock_table.own_cell(cells, life_table.me(tx), product_id)
    after = stock.counted(before, frozen=stock.totals(cells, count.dead).frozen, gone=gone)
    if after == before:
        return True
    usable = before.recovered - stock_table.unusable(tx.connection, product_id, before)
    stock_table.move(tx, before, after)
    tx.connection.execute(
        "INSERT INTO recoveries (product_id, epoch, usable, seq, members) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (product_id) DO UPDATE SET epoch = excluded.epoch, usable = excluded.usable,"
        " seq = excluded.seq, members = excluded.members",
        (product_id, tx.identity.epoch, usable, tx.counters.seq, json.dumps(sorted(handovers))),
    )
    tx.audit(
        actor,
        action="counted",
        entity="stock",
        entity_id=product_id,
        before=before.as_json(),
        after={**after.as_json(), "gone": gone, "dead": sorted(life.key for life in count.dead)},
        version=after.version,
    )
    return True
