"""The requests of people at the branches, and the answers they get."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Literal

from app.database import Actor, OutcomeUnknown, StorageError, Transaction
from app.domain.customer import NewCustomer
from app.domain.errors import AlreadyExists, NotFound, OutOfStock, StateError
from app.domain.product import NewProduct
from app.node import BranchNode
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.state.tables import customers, products
from app.state.tables.orders import OrderView
from branchlab.checking.evidence import Outcome
from tests.simulation.journal import Journal
from tests.simulation.machines import next_rows, versions
from tests.simulation.machines.machine import Machine
from tests.simulation.machines.process import Down, Process, Unknown
from tests.simulation.people import staff
from tests.simulation.people.promises import OrderAsked, Promises, Received
from tests.simulation.plan import UPGRADE, Plan

Answer = tuple[Outcome, Any]
Share = Literal["equal", "keep", "demand"]
Use = Callable[[BranchNode], Awaitable[Any]]

PATIENCE_SECONDS = 3.0
ATTEMPTS = 4  # of one order with one key, while its outcome is unknown
MOST_INSISTING = 200  # times that the first client asks, about half a second apart
LOOK_SECONDS = 0.05
MOST_LOOKS = 40
CUSTOMERS = ("ALFKI", "BONAP")
ACTOR = Actor(user_id="1b671a64-40d5-491e-99b0-da01ff1f3341", request_id="simulated")

# How often a client does what, of 100.
HABITS = {"order": 68, "repeat": 5, "cancel": 10, "receive": 4, "remove": 4, "edit": 4, "staff": 2, "read": 3}


class Client:
    """A person at one branch. Sends a request, waits for the answer, and pauses. Without an answer it repeats
    the request with the same key, at the same branch, as clients must."""

    def __init__(
        self, name: str, machine: Machine, *, plan: Plan, promises: Promises, journal: Journal
    ) -> None:
        self._name = name
        self._machine = machine
        self._plan = plan
        self._promises = promises
        self._journal = journal
        self._random: Random = plan.random("client", name)
        self._which: Random = plan.random("which of two", name)
        self._mine: list[OrderAsked] = []

    async def work(self, operations: int) -> None:
        """Do that many things, unless a promise is broken meanwhile: one is enough to look into."""
        for number in range(operations):
            if self._journal.violations:
                return
            await asyncio.sleep(self._random.expovariate(1.0 / self._plan.pause))
            await self._queue_up()
            habit = self._random.choices(list(HABITS), list(HABITS.values()))[0]
            await self._habit(habit, f"{self._name}-{number}")

    def _reached(self) -> Process | None:
        """The machine that gets the branch's requests now: either of two, while there are two."""
        twin = self._machine.twin
        machine = twin if twin is not None and self._which.random() < 0.5 else self._machine
        return machine.process

    async def _queue_up(self) -> None:
        """Wait a while for a branch that does not serve: requests without answers show nothing."""
        for _ in range(MOST_LOOKS):
            process = self._reached()
            if process is not None and process.serves and process.node.ready:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def buys_one(self) -> bool:
        """Order one unit of each product until one order is taken; receive one where the branch has none.
        Returns whether one was taken."""
        for sku in self._plan.skus:
            for attempt in ("had", "received"):
                if attempt == "received":
                    await self._adjust(sku, 1, share="keep")
                order = OrderAsked(
                    f"{self._name}-{sku}-{attempt}", self._machine.name, CUSTOMERS[0], {sku: 1}
                )
                self._promises.orders[order.key] = order
                await self._place(order)
                if order.outcome == "ok":
                    return True
        return False

    async def open_shop(self) -> None:
        """Create the plan's products, stock and customers, as soon as the branch serves."""
        for sku, units in zip(self._plan.skus, self._plan.stock, strict=True):
            product = NewProduct(sku, f"Product {sku}", self._random.randint(1, 10_000))
            await self._insist(partial(_create, create=products.create, made=product))
            await self._adjust(sku, units)
        for code in CUSTOMERS:
            customer = NewCustomer(code, f"Customer {code}")
            await self._insist(partial(_create, create=customers.create, made=customer))

    async def _insist(self, use: Use) -> None:
        """Repeat a request until it succeeds, however long the branch takes to be founded."""
        for _ in range(MOST_INSISTING):
            outcome, answer = await self._ask("found", use)
            if outcome == "ok" or isinstance(answer, AlreadyExists):
                return
            await asyncio.sleep(self._random.random())
        self._journal.violation("stalled", f"{self._machine.name} never came to serve")

    async def _habit(self, habit: str, key: str) -> None:
        acknowledged = [order for order in self._mine if order.outcome == "ok"]
        if habit == "order":
            await self._order(key)
        elif habit in ("receive", "remove"):
            await self._adjust(self._sku(), self._random.randint(1, 20) * (1 if habit == "receive" else -1))
        elif habit == "edit":
            await self._edit(key)
        elif habit == "staff":
            await self._change_staff(key)
        elif acknowledged:
            order = self._random.choice(acknowledged)
            await {"repeat": self._place, "cancel": self._cancel, "read": self._read}[habit](order)

    def _sku(self) -> str:
        return self._random.choices(self._plan.skus, self._plan.demand)[0]

    async def _order(self, key: str) -> None:
        units: dict[str, int] = {}
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 5))):
            sku = self._sku()
            units[sku] = units.get(sku, 0) + self._random.choice((1, 1, 2, 3, 8))
        order = OrderAsked(key, self._machine.name, self._random.choice(CUSTOMERS), units)
        self._promises.orders[key] = order
        self._mine.append(order)
        await self._place(order)

    async def _place(self, order: OrderAsked) -> None:
        """Place an order, or place it again: one key is one order, however often it is sent."""
        wanted = PlaceOrder(customer=order.customer, lines=tuple(order.units.items()))
        request_hash = hashlib.sha256(repr(wanted).encode()).hexdigest()
        for _ in range(ATTEMPTS):
            outcome, answer = await self._ask(
                "order",
                lambda node: node.orders.place(wanted, actor=ACTOR, key=order.key, request_hash=request_hash),
                order.key,
            )
            if outcome == "ok":
                self._check_answer(order, answer)
            order.outcome = _settled(order.outcome, outcome, answer)
            if order.outcome != "info":
                return
            await asyncio.sleep(self._random.random())

    def _check_answer(self, order: OrderAsked, answer: OrderView) -> None:
        told = {line.sku: line.quantity for line in answer.lines}
        if told != order.units:
            self._journal.violation("wrong answer", f"{order.key} asked for {order.units}, got {told}")
        if order.order_id not in (None, answer.id):
            order.earlier[str(order.order_id)] = order.cancel
            # What was said of cancelling was said of the order that its branch forgot, not of this one.
            order.cancel = order.earlier.pop(answer.id, None)
            if not self._machine.losses:
                self._journal.violation("duplicated", f"{order.key} is {order.order_id} and {answer.id}")
        order.order_id = answer.id

    async def _cancel(self, order: OrderAsked) -> None:
        assert order.order_id is not None, "an acknowledged order has an id"
        order_id = order.order_id
        outcome, answer = await self._ask(
            "cancel", lambda node: node.orders.cancel(order_id, actor=ACTOR), order.key
        )
        if outcome == "ok" and answer.status != "cancelled":
            self._journal.violation("wrong answer", f"{order.key} is {answer.status} after its cancelling")
        if order.cancel != "ok" and outcome != "fail":
            order.cancel = outcome

    async def _read(self, order: OrderAsked) -> None:
        assert order.order_id is not None, "an acknowledged order has an id"
        order_id, cancelled = order.order_id, order.cancel == "ok"
        outcome, answer = await self._ask("read", lambda node: node.orders.view(order_id), order.key)
        if self._machine.losses:
            return  # what a lost disk knew comes back when a peer that has it is reached, or never
        if isinstance(answer, NotFound):
            self._journal.violation("own write not read", f"{order.key} is not at its branch: {answer!r}")
        if outcome == "ok" and cancelled and answer.status != "cancelled":
            self._journal.violation("own write not read", f"{order.key} is no longer cancelled")

    async def _adjust(self, sku: str, quantity: int, *, share: Share | None = None) -> None:
        shares: tuple[Share, ...] = ("equal", "keep", "demand")
        chosen: Share = self._random.choice(shares) if share is None else share
        wanted = Adjustment(sku=sku, quantity=quantity, reason="simulated", share=chosen)
        outcome, _ = await self._ask(
            "adjust", lambda node: node.stock.adjust(wanted, actor=ACTOR), sku, quantity, chosen
        )
        book = self._promises.received if quantity > 0 else self._promises.removed
        units = book.setdefault(sku, Received())
        units.sure += abs(quantity) if outcome == "ok" else 0
        units.perhaps += abs(quantity) if outcome == "info" else 0

    async def _edit(self, key: str) -> None:
        """Edit the catalogue, or add to it; the same rows at all branches, so that edits meet."""
        sku, code, name = self._sku(), self._random.choice(CUSTOMERS), f"Edited by {key}"
        price = self._random.randint(1, 10_000)
        new = NewProduct(f"NEW-{self._random.randint(1, 5)}", name, price)
        edits: list[Use] = [
            lambda node: node.database.write(
                lambda tx: products.update(tx, sku, {"name": name, "price_cents": price}, actor=ACTOR)
            ),
            lambda node: node.database.write(
                lambda tx: customers.update(tx, code, {"name": name, "city": key}, actor=ACTOR)
            ),
            partial(_create, create=products.create, made=new),
        ]
        if UPGRADE in self._plan.faults:
            edits += [partial(_supply, code=f"SUPPLIER-{self._random.randint(1, 4)}", name=name)] * 2
        _, answer = await self._ask("edit", self._random.choice(edits), key)
        if isinstance(answer, next_rows.Supplier):
            self._promises.suppliers.setdefault(answer.code, set()).add(self._machine.name)

    async def _change_staff(self, key: str) -> None:
        """Let somebody in, or out, or give them another role."""
        what, username, use = staff.change(self._random, actor=ACTOR)
        outcome, _ = await self._ask("staff", use, key, what, username)
        if what == "deactivate" and outcome == "ok" and username in staff.LEAVERS:
            self._promises.left.setdefault(username, self._machine.name)

    async def _ask(self, kind: str, use: Use, *words: object) -> Answer:
        """Send a request to the branch's node and return the outcome. A refusal is a `fail`, and so is a node
        that is down."""
        process = self._reached()
        outcome: Outcome = "fail"
        answer: Any = "nobody answers"
        if process is not None and process.serves and process.node.ready:
            self._journal.note(self._name, "asks", kind, *words)
            try:
                answer = await process.do(_use(use, process.node), patience=PATIENCE_SECONDS)
                outcome = "ok"
            except Down:
                pass
            except Unknown as error:
                outcome, answer = "info", error
            except StateError as error:
                answer = error
            except StorageError as error:  # every other one says that surely nothing was stored
                outcome, answer = "info" if isinstance(error, OutcomeUnknown) else "fail", error
            except Exception as error:
                outcome, answer = "info", error
                self._journal.violation("error", f"{kind} of {self._name} ended with {error!r}")
        said = answer.id if hasattr(answer, "id") else repr(answer)
        self._journal.note(self._name, "is told", kind, outcome, said)
        self._promises.count(kind, outcome)
        return outcome, answer


