"""Sends clients' requests to the nodes of a network, and writes each one and its outcome to the run log."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, TypeVar

from branchlab.checking.runlog import Phase, RunLog
from branchlab.language import _
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import NewCustomer, Order, Role, Share, Stock, WantedLine
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.steps import Step, Tell, silent

Answer = TypeVar("Answer")
Sleep = Callable[[float], Awaitable[None]]
Shown = Mapping[str, tuple[list[Order], list[Stock]]]
"""NODE → all its orders and stock"""
_CONFLICT = 409
_NOT_NOW = {
    "unreachable",
    "not_ready",
    "overloaded",
    "policy_mismatch",
    "storage_failed",
    "throttled",
}  # worth asking again, unlike a 422


@dataclass(frozen=True)
class Attempt:
    """One request and its outcome: `order` when it is ok, `refused` when the node certainly did nothing,
    `unknown` (the reason) when that is unknown."""

    order: Order | None = None
    refused: Refused | None = None
    unknown: str | None = None


@dataclass(frozen=True)
class Placed:
    """An order from its buyer's view, over all attempts with one key. `seconds` run from the first request to
    the last answer, pauses included."""

    outcome: Literal["accepted", "refused", "unknown"]
    order: Order | None
    attempts: tuple[Attempt, ...]
    seconds: float

    @property
    def refusals(self) -> tuple[Refused, ...]:
        return tuple(attempt.refused for attempt in self.attempts if attempt.refused is not None)


@dataclass(frozen=True)
class Patience:
    """How often a buyer repeats a request with the same key, and how long it pauses before. The pause has
    full jitter, so that buyers who were refused together do not come back together."""

    conflicts: int = 10  # after a 409: the units may still be on their way to the branch
    hiccups: int = 10  # after an unknown outcome, or while the node is not there or not ready
    base_seconds: float = 0.1
    most_seconds: float = 2.0

    def pause(self, attempt: int, random: Random) -> float:
        """Seconds before the next request, after `attempt` requests (1 or more)."""
        return random.uniform(0, min(self.most_seconds, self.base_seconds * 2 ** (attempt - 1)))

    def asks_again(self, attempts: Sequence[Attempt]) -> bool:
        """Whether the last of `attempts` should be repeated."""
        last = attempts[-1]
        if last.order is not None:
            return False
        conflicts = sum(_is_conflict(attempt) for attempt in attempts)
        if _is_conflict(last):
            return conflicts <= self.conflicts
        if last.refused is not None and last.refused.code not in _NOT_NOW:
            return False
        return len(attempts) - conflicts <= self.hiccups


NO_RETRY = Patience(conflicts=0, hiccups=0)


def _is_conflict(attempt: Attempt) -> bool:
    return attempt.refused is not None and attempt.refused.status == _CONFLICT


class Operations:
    """The clients of one run, one per node, behind one run log. Every order has `mark` as its note, so that
    nobody takes an order of somebody else for one of the run's. `by` tells in the log who asks."""

    def __init__(
        self,
        clients: Mapping[str, NodeClient],
        log: RunLog,
        *,
        random: Random,
        mark: str | None = None,
        by: str | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients = clients
        self.log = log
        self.mark = mark
        self._by = by
        self._random = random
        self._sleep = sleep
        self._clock = clock

    async def place(
        self,
        node: str,
        customer: str,
        lines: Sequence[WantedLine],
        *,
        key: str,
        patience: Patience = NO_RETRY,
    ) -> Placed:
        """Places one order, asking again with the same key as `patience` allows."""
        began = self._clock()
        attempts: list[Attempt] = []
        while True:
            attempts.append(await self._order_once(node, customer, lines, key=key, attempt=len(attempts) + 1))
            if not patience.asks_again(attempts):
                break
            await self._sleep(patience.pause(len(attempts), self._random))
        return Placed(_outcome(attempts), attempts[-1].order, tuple(attempts), self._clock() - began)

    async def _order_once(
        self, node: str, customer: str, lines: Sequence[WantedLine], *, key: str, attempt: int
    ) -> Attempt:
        request: dict[str, Any] = {"customer": customer, "lines": list(lines)}
        if self.mark is not None:
            request["note"] = self.mark
        op = self.log.invoke("order", node, request, key=key, attempt=attempt, by=self._by)
        try:
            return Attempt(
                order=await self._ended(
                    op, self.clients[node].place_order(customer, lines, key=key, note=self.mark)
                )
            )
        except Refused as refused:
            return Attempt(refused=refused)
        except Unknown as unknown:
            return Attempt(unknown=str(unknown))

    async def cancel(self, node: str, order_id: str) -> Order:
        """Cancels an order at its own branch. Raises Refused or Unknown."""
        op = self.log.invoke("cancel", node, {"order": order_id}, by=self._by)
        return await self._ended(op, self.clients[node].cancel_order(order_id))

    async def read_order(self, node: str, order_id: str) -> Order:
        """Reads one order as a client does. Raises Refused or Unknown."""
        op = self.log.invoke("read", node, {"order": order_id}, by=self._by)
        return await self._ended(op, self.clients[node].order(order_id))

    async def adjust(self, node: str, sku: str, quantity: int, *, share: Share, reason: str = "lab") -> None:
        """Receives (or with a minus removes) units at a node. Raises Refused or Unknown."""
        op = self.log.invoke("adjust", node, {"sku": sku, "quantity": quantity, "share": share}, by=self._by)
        await self._ended(op, self.clients[node].adjust(sku, quantity, reason=reason, share=share))

    async def count(self, node: str, sku: str, *, gone: int) -> None:
        """Counts the shelf at the node that counts for the company. Raises Refused or Unknown."""
        op = self.log.invoke("count", node, {"sku": sku, "gone": gone}, by=self._by)
        await self._ended(op, self.clients[node].count(sku, gone=gone))

    async def create_product(self, node: str, sku: str, name: str, price_cents: int) -> None:
        op = self.log.invoke(
            "product", node, {"sku": sku, "name": name, "price_cents": price_cents}, by=self._by
        )
        await self._ended(op, self.clients[node].create_product(sku, name, price_cents))

    async def create_customer(self, node: str, customer: NewCustomer) -> None:
        op = self.log.invoke("customer", node, {**customer}, by=self._by)
        await self._ended(op, self.clients[node].create_customer(customer))

    async def create_user(self, node: str, username: str, password: str, *, role: Role) -> None:
        op = self.log.invoke(
            "user", node, {"username": username, "role": role}, by=self._by
        )  # never the password
        await self._ended(op, self.clients[node].create_user(username, password, role=role))

    async def read(self, phase: Phase, *, tell: Tell = silent) -> None:
        """Reads all orders and stock of every node into the run log. A node that cannot be read is left out,
        which makes the verdict UNKNOWN."""
        self.record(phase, await self.shown(tell=tell))

    async def shown(self, *, tell: Tell = silent) -> Shown:
        """What every node shows that can be read, not yet written to the run log."""
        reading = set(self.clients)

        async def read(node: str) -> tuple[list[Order], list[Stock]] | None:
            found = await self._shown_by(node)
            reading.discard(node)
            if reading:
                tell_reading()
            return found

        def tell_reading() -> None:
            done, total = len(self.clients) - len(reading), len(self.clients)
            names = ", ".join(sorted(reading))
            words = _(
                "reading all orders and stock: {done} of {total} nodes; waiting for {names}",
                done=done,
                total=total,
                names=names,
            )
            tell(Step(words, done=done, total=total, passing=done > 0))

        tell_reading()
        found = await asyncio.gather(*map(read, self.clients))
        return {node: one for node, one in zip(self.clients, found, strict=True) if one is not None}

    def record(self, phase: Phase, shown: Shown) -> None:
        """Writes what the nodes showed to the run log."""
        for node, (orders, stock) in shown.items():
            self.log.read(node, phase, orders=orders, stock=stock)

    async def _shown_by(self, node: str) -> tuple[list[Order], list[Stock]] | None:
        try:
            return await self.clients[node].orders(), await self.clients[node].stock()
        except (Refused, Unknown):
            return None

    async def _ended(self, op: int, call: Awaitable[Answer]) -> Answer:
        try:
            answer = await call
        except Refused as refused:
            self.log.fail(op, status=refused.status, code=refused.code, problem=refused.problem)
            raise
        except Unknown as unknown:
            self.log.info(op, reason=str(unknown))
            raise
        self.log.ok(op, response=answer)
        return answer


def _outcome(attempts: Sequence[Attempt]) -> Literal["accepted", "refused", "unknown"]:
    """The outcome of all attempts. If any attempt is unknown, the order stays unknown, even after later
    answers: the first request may still be waiting inside a node."""
    if attempts[-1].order is not None:
        return "accepted"
    return "unknown" if any(attempt.unknown is not None for attempt in attempts) else "refused"
