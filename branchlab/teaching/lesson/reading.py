"""Reads what the nodes show, as the facts of a step; and samples them meanwhile, for charts."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from branchlab.checking.evidence import collect
from branchlab.checking.runlog import read_records
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Deficit, Status
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.tasks import cancel
from branchlab.teaching.scenarios.stage import Stage

_SAMPLE_SECONDS = 0.4
_ANSWER_SECONDS = 2.0
_ONE_IN = 5  # samples with all stock rows


class Reader:
    """The nodes of a stage, but for those that are `away`, and the products of the lesson."""

    def __init__(self, stage: Stage, away: set[str]) -> None:
        self._stage = stage
        self._away = away
        self._sku: str | None = None
        self._priced: str | None = None
        self.short: Sequence[Deficit] = ()
        """The orders that were sold without units for them, as the node that knows of most showed last."""

    def watch(self, sku: str) -> None:
        """From now on the stock of this product is read."""
        self._sku = sku

    def watch_price(self, sku: str) -> None:
        """From now on the price of this product is read, too."""
        self._priced = sku

    def _there(self) -> Mapping[str, NodeClient]:
        clients = self._stage.operations.clients
        return {node: client for node, client in clients.items() if node not in self._away}

    async def statuses(self) -> dict[str, Status]:
        """NODE → its status, of those that answer."""
        found = {}
        for node, client in self._there().items():
            with suppress(Refused, Unknown):
                found[node] = await client.status()
        return found

    async def pending(self) -> dict[tuple[str, str], int]:
        """(sender, receiver) → pending events, where they are known."""
        return {
            (node, peer): count
            for node, status in (await self.statuses()).items()
            for peer, count in status["pending"].items()
            if count is not None
        }

    async def read(self) -> dict[str, object]:
        """What the nodes show now."""
        statuses = await self.statuses()
        digests = {status["digest"] for status in statuses.values()}
        facts: dict[str, object] = {
            f"pending.{node}.{peer}": count
            for node, status in statuses.items()
            for peer, count in status["pending"].items()
            if count is not None
        }
        facts["digests"] = len(digests)
        if len(digests) == 1:
            facts["digest"] = next(iter(digests))
        facts["parked"] = sum(status["parked"] or 0 for status in statuses.values())
        return {**facts, **await self._orders(), **await self._stock(), **await self._price()}

    async def _orders(self) -> dict[str, object]:
        """How many of this run's orders each node has."""
        facts: dict[str, object] = {}
        mark = self._stage.operations.mark
        for node, client in self._there().items():
            with suppress(Refused, Unknown):
                facts[f"orders.{node}"] = sum(order["note"] == mark for order in await client.orders())
        return facts

    async def _stock(self) -> dict[str, object]:
        facts: dict[str, object] = {}
        oversold: list[int] = []
        self.short = ()
        for node, client in self._there().items() if self._sku is not None else ():
            with suppress(Refused, Unknown):
                stock = await client.stock_of(str(self._sku))
                facts[f"available.{node}"] = stock["available"]
                facts[f"here.{node}"] = stock["here"]
                oversold.append(stock["oversold"])
                self.short = max(self.short, stock["deficits"], key=len)
        return {**facts, "oversold": max(oversold), "short": len(self.short)} if oversold else facts

    async def numbers(self, orders: Iterable[str]) -> list[str]:
        """The numbers of these orders, as any node shows them; sorted."""
        found: dict[str, str] = {}
        for client in self._there().values():
            with suppress(Refused, Unknown):
                found |= {order["id"]: order["number"] for order in await client.orders()}
        return sorted(found[one] for one in set(orders) if one in found)

    def answered(self, orders: Iterable[str]) -> list[str]:
        """The numbers of these orders as their clients were told, by the run log; sorted. So they are known
        also when no node has them."""
        told = collect(read_records(self._stage.operations.log.path)).acknowledged()
        return sorted(told[one][0].response["number"] for one in orders)

    async def _price(self) -> dict[str, object]:
        """The price that all show, and the one that a wall clock would have chosen."""
        if self._priced is None:
            return {}
        prices, edits = set(), []
        for client in self._there().values():
            product = await client.product(self._priced)
            prices.add(product["price_cents"])
            edits += await client.audit(entity="product", entity_id=product["id"], action="updated")
        newest: dict[str, Any] = max(edits, key=lambda edit: str(edit["at"]))
        chosen = {"by_clock": newest["after"]["price_cents"]}
        return {**chosen, "price": prices.pop()} if len(prices) == 1 else {**chosen}

    def keys(self) -> dict[str, str]:
        """ORDER → the key that it was asked for with, by the run log."""
        keys: dict[int, str] = {}
        found: dict[str, str] = {}
        for record in read_records(self._stage.operations.log.path):
            if record["kind"] == "op.invoke" and record["action"] == "order":
                keys[record["op"]] = record["key"]
            elif record["kind"] == "op.ok" and record["op"] in keys:
                found[record["response"]["id"]] = keys[record["op"]]
        return found


@asynccontextmanager
async def sampling(stage: Stage) -> AsyncIterator[None]:
    """Samples every node into the run log while the block lasts, each by itself."""
    tasks = [asyncio.create_task(_sample(stage, node)) for node in stage.nodes]
    try:
        yield
    finally:
        await cancel(tasks)


async def _sample(stage: Stage, node: str) -> None:
    client, number = stage.operations.clients[node], 0
    while True:
        number += 1
        status: Status | None = None
        stock = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                status = await client.status()
                if number % _ONE_IN == 0:
                    stock = await client.stock()
                    again = await client.status()
                    stock = stock if again["epoch"] == status["epoch"] else None
                    status = again
        except (Refused, Unknown, TimeoutError):
            status, stock = None, None
        stage.operations.log.sample(node, status, stock=stock)
        await asyncio.sleep(_SAMPLE_SECONDS)
