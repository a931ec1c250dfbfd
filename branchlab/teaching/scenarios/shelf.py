"""One product that all branches sell while a disk is lost, and the shelf that is counted afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from branchlab.checking.checker.rights import rights_of
from branchlab.checking.operations import Patience
from branchlab.language import _
from branchlab.nodes.contract import Stock
from branchlab.nodes.stock_counts import UNBLOCKS_WITHIN_SECONDS, when_unblocked
from branchlab.teaching.scenarios.stage import Stage

# Rights stay where they are, so that what a lost disk held is known; the node that counts is up in all cases.
SETTINGS = {"REBALANCE_SECONDS": "0"}
UNITS = 6000  # more than is sold, so that nobody has to ask for more
_PAUSE_SECONDS = 0.02  # between two orders of one buyer
# A buyer asks for about a minute before it gives up on an unclear answer: the node comes back.
_STUBBORN = Patience(conflicts=0, hiccups=120, base_seconds=0.1, most_seconds=1.0)


def units_of_a_dead_life(stock: Stock, branch: str, epoch: str | None) -> int:
    """What the branch holds beyond the rights of its present life: received, granted to it, and not spent.
    What others granted to the new life is no dead life's."""
    return stock["here"] - rights_of(stock)[branch, str(epoch)]


class Shelf:
    """The units of one product, and what buyers took of them."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self.sku = f"{stage.tag}-{name}"
        self.sold: dict[str, int] = {}  # order id → units
        self._wanted = 0
        self._is_clear = True  # whether every order came to a clear end

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
        for _order in range(orders):
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
        refused = placed.attempts[-1].refused
        if refused is not None and refused.passes:
            self._stage.unjudged.append(
                _("an order at {node} was not taken in time: {refused}", node=node, refused=refused)
            )
        elif self._stage.expect_answer(placed, _("an order at {node}", node=node)):
            self._stage.expect(
                placed.order is not None,
                _("an order at {node} was not taken: {refused}", node=node, refused=refused),
            )
        else:
            self._is_clear = False
        if placed.order is not None:
            self.sold[placed.order["id"]] = quantity

    async def check(self, victim: str, at_risk: list[str], *, salvaged: bool = False) -> None:
        """Expect, once all agree, that only orders at risk are gone, that the dead life's units are frozen,
        and that a count releases exactly what nobody bought.

        The count is of the shelf: what is recorded there and is not on it. Those are the units of the orders
        that are gone; where a damaged file was `salvaged`, perhaps fewer, since an order's movement of stock
        may come back without the order."""
        stage = self._stage
        await stage.converge()
        clients = stage.operations.clients
        shown = {node: {order["id"] for order in await client.orders()} for node, client in clients.items()}
        gone = self.sold.keys() - shown[victim]
        stage.expect(
            gone <= set(at_risk),
            _("{count} orders are lost beyond those at risk", count=len(gone - set(at_risk))),
        )
        before = {node: await client.stock_of(self.sku) for node, client in clients.items()}
        frozen = before[victim]["frozen"]
        stage.expect(frozen > 0, _("nothing of {sku} is frozen though a disk was lost", sku=self.sku))
        of_the_dead = units_of_a_dead_life(before[victim], victim, (await stage.status(victim))["epoch"])
        stage.expect(
            of_the_dead <= 0,
            _("{victim} may sell {of_the_dead} of a dead life", victim=victim, of_the_dead=of_the_dead),
        )
        units_gone = sum(self.sold[id_] for id_ in gone)
        left = UNITS - sum(self.sold.values())
        missing = before[victim]["available"] + frozen - left if self._is_clear else units_gone
        stage.expect(
            (0 if salvaged else units_gone) <= missing <= units_gone,
            _(
                "{missing} units of {sku} are recorded and not on the shelf; the orders that are gone took"
                " {units_gone}",
                missing=missing,
                sku=self.sku,
                units_gone=units_gone,
            ),
        )
        counter = min(stage.nodes)
        await when_unblocked(
            lambda: stage.operations.count(counter, self.sku, gone=missing),
            deadline_seconds=stage.pace.patience(UNBLOCKS_WITHIN_SECONDS),
        )
        await stage.converge()
        for node, client in clients.items() if self._is_clear else ():
            after = await client.stock_of(self.sku)
            stage.expect(
                (after["available"], after["frozen"]) == (left, 0),
                _(
                    "after the count {node} shows {available} available and {frozen} frozen of {sku}, should"
                    " be {left} and 0",
                    node=node,
                    available=after["available"],
                    frozen=after["frozen"],
                    sku=self.sku,
                    left=left,
                ),
            )
        stage.facts.append(
            _(
                "{count} orders, {at_risk} at risk, {gone} of them gone; {frozen} units frozen,"
                " {left} to sell after the count",
                count=len(self.sold),
                at_risk=len(at_risk),
                gone=len(gone),
                frozen=frozen,
                left=left,
            )
        )
