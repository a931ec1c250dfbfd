"""The stock count after lost disks: people count the shelf, and then nothing is frozen."""

import asyncio
from collections.abc import Sequence

from app.domain.errors import CountBlocked
from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.people.clients import ACTOR, PATIENCE_SECONDS
from tests.simulation.people.record import Record
from tests.simulation.watching.observer import Observer

AGAIN_SECONDS = 0.5
UNBLOCKS_WITHIN_SECONDS = 10.0
"""How long a count may stay blocked in a quiet network by a member's late hello of an earlier life. One of
its next hellos ends that without help; a count that stays blocked longer never unblocks."""

_PRODUCTS = "SELECT id, sku FROM products ORDER BY id"


async def count_all(
    machines: Sequence[Machine], observer: Observer, journal: Journal, record: Record
) -> None:
    """Count every product at the branch that counts for the company, and enter the units that are really
    missing. The network is healed and quiet. Afterwards nothing is frozen."""
    counter = min(machines, key=lambda machine: machine.name)
    assert counter.process is not None, "everything was switched on"
    process = counter.process
    file = observer.connection(counter)
    loop = asyncio.get_running_loop()
    for product_id, sku in file.execute(_PRODUCTS).fetchall():
        deadline = loop.time() + UNBLOCKS_WITHIN_SECONDS
        while True:
            missing = observer.truth.missing(product_id)
            journal.note("counts", sku, missing)
            observer.effects.find(product_id, counter.name, max(0, -missing))
            op = record.invoke("count", counter.name, None, {"sku": sku, "gone": missing})
            count = process.node.counts.count(sku, missing=missing, actor=ACTOR)
            try:
                await process.do(count, patience=PATIENCE_SECONDS)
            except CountBlocked as blocked:
                record.answered(op, "fail", None)
                if loop.time() >= deadline:
                    raise
                journal.note("blocked", blocked.member, blocked.reason)
                observer.effects.find(product_id, counter.name, 0)  # nothing was counted
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                record.answered(op, "ok", None)
                break
