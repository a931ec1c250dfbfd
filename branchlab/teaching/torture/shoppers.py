"""The clients of a torture: they order, ask again with the same key, cancel, look up, receive and remove."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

from branchlab.checking.operations import Operations, Patience, Placed
from branchlab.nodes.contract import Share, WantedLine
from branchlab.nodes.outcome import Refused, Unknown

PRODUCTS = 10
_SCARCE = 5  # of them run out again and again, so that branches ask each other for units
_SCARCE_UNITS, _PLENTY_UNITS = 40, 100_000
_HABITS = {"order": 62, "repeat": 6, "cancel": 10, "look up": 12, "adjust": 10}
_PAUSE_SECONDS = (0.05, 0.5)
_AWAY_SECONDS = (0.3, 1.0)  # before a branch that did not serve is tried again
# A client asks again with the same key for some ten seconds, then lives with not knowing.
_PATIENCE = Patience(conflicts=0, hiccups=12, base_seconds=0.2, most_seconds=1.5)
_RECENT = 200  # acknowledged orders of a client that it still thinks of
# 401: an empty node that knows no users yet; 404: of an order that its disk lost.
_EXPECTED = {0, 401, 404, 409, 503, 507}


@dataclass(frozen=True)
class _Bought:
    """An acknowledged order, and what to ask for it again."""

    order_id: str
    key: str
    lines: list[WantedLine]


@dataclass
class Shoppers:
    """Several clients at each branch. `told` are the acknowledged orders by branch and epoch; while
    somebody holds `no_cancelling[branch]`, no order is being cancelled there."""

    operations: Operations
    seed: int
    tag: str
    told: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    strange: Counter[str] = field(default_factory=Counter)
    no_cancelling: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @property
    def skus(self) -> list[str]:
        return [f"{self.tag}-{number:02d}" for number in range(PRODUCTS)]

    async def open_shop(self, node: str) -> None:
        """Brings customers, products and units in at one branch. Raises Refused or Unknown."""
        await self.operations.create_customer(node, {"code": f"{self.tag}-BUYER", "name": "Buyer"})
        for number, sku in enumerate(self.skus):
            await self.operations.create_product(node, sku, f"Product {sku}", 700 + number)
            units = _SCARCE_UNITS if number < _SCARCE else _PLENTY_UNITS
            await self.operations.adjust(node, sku, units, share="equal")

    async def shop(self, over: asyncio.Event, *, each: int) -> None:
        """`each` clients at every branch until it is over; then returns when the last one was answered."""
        async with asyncio.TaskGroup() as group:
            for node in self.operations.clients:
                for number in range(each):
                    group.create_task(_Shopper(self, node, number).shop(over))


class _Shopper:
    """One client at one branch."""

    def __init__(self, shoppers: Shoppers, node: str, number: int) -> None:
        self._all = shoppers
        self._operations = shoppers.operations
        self._node = node
        self._name = f"{shoppers.tag}-{node}-{number}"
        self._random = Random(f"{shoppers.seed}/{node}/{number}")
        self._bought: list[_Bought] = []
        self._asked = 0

    async def shop(self, over: asyncio.Event) -> None:
        while not over.is_set():
            habit = self._random.choices(list(_HABITS), list(_HABITS.values()))[0]
            pause = _PAUSE_SECONDS
            try:
                await self._do(habit)
            except Refused as refused:
                self._note(refused)
                pause = _AWAY_SECONDS if refused.status in (0, 401, 503) else _PAUSE_SECONDS
            except Unknown as unknown:
                self._note_unknown(str(unknown))
            await asyncio.sleep(self._random.uniform(*pause))

    async def _do(self, habit: str) -> None:
        if habit == "order":
            await self._order()
        elif habit == "adjust":
            await self._adjust()
        elif self._bought:
            bought = self._random.choice(self._bought)
            if habit == "look up":
                await self._operations.read_order(self._node, bought.order_id)
            elif habit == "cancel":
                async with self._all.no_cancelling[self._node]:
                    await self._operations.cancel(self._node, bought.order_id)
            else:
                await self._place(bought.lines, bought.key)

    async def _order(self) -> None:
        self._asked += 1
        await self._place(self._lines(), f"{self._name}-{self._asked}")

    async def _place(self, lines: list[WantedLine], key: str) -> None:
        buyer = f"{self._all.tag}-BUYER"
        placed = await self._operations.place(self._node, buyer, lines, key=key, patience=_PATIENCE)
        for attempt in placed.attempts:
            if attempt.refused is not None:
                self._note(attempt.refused)
            elif attempt.unknown is not None:
                self._note_unknown(attempt.unknown)
        self._remember(placed, lines, key)

    def _remember(self, placed: Placed, lines: list[WantedLine], key: str) -> None:
        if placed.order is not None:
            order = placed.order
            self._all.told[self._node, order["epoch"]].add(order["id"])
            self._bought = [*self._bought[-_RECENT:], _Bought(order["id"], key, lines)]

    def _lines(self) -> list[WantedLine]:
        skus = self._random.sample(self._all.skus, self._random.choice((1, 1, 1, 2, 3, 5)))
        return [{"sku": sku, "quantity": self._random.choice((1, 1, 2, 3))} for sku in skus]

    async def _adjust(self) -> None:
        shares: tuple[Share, ...] = ("equal", "keep", "demand")
        sku = self._random.choice(self._all.skus[:_SCARCE])
        quantity = self._random.randint(5, 25) if self._random.random() < 0.8 else -self._random.randint(1, 3)
        await self._operations.adjust(self._node, sku, quantity, share=self._random.choice(shares))

    def _note(self, refused: Refused) -> None:
        """Counts a refusal that none of the faults explains."""
        if refused.status not in _EXPECTED:
            self._all.strange[f"{refused.status} {refused.code}"] += 1

    def _note_unknown(self, reason: str) -> None:
        """A 5xx without a stable word is an error of the node, whatever was broken."""
        if reason.startswith("500"):
            self._all.strange[reason] += 1