def _settled(before: Outcome | None, now: Outcome, answer: Any) -> Outcome:
    """The outcome of an order after one more attempt with its key. An acknowledged order stays so. An unknown
    attempt is settled by the branch's refusal for want of stock, not by a node that is down."""
    if before == "ok" or (before == "info" and now == "fail" and not isinstance(answer, OutOfStock)):
        return before
    return now


async def _create(node: BranchNode, *, create: Callable[..., Any], made: Any) -> Any:
    return await node.database.write(lambda tx: create(tx, made, actor=ACTOR))


async def _supply(node: BranchNode, *, code: str, name: str) -> Any:
    """Write a supplier, where the node runs the version that has them."""
    if not versions.is_next():
        raise NotFound("supplier", code)

    def write(tx: Transaction) -> next_rows.Supplier:
        if next_rows.RECORDS.find(tx.connection, code) is None:
            return next_rows.RECORDS.create(tx, code, {"name": name}, actor=ACTOR)
        return next_rows.RECORDS.update(tx, code, {"name": name}, actor=ACTOR)

    return await node.database.write(write)


async def replay_parked(node: BranchNode) -> Any:
    """Have a node try again what it could not apply."""
    return await node.replay_parked(actor=ACTOR)


async def _use(use: Use, node: BranchNode) -> Any:
    return await use(node)
