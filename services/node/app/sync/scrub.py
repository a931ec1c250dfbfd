"""Reading every replicated row again from time to time, to find what was changed behind the node's back."""

import logging
import sqlite3
from collections.abc import Callable

from app.database import Database, StorageError
from app.runtime import Clock
from app.state import order_copies
from app.sync import anti_entropy
from app.sync.alarms import Alarms
from app.sync.peers import Peers

log = logging.getLogger("app.scrub")


class Scrub:
    """Compares the rows as they stand with the digests kept up to date at each write.

    Rows that were changed by anything but this node's commands count as damage of the file: `replace` is
    called, unless this file alone holds orders that no peer has, or no peer is there to rebuild from; then
    the alarm is all.
    """

    def __init__(
        self,
        database: Database,
        *,
        peers: Peers,
        alarms: Alarms,
        clock: Clock,
        seconds: float,
        replace: Callable[[], None],
    ) -> None:
        self._database = database
        self._peers = peers
        self._alarms = alarms
        self._clock = clock
        self._seconds = seconds
        self._replace = replace

    async def run(self) -> None:
        """Scrub every `seconds` until cancelled."""
        while True:
            await self._clock.sleep(self._seconds)
            try:
                await self.once()
            except (StorageError, sqlite3.Error) as error:
                log.warning("scrubbing is put off: %s", error)

    async def once(self) -> None:
        """Read everything once and act on what differs."""
        altered, at_risk = await self._database.read(_altered)
        if not altered:
            return
        self._alarms.raise_("altered_rows", f"rows differ from what was written: {', '.join(altered[:5])}")
        if at_risk == 0 and self._peers.lives_heard_from():
            self._replace()


def _altered(connection: sqlite3.Connection) -> tuple[list[str], int]:
    recorded = anti_entropy.recorded_totals(connection)
    actual = anti_entropy.actual_totals(connection)
    differing = anti_entropy.differing(recorded, actual)
    names = [f"{relation}/{bucket}" for relation, buckets in differing.items() for bucket in buckets]
    return names, order_copies.at_risk(connection)
