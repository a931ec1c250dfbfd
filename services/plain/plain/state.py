"""What a branch does: each command is one transaction, and then one event to every peer."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session, func, select

from plain.config import Settings
from plain.database import Audit, Customer, Database, Order, Product, Stock, User, Versioned
from plain.runtime import Clock, new_id
from plain.security import hash_password
from plain.sync import Event, ReplicaSynchronizer, apply, event_of


class Refused(Exception):
    """The command had no effect. `code` is a stable word; `data` says what it met."""

    def __init__(self, code: str, **data: Any) -> None:
        super().__init__(code)
        self.code = code
        self.data = data


class WantedLine(BaseModel):
    sku: str
    quantity: int = Field(ge=1, le=1_000_000)


class NewOrder(BaseModel):
    customer: str
    lines: list[WantedLine] = Field(min_length=1, max_length=1000)
    note: str | None = Field(default=None, max_length=500)


class Branch:
    """One node: its parts, and its commands. `who` is the user that asks."""

    def __init__(
        self, settings: Settings, clock: Clock, database: Database, synchronizer: ReplicaSynchronizer
    ) -> None:
        self.name = settings.node_name
        self.settings = settings
        self.clock = clock
        self.database = database
        self.synchronizer = synchronizer
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self) -> None:
        """Make the settings' admin, where there is none. Every node makes its own."""
        name = self.settings.admin_username
        hashed = await self.hash(self.settings.admin_password.get_secret_value())

        def make(session: Session) -> None:
            if session.get(User, name) is None:
                session.add(User(id=name, username=name, password_hash=hashed, role="admin", origem=""))

        await self.database.write(make)

    async def hash(self, password: str) -> str:
        """The hash to store of a password, made outside the event loop."""
        rounds = self.settings.bcrypt_rounds
        return await self.database.read(lambda _: hash_password(password, rounds=rounds))

    async def create(self, row: Versioned, *children: Versioned, who: str) -> None:
        """Add a row that is new here, and what belongs to it."""

        def change(session: Session) -> list[Versioned]:
            if session.get(type(row), row.id) is not None:
                raise Refused("already_exists", key=row.id)
            session.add_all([row, *children])
            self._audit(session, who, "created", row)
            return [row, *children]

        await self._change(f"{type(row).__name__.lower()}_upserted", change)

    async def adjust(self, sku: str, quantity: int, *, reason: str, who: str) -> Versioned:
        """Receive units (above 0), or remove some (below 0) if there are so many here."""

        def change(session: Session) -> list[Versioned]:
            product, stock = self._shelf(session, sku, takes=max(-quantity, 0))
            stock.received += max(quantity, 0)
            stock.removed += max(-quantity, 0)
            self._audit(session, who, "adjusted", stock, f"{quantity:+}: {reason}")
            return [stock, product]

        async with self._holding([sku]):
            return (await self._change("stock_update", change))[0]

    async def place_order(self, wanted: NewOrder, *, who: str, key: str | None) -> Versioned:
        """Sell what the order wants, all or nothing. The same key gives the same order again."""

        def before(session: Session) -> Order | None:
            return session.exec(
                select(Order).where(Order.created_by == who, Order.idempotency_key == key)
            ).first()

        async with self._holding(line.sku for line in wanted.lines):
            if key and (again := await self.database.read(before)):
                return again
            changed = await self._change(
                "order_created", lambda session: self._sell(session, wanted, who, key)
            )
        return changed[0]

    async def cancel_order(self, order_id: str, *, who: str) -> Versioned:
        """Give the units back, once. Only the branch that took the order does."""
        order = await self.database.read(lambda session: session.get(Order, order_id))
        if order is None:
            raise Refused("not_found")
        if order.branch != self.name:
            raise Refused("other_branch", branch=order.branch)
        async with self._holding(line["sku"] for line in order.lines):
            changed = await self._change(
                "order_cancelled", lambda session: self._undo(session, order_id, who)
            )
        return changed[0]

    async def receive(self, event: Event) -> int:
        """Take over what a peer says, where it is newer. Returns how many rows were."""
        async with self._holding(str(row.get("sku")) for row in event.rows.get("Stock", [])):
            return await self.database.write(lambda session: apply(session, event))

    def _sell(self, session: Session, wanted: NewOrder, who: str, key: str | None) -> list[Versioned]:
        customer = session.get(Customer, wanted.customer)
        if customer is None:
            raise Refused("unknown_customer", keys=[wanted.customer])
        units = Counter[str]()
        for line in wanted.lines:
            units[line.sku] += line.quantity
        shelves = {sku: self._shelf(session, sku, takes=quantity) for sku, quantity in units.items()}
        for sku, quantity in units.items():
            shelves[sku][1].sold += quantity
        lines = []
        for line in wanted.lines:
            product, _ = shelves[line.sku]
            sold = {"name": product.name, "unit_price_cents": product.price_cents}
            lines.append({**line.model_dump(), **sold})
        last = session.exec(select(func.max(Order.sequence)).where(Order.branch == self.name)).one()
        sequence = (last or 0) + 1
        order = Order(
            id=new_id(),
            origem=self.name,
            branch=self.name,
            sequence=sequence,
            number=f"{self.name.upper()}-{sequence:06d}",
            customer={"id": customer.id, "code": customer.code, "name": customer.name},
            lines=lines,
            total_cents=sum(line["quantity"] * line["unit_price_cents"] for line in lines),
            note=wanted.note,
            created_at=self.clock.now().isoformat(),
            created_by=who,
            idempotency_key=key,
        )
        session.add(order)
        self._audit(session, who, "placed", order)
        return [order, customer, *(row for shelf in shelves.values() for row in shelf)]

    def _undo(self, session: Session, order_id: str, who: str) -> list[Versioned]:
        order, changed = session.get_one(Order, order_id), list[Versioned]()
        if order.status == "placed":
            order.status, order.versao = "cancelled", order.versao + 1
            for line in order.lines:
                product, stock = self._shelf(session, line["sku"])
                stock.returned += line["quantity"]
                changed += [product, stock]
            self._audit(session, who, "cancelled", order)
        return [order, *changed]

    def _shelf(self, session: Session, sku: str, *, takes: int = 0) -> tuple[Product, Stock]:
        """The product and its stock in its next version, if `takes` units are there."""
        product, stock = session.get(Product, sku), session.get(Stock, sku)
        if product is None or stock is None:
            raise Refused("unknown_sku", keys=[sku])
        if takes > (there := stock.available):
            raise Refused(
                "out_of_stock", sku=sku, wanted=takes, available_here=there, available_company=there
            )
        stock.versao, stock.origem = stock.versao + 1, self.name
        return product, stock

    def _audit(self, session: Session, who: str, action: str, row: Versioned, detail: str = "") -> None:
        at, entity = self.clock.now().isoformat(), type(row).__name__.lower()
        session.add(Audit(at=at, who=who, action=action, entity=entity, entity_id=row.id, detail=detail))

    async def _change(self, kind: str, work: Callable[[Session], list[Versioned]]) -> list[Versioned]:
        """Commit, then tell the peers. Under the products' locks events keep the order of the commits."""
        changed = await self.database.write(work)
        self.synchronizer.publish(event_of(kind, changed, origin=self.name))
        return changed

    @asynccontextmanager
    async def _holding(self, skus: Iterable[str]) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            for sku in sorted(set(skus)):  # always in this order, so that no two wait for each other
                await held.enter_async_context(self._locks[sku])
            yield
