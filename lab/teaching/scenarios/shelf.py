"""One product that all branches sell while a disk is lost, and the shelf that is counted afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.checking.operations import Patience
from lab.nodes.counting import when_unblocked
from lab.teaching.scenarios.stage import Stage

# Rights stay where they are, so that what a lost disk held is known; the node that counts is up in all cases.
SETTINGS = {"REBALANCE_SECONDS": "0"}
UNITS = 6000  # more than is sold, so that nobody has to ask for more
_PAUSE_SECONDS = 0.02  # between two orders of one buyer
# A buyer asks for about a minute before it gives up on an unclear answer: the node comes back.
_STUBBORN = Patience(conflicts=0, hiccups=120, base_seconds=0.1, most_seconds=1.0)


class Shelf:
    """The units of one product, and what buyers took of them."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self.sku = f"{stage.tag}-{name}"
        self.sold: dict[str, int] = {}  # order id → units
        self._wanted = 0

    async def stock(self) -> None:
        """Receives the units, an equal part for each branch."""
        first, operations = self._stage.nodes[0], self._stage.operations
        await operations.create_product(first, self.sku, f"Product {self.sku}", 700)
        await operations.create_customer(first, {"code": f"{self.sku}-BUYER", "name": "Buyer"})
        await self._stage.converge()
        await operations.adjust(first, self.sku, UNITS, share="equal")
        await self._stage.converge()

    async def sell(self, node: str, orders: int) -> None:
        """Places so many orders at the node, one after the other; each must be accepted."""
        for _ in range(orders):
            await self._buy(node)

    @asynccontextmanager
    async def selling(self, *nodes: str) -> AsyncIterator[None]:
        """A buyer at each of the nodes for as long as the context lasts."""
        over = asyncio.Event()

        async def buy(node: str) -> None:
            while not over.is_set():
                await self._buy(node)
                await asyncio.sleep(_PAUSE_SECONDS)

        async with asyncio.TaskGroup() as group:
            for node in nodes:
                group.create_task(buy(node))
            try:
                yield
            finally:
                over.set()

    async def _buy(self, node: str) -> None:
        self._wanted += 1
        quantity = self._stage.random.randint(1, 3)
        placed = await self._stage.operations.place(
            node,
            f"{self.sku}-BUYER",
            [{"sku": self.sku, "quantity": quantity}],
            key=f"{self.sku}-{self._wanted}",
            patience=_STUBBORN,
        )
        last = placed.attempts[-1]
        self._stage.expect(
            placed.order is not None, f"an order at {node} was not taken: {last.refused or last.unknown}"
        )
        if placed.order is not None:
            self.sold[placed.order["id"]] = quantity

    async def check(self, victim: str, at_risk: list[str]) -> None:
        """After all agree: only orders that were at risk are gone, the dead life's units are frozen, and a
        count releases exactly what nobody bought."""
        stage = self._stage
        await stage.converge()
        clients = stage.operations.clients
        shown = {node: {order["id"] for order in await client.orders()} for node, client in clients.items()}
        gone = self.sold.keys() - shown[victim]
        stage.expect(gone <= set(at_risk), f"{len(gone - set(at_risk))} orders are lost beyond those at risk")
        before = {node: await client.stock_of(self.sku) for node, client in clients.items()}
        frozen = before[victim]["frozen"]
        stage.expect(frozen > 0, f"nothing of {self.sku} is frozen though a disk was lost")
        stage.expect(
            before[victim]["here"] == 0, f"{victim} may sell {before[victim]['here']} of a dead life"
        )
        units_gone = sum(self.sold[id_] for id_ in gone)
        counter = min(stage.nodes)
        await when_unblocked(lambda: stage.operations.count(counter, self.sku, gone=units_gone))
        await stage.converge()
        left = UNITS - sum(self.sold.values())
        for node, client in clients.items():
            after = await client.stock_of(self.sku)
            stage.expect(
                (after["available"], after["frozen"]) == (left, 0),
                f"after the count {node} shows {after['available']} available and {after['frozen']} frozen"
                f" of {self.sku}, should be {left} and 0",
            )
        stage.facts.append(
            f"{len(self.sold)} orders, {len(at_risk)} at risk, {len(gone)} of them gone;"
            f" {frozen} units frozen, {left} to sell after the count"
        )
