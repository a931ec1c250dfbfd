"""The stock count: the only way to make units of the frozen pool sellable again.

Nobody can know what a dead life sold after its last message. So people count the shelf. First every living
member confirms that it knows the same dead lives. Then the admin enters how many units are missing because of
all of them together. One branch, the counter, recovers what remains of the pool.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.database import Actor, Transaction
from app.domain import evidence, stock, testimony
from app.domain.errors import BranchClosed, CountBlocked, UnconfirmedDeath
from app.domain.life import Life
from app.domain.stock import Cell
from app.state.commands import grants
from app.state.tables import life_table, membership, stock_table


@dataclass(frozen=True)
class Handover:
    """A member's answer to a count: every dead life and decommissioned branch that it knows, and its stock
    rows of the product."""

    dead: Sequence[Life]
    cells: Sequence[Cell]
    life: Life
    decommissioned: Sequence[str] = ()


def hand_over(
    tx: Transaction,
    product_id: str,
    dead: Sequence[Life],
    *,
    counter: Life,
    decommissioned: Collection[str] = (),
    may_move: bool = True,
) -> Handover:
    """Store the counter's dead lives and decommissioned branches durably, then return what this member knows.

    From then on this node refuses every message of these lives and branches. Where it `may_move` units, it
    gives unconfirmed ones back first: what comes later would be frozen after the count. Raises
    UnconfirmedDeath for a life that lives for all it knows: its branch has to say so here first.
    """
    membership.learn(tx, decommissioned)
    life_table.learn_deaths(tx, dead, by=counter)
    for life in testimony.unbelieved(dead, life_table.over(tx, dead)):
        raise UnconfirmedDeath(*life)
    if may_move:
        grants.give_back(tx, product_id)
    known = life_table.dead_lives(tx.connection)
    cells = stock_table.tellable(tx.connection, stock_table.cells_to_spend(tx, product_id), known)
    return Handover(
        dead=life_table.deaths_to_tell(tx.connection),
        cells=cells,
        life=life_table.me(tx),
        decommissioned=membership.decommissioned(tx.connection),
    )


@dataclass(frozen=True)
class Count:
    """What the admin enters. `missing` is the number of units that left the shelf unrecorded because of all
    the `dead` lives together. It is negative where more unrecorded units arrived than left."""

    product_id: str
    missing: int
    dead: Sequence[Life]


@dataclass(eq=False)
class OwnLifeOver(Exception):
    """A member has more of the counter's own life than the counter's disk, or knows that it is over. Earlier
    recoveries may then be unknown here, so nothing was counted.

    `witness` is the member that says so; `why` says it in words.
    """

    witness: str
    what: str

    @property
    def why(self) -> str:
        return f"{self.witness} {self.what}"


def release(tx: Transaction, count: Count, *, handovers: Mapping[str, Handover], actor: Actor) -> bool:
    """Merge the members' handovers, then write the count into the counter's own stock row.

    Returns False, with nothing counted, if another dead life became known meanwhile. Raises OwnLifeOver, or
    BranchClosed where this branch was decommissioned.

    The rest of the pool is recovered at once, but may be sold only when every member has acknowledged the row
    (`stock_table.usable_rights`). A pool below zero stays visible until another count corrects it.
    """
    if tx.identity.name in tx.decommissioned:
        raise BranchClosed
    for member, handover in handovers.items():
        if life_table.me(tx) in handover.dead:
            raise OwnLifeOver(member, "names this epoch dead")
        life_table.learn_deaths(tx, handover.dead, by=handover.life)
        with tx.hearing(handover.life):
            if stock_table.merge(tx, handover.cells).ahead:
                raise OwnLifeOver(member, evidence.NEWER_ROWS)
        if testimony.unbelieved(handover.dead, life_table.over(tx, handover.dead)):
            raise CountBlocked(member, "names_a_living_epoch_dead")
    if sorted(life_table.dead_lives(tx.connection)) != sorted(count.dead):
        return False
    product_id, missing = count.product_id, count.missing
    grants.give_back(tx, product_id)
    cells = stock_table.cells_to_spend(tx, product_id)
    before = stock_table.own_cell(cells, life_table.me(tx), product_id)
    after = stock.counted(before, frozen=stock.totals(cells, count.dead).frozen, missing=missing)
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
        after={**after.as_json(), "gone": missing, "dead": sorted(life.key for life in count.dead)},
        version=after.version,
    )
    return True
