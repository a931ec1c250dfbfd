"""The stock count after disks were lost: people count the shelf, and nothing is frozen any more."""

from collections.abc import Sequence

from tests.simulation.clients import ACTOR, PATIENCE_SECONDS
from tests.simulation.journal import Journal
from tests.simulation.machine import Machine
from tests.simulation.observer import Observer

_DEAD = "SELECT branch, epoch FROM epochs WHERE dead = 1"
_PRODUCTS = "SELECT id, sku FROM products ORDER BY id"


async def count_all(machines: Sequence[Machine], observer: Observer, journal: Journal) -> int:
    """Count every product at the branch that counts for the company, entering what really went unseen; the
    network is healed and quiet. Afterwards nothing is frozen any more. Returns the units found that no disk
    knew to have come: received, or given back by an order that still shows as placed."""
    counter = min(machines, key=lambda machine: machine.name)
    assert counter.process is not None, "everything was switched on"
    process = counter.process
    file = observer.connection(counter)
    dead = set(file.execute(_DEAD).fetchall())
    found = 0
    for product_id, sku in file.execute(_PRODUCTS).fetchall():
        gone = observer.gone(product_id, dead)
        journal.note("counts", sku, gone)
        observer.effects.find(product_id, counter.name, max(0, -gone))
        found += max(0, -gone)
        await process.do(process.node.counts.count(sku, gone=gone, actor=ACTOR), patience=PATIENCE_SECONDS)
    return found
