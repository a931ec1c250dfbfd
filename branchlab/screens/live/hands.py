"""What a person does by hand at a branch: sell, return, adjust, as an administrator, an operator or nobody;
and a steady load."""

import asyncio
import itertools
import secrets as chance
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Literal

from branchlab.checking.operations import Operations
from branchlab.checking.runlog import RunLog
from branchlab.errors import LabError
from branchlab.language import deferred
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Order, WantedLine
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from branchlab.settings import Secrets

Who = Literal["admin", "operador", "nobody"]
WHO: tuple[Who, ...] = ("admin", "operador", "nobody")

_OPERATOR = "sala"
_CUSTOMER = "SALA"
_SKU = "CAFE-SALA"
_FIRST_UNITS, _FEW_UNITS = 600, 150
_PASSWORD_BYTES = 12
_KNOWN_SECONDS = 3.0


class Hands:
    """Clients of every branch for everybody who may stand at its counter. Close it at the end."""

    def __init__(self, network: Network, secrets: Secrets, log: RunLog, *, mark: str) -> None:
        self._network = network
        self._secrets = secrets
        self._log = log
        self._mark = mark
        self._stack = AsyncExitStack()
        self._clients: dict[Who, dict[str, NodeClient]] = defaultdict(dict)
        self._numbers = itertools.count(1)
        self._sold: dict[str, list[Order]] = defaultdict(list)
        self._prepared = asyncio.Lock()
        self._password = ""
        self.skus: list[str] = []

    async def close(self) -> None:
        await self._stack.aclose()

    async def client(self, who: Who, node: str) -> NodeClient:
        """That person's client at that branch, logged in. Raises Refused or Unknown."""
        known = self._clients[who]
        if node not in known:
            known[node] = await self._stack.enter_async_context(NodeClient(node, self._network.url(node)))
        client = known[node]
        if who == "nobody" or client.token is not None:
            return client
        if who == "admin":
            await client.login(self._secrets.admin_username, self._secrets.admin_password)
        else:
            await self._make_operator(node)
            await client.login(_OPERATOR, self._password)
        return client

    async def log_in(self, who: Who, node: str) -> str:
        """Logs that person in at the branch, and returns the role that the branch gives them."""
        client = await self.client(who, node)
        return (await client.me())["role"]

    async def sell(self, who: Who, node: str, sku: str, quantity: int) -> Order:
        """Sells over the counter. LabError says why not."""
        operations = await self._operations(who, node)
        key = f"{self._mark}-hand-{next(self._numbers)}"
        placed = await operations.place(node, _CUSTOMER, [{"sku": sku, "quantity": quantity}], key=key)
        if placed.order is None:
            last = placed.attempts[-1]
            raise LabError(str(last.refused or last.unknown))
        self._sold[node].append(placed.order)
        return placed.order

    async def give_back(self, who: Who, node: str) -> Order:
        """Cancels the last order sold by hand at the branch. LabError when there is none."""
        if not self._sold[node]:
            raise LabError(deferred("nothing was sold by hand at {node} yet", node=node))
        operations = await self._operations(who, node)
        cancelled = await operations.cancel(node, self._sold[node][-1]["id"])
        self._sold[node].pop()
        return cancelled

    async def adjust(self, who: Who, node: str, sku: str, quantity: int) -> None:
        """Receives units at the branch, or removes them if negative. Raises Refused or Unknown."""
        operations = await self._operations(who, node)
        await operations.adjust(node, sku, quantity, share="equal", reason="control room")

    async def prepare(self) -> None:
        """Sees to it that there is a customer, and enough to sell for a lesson; the network may have both.
        Raises Refused, Unknown or LabError."""
        async with self._prepared:
            node = self._network.members[0].name
            operations = await self._operations("admin", node, by=None)
            client = operations.clients[node]
            try:
                await client.customer(_CUSTOMER)
            except Refused as refused:
                if refused.status != 404:
                    raise
                await operations.create_customer(node, {"code": _CUSTOMER, "name": "Sala de aula"})
            skus = [product["sku"] for product in await client.products()]
            if not skus:
                await operations.create_product(node, _SKU, "Café da sala 500 g", 1890)
                skus = [_SKU]
            if not self.skus and (await client.stock_of(skus[-1]))["available"] < _FEW_UNITS:
                await operations.adjust(node, skus[-1], _FIRST_UNITS, share="equal", reason="control room")
            if not self.skus:
                await self._known_everywhere(skus[-1])
            self.skus = skus

    async def _known_everywhere(self, sku: str) -> None:
        """Waits a moment for the branches that answer to know what is sold, and to whom."""

        async def knows(node: str) -> bool:
            try:
                client = await self.client("admin", node)
                await client.customer(_CUSTOMER)
                await client.product(sku)
            except (Refused, Unknown):
                return False
            return True

        await asyncio.gather(
            *(poll(partial(knows, node.name), seconds=_KNOWN_SECONDS) for node in self._network.members)
        )

    async def _operations(self, who: Who, node: str, *, by: str | None = "hand") -> Operations:
        try:
            client = await self.client(who, node)
        except (Refused, Unknown) as error:
            raise LabError(deferred("{node} takes no login: {error}", node=node, error=error)) from None
        return Operations({node: client}, self._log, random=Random(), mark=self._mark, by=by)

    async def _make_operator(self, node: str) -> None:
        """An operator whose password only this program knows, made anew at each start."""
        if self._password:
            return
        admin = await self.client("admin", node)
        password = chance.token_urlsafe(_PASSWORD_BYTES)
        there = {user["username"]: user["id"] for user in await admin.users()}
        if _OPERATOR in there:
            await admin.reset_password(there[_OPERATOR], password)
        else:
            await admin.create_user(_OPERATOR, password, role="operador")
        self._password = password


class SteadyLoad:
    """Sells one unit at a time at a steady rate, at every branch that runs in turn."""

    def __init__(self, log: RunLog, *, mark: str) -> None:
        self._log = log
        self._mark = mark
        self._task: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self.rate = 0.0

    @property
    def is_on(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(
        self,
        rate: float,
        nodes: Mapping[str, NodeClient],
        skus: Sequence[str],
        *,
        runs: Callable[[str], bool],
    ) -> None:
        """Orders so often per second from now on, in place of what was before. A branch of which `runs` says
        no is left out: nobody stands in a closed shop."""
        self.cancel()
        self.rate = rate
        self._task = asyncio.create_task(self._sell(rate, nodes, skus, runs))

    def cancel(self) -> None:
        """No more orders from now on; those under way end by themselves."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.rate = 0.0

    async def _sell(
        self,
        rate: float,
        clients: Mapping[str, NodeClient],
        skus: Sequence[str],
        runs: Callable[[str], bool],
    ) -> None:
        operations = Operations(clients, self._log, random=Random(), mark=self._mark)
        loop = asyncio.get_running_loop()
        due = loop.time()
        under_way: set[asyncio.Task[object]] = set()
        while True:
            for node in clients:
                await asyncio.sleep(due - loop.time())
                due = max(due + 1 / rate, loop.time() - 1.0)  # what a hang held up is not made up for
                if not runs(node):
                    continue
                number = next(self._numbers)
                lines: list[WantedLine] = [{"sku": skus[number % len(skus)], "quantity": 1}]
                key = f"{self._mark}-load-{number}"
                order: asyncio.Task[object] = asyncio.create_task(
                    operations.place(node, _CUSTOMER, lines, key=key)
                )
                under_way.add(order)
                order.add_done_callback(under_way.discard)
