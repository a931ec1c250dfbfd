"""Asks peers for rights over HTTP, in rounds that all waiting commands of a product share."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.database import Transaction
from app.domain import evidence, stock
from app.domain.errors import Invalid
from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.waiting import Demand, WaitingList, demand_of
from app.services.stock_service import StockService
from app.state.registry import replicated
from app.state.tables import life_table, stock_table
from app.sync.context import NodeContext
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer
from app.sync.wire.messages import TransferReply, TransferRequest

log = logging.getLogger("app.sync")

SHORTEST_ASK_SECONDS = 0.02

_Subject = tuple[str, bool]
"""What a round is about: a product id, and whether it asks for orders within reach."""


@dataclass(frozen=True)
class _Known:
    """This node's view of a product: its cells, those of them to send, the company's available units, the
    rights usable here, and the logical time of the view."""

    cells: Sequence[Cell] = ()
    told: Sequence[Cell] = ()
    available: int = 0
    rights: int = 0
    lamport: int = 0


class RightsAsker:
    """Asks peers for the units that commands at this branch wait for (implements
    `app.services.rights_broker.Asker`).

    Each product has one lock and at most one round under way. All commands that wait when a round starts
    share it, so a hundred buyers of one product cost two rounds. No order holds the lock while it waits.
    Commands that are impossible have rounds of their own, for which nobody else waits.
    """

    def __init__(self, context: NodeContext, *, waiting: WaitingList, stock_service: StockService) -> None:
        self._database = context.database
        self._peers = context.peers
        self._link = context.link
        self._fencer = context.fencer
        self._clock = context.clock
        self._patience = context.settings.transfer_wait_seconds
        self._waiting = waiting
        self._stock_service = stock_service
        self._locks: dict[_Subject, asyncio.Lock] = {}
        self._next: dict[_Subject, asyncio.Task[bool]] = {}
        # In order of beginning: a set of tasks has the order of their addresses, another one in every run.
        self._tasks: dict[asyncio.Task[bool], None] = {}
        self._gave_nothing: set[tuple[str, str]] = set()

    async def ask(self, product_id: str, *, within_reach: bool) -> bool:
        """Share a round that begins after this call. Returns True when every peer was asked and the units
        still do not suffice."""
        subject = (product_id, within_reach)
        task = self._next.get(subject)
        if task is None:
            task = asyncio.create_task(self._round(subject), name=f"ask for {product_id}")
            self._next[subject] = task
            self._tasks[task] = None
            task.add_done_callback(self._ended)
        # A waiter that gives up must not take the round away from the others.
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[bool]) -> None:
        """Forget a round. Everybody who waited for it may have given up before it failed, as on a full disk:
        then its error is only logged."""
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning("%s ended early: %r", task.get_name(), error)

    async def close(self) -> None:
        """End every round."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _round(self, subject: _Subject) -> bool:
        product_id, _ = subject
        lock = self._locks.setdefault(subject, asyncio.Lock())
        async with lock:
            self._next.pop(subject, None)
            deadline = self._clock.monotonic() + self._patience
            asked: set[str] = set()
            lacking, demand = await self._lacking(subject)
            while True:
                left = [peer for peer in self._in_order(product_id, lacking.cells) if peer.name not in asked]
                remaining = deadline - self._clock.monotonic()
                if demand is None or not left or remaining <= 0:
                    break
                asked.add(left[0].name)
                patience = max(remaining / len(left), SHORTEST_ASK_SECONDS)
                reply = await self._ask(left[0], product_id, demand, lacking, patience=patience)
                if reply is None:
                    lacking, demand = await self._lacking(subject)
                else:  # in this order, and in one group of the writer
                    accepted = self._accept(left[0], product_id, reply)
                    _, (lacking, demand) = await asyncio.gather(accepted, self._lacking(subject))
        if subject not in self._next and not lock.locked():
            self._locks.pop(subject, None)
        return demand is not None

    async def _lacking(self, subject: _Subject) -> tuple[_Known, Demand | None]:
        """This node's view of the product, and what to ask for: None when own rights cover all that waits.

        It is read behind the writer's queue. Orders that left the waiting list are in that queue, and the
        rights they are about to take must not count for those that still wait.
        """
        product_id, within_reach = subject
        needs = self._waiting.needs_of(product_id, within_reach=within_reach)
        if not needs:
            return _Known(), None
        known = await self._database.write(lambda tx: _know(tx, product_id))
        demand = demand_of(needs, available=known.available)
        if demand is None or demand.is_met_by(known.rights):
            return known, None
        return known, demand

    def _in_order(self, product_id: str, cells: Sequence[Cell]) -> list[Peer]:
        """The peers of known life in the order of asking: the one with most rights first. Peers that gave
        nothing last time come later, and peers not heard from lately come last."""

        def rank(peer: Peer) -> tuple[bool, bool, int, str]:
            rights = stock.rights_of(Life(peer.name, peer.epoch or ""), cells)
            silent = not self._peers.is_heard_from(peer)
            return silent, (product_id, peer.name) in self._gave_nothing, -rights, peer.name

        return sorted((peer for peer in self._peers if peer.epoch is not None), key=rank)

    async def _ask(
        self, peer: Peer, product_id: str, demand: Demand, known: _Known, *, patience: float
    ) -> TransferReply | None:
        """A peer's answer; None where there is none."""
        request = TransferRequest(
            to_epoch=peer.epoch or "",
            epoch=self._database.identity.epoch,
            product_id=product_id,
            wanted=demand.wanted,
            age=demand.age,
            lamport=known.lamport,
            revisions=replicated.sent_revisions(),
            cells=[cell.as_json() for cell in known.told],
        )
        if demand.wanted:
            self._gave_nothing.add((product_id, peer.name))  # until its answer gives something
        try:
            return await self._link.call(
                peer, "/replica/transfer", request, expect=TransferReply, patience=patience
            )
        except Refusal as refusal:
            if refusal.answer.code == "wrong_epoch":
                peer.needs_hello = True
                peer.work.set()
            return None

    async def _accept(self, peer: Peer, product_id: str, reply: TransferReply) -> None:
        """Store what a peer answered."""
        epoch = self._database.identity.epoch
        try:
            cells = replicated.cells_from(reply.cells, reply.revisions)
            merged = await self._stock_service.accept(
                cells, giver=Life(peer.name, reply.epoch), lamport=reply.lamport
            )
        except (Invalid, sqlite3.IntegrityError):
            # No node writes such rows, or of a product that nobody ever created; what the peer really
            # granted, if anything, comes by its events.
            return
        if reply.granted:
            self._gave_nothing.discard((product_id, peer.name))
        if merged.ahead:
            await self._fencer.begin(epoch, evidence.newer_rows(peer.name), witness=peer.name)


def _know(tx: Transaction, product_id: str) -> _Known:
    cells, dead = stock_table.cells_to_spend(tx, product_id), life_table.dead_lives(tx.connection)
    return _Known(
        cells=cells,
        told=stock_table.tellable(tx.connection, cells, dead),
        available=stock.totals(cells, dead).available,
        rights=stock_table.usable_rights(tx.connection, cells, life_table.me(tx)),
        lamport=tx.counters.lamport,
    )
