"""Says in a stopped node's file that its peers have all of its events, and drops those, by its own code:

    PYTHONPATH=services/node python acknowledge.py DATABASE CLUSTER_ID NAME

So that a large file has only as many pending events as are wanted, without the hours in which peers took
them.
"""

import asyncio
import sys
from pathlib import Path

from app.database import Database, Transaction
from app.runtime import SystemClock, ThreadExecutor, system_random
from app.state.registry.canonical_forms import FORMS
from app.sync.log import cursors, outbox

_MOST = 10**9


async def acknowledge(path: Path, cluster_id: str, name: str) -> None:
    """Moves the cursor of every life of a peer that the file knows to the end of the log."""
    executor = ThreadExecutor()
    database = Database(path, clock=SystemClock(), random=system_random(), executor=executor, forms=FORMS)
    await database.open(cluster_id=cluster_id, name=name)
    lives = await database.write(_move_all)
    while await database.write(lambda tx: outbox.trim(tx, lives, most=_MOST)):
        pass
    await database.close()
    executor.close()


def _move_all(tx: Transaction) -> list[tuple[str, str | None]]:
    rows = tx.connection.execute("SELECT peer, peer_epoch FROM cursors WHERE epoch = ?", (tx.identity.epoch,))
    lives = [(str(peer), str(epoch)) for peer, epoch in rows.fetchall()]
    for peer, epoch in lives:
        cursors.move(tx, peer, epoch, tx.counters.seq, epoch=tx.identity.epoch)
    return [*lives]


if __name__ == "__main__":
    asyncio.run(acknowledge(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
