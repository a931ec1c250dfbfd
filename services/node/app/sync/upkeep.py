"""What a node does for its peers in the background besides sending: it trims the log, gives units back, and
offers surplus."""

import asyncio
import logging
import sqlite3

from app.database import StorageError, Transaction
from app.runtime import wait
from app.services.stock_service import StockService
from app.sync.context import NodeContext
from app.sync.log import outbox

log = logging.getLogger("app.sync")

TRIM_SECONDS = 30.0
GIVE_BACK_SECONDS = 5.0  # also without news: a life may have ended, or this node may move units only now


class Upkeep:
    """Runs these tasks until they are cancelled. A storage error puts one off."""

    def __init__(self, context: NodeContext, *, stock: StockService) -> None:
        self._database = context.database
        self._peers = context.peers
        self._readiness = context.readiness
        self._clock = context.clock
        self._rebalance_seconds = context.settings.rebalance_seconds
        self._most_events = context.settings.outbox_max_events
        self._stock = stock
        self._kept_watch = context.kept_watch

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start the tasks in this group."""
        tasks.create_task(self._trim(), name="trim")
        tasks.create_task(self._give_back(), name="give back")
        if self._rebalance_seconds > 0:
            tasks.create_task(self._rebalance(), name="rebalance")

    async def _trim(self) -> None:
        while True:
            await self._clock.sleep(TRIM_SECONDS)
            try:
                while await self._database.write(self._trim_once):
                    pass
                await self._kept_watch.look_again()
            except (StorageError, sqlite3.Error) as error:
                log.warning("trimming is put off: %s", error)

    def _trim_once(self, tx: Transaction) -> bool:
        lives = [(peer.name, peer.epoch) for peer in self._peers]
        return outbox.trim(tx, lives, most=self._most_events)

    async def _give_back(self) -> None:
        """Give back unconfirmed units, while this node may move units at all: a disk that went back must not,
        until peers have judged it."""
        while True:
            changed = self._stock.hearsay.next
            try:
                if self._readiness.selling:
                    await self._stock.give_back()
            except (StorageError, sqlite3.Error) as error:
                log.warning("giving units back is put off: %s", error)
            await wait(changed, GIVE_BACK_SECONDS)

    async def _rebalance(self) -> None:
        """Offer surplus, while this node may move units at all: a life that is over gives nothing away."""
        while True:
            await self._clock.sleep(self._rebalance_seconds)
            try:
                if self._readiness.selling:
                    await self._stock.offer_surplus()
            except (StorageError, sqlite3.Error) as error:
                log.warning("rebalancing is put off: %s", error)
