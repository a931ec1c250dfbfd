"""The tables, and the threads that read and write them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Index, event
from sqlalchemy.orm import registry
from sqlmodel import JSON, Field, Session, SQLModel, create_engine

T = TypeVar("T")
_READERS = 4


class Table(SQLModel, registry=registry()):
    """What the tables of this node share: they are no other program's."""


class Versioned(Table):
    """A row that is replicated as a whole. Each change makes the next `versao`; `origem` is who made it.

    `id` is the row's key in words (sku, code, username), so that two branches that create it mean the same.
    """

    id: str = Field(primary_key=True)
    versao: int = 1
    origem: str


class User(Versioned, table=True):
    username: str
    password_hash: str
    role: str


class NewCustomer(SQLModel):
    code: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    contact: str | None = None
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None


class Customer(Versioned, NewCustomer, table=True):
    """Somebody who buys."""


class NewProduct(SQLModel):
    sku: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    price_cents: int = Field(ge=0, le=10**12)


class Product(Versioned, NewProduct, table=True):
    """Something every branch sells."""


class Stock(Versioned, table=True):
    """The company's units of a product: one row, which every branch writes."""

    sku: str
    received: int = 0
    returned: int = 0
    sold: int = 0
    removed: int = 0

    @property
    def available(self) -> int:
        return self.received + self.returned - self.sold - self.removed


class Order(Versioned, table=True):
    """An order as it was taken. Its id is a random one."""

    __table_args__ = (
        # Not unique: a branch that lost its disk counts from 1 again.
        Index("orders_of_branch", "branch", "sequence"),
        Index("orders_of_key", "created_by", "idempotency_key"),
    )

    branch: str
    sequence: int
    number: str
    status: str = "placed"
    customer: dict[str, str] = Field(sa_type=JSON)
    lines: list[dict[str, Any]] = Field(sa_type=JSON)
    total_cents: int
    note: str | None
    created_at: str
    created_by: str
    idempotency_key: str | None


class Audit(Table, table=True):
    """Who did what, when. It stays at this node."""

    id: int | None = Field(default=None, primary_key=True)
    at: str
    who: str
    action: str
    entity: str
    entity_id: str
    detail: str


REPLICATED: tuple[type[Versioned], ...] = (User, Customer, Product, Stock, Order)


class Database:
    """One SQLite file. All writing happens in one thread: SQLite lets only one write at a time anyway."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        self._writer = ThreadPoolExecutor(1)
        self._readers = ThreadPoolExecutor(_READERS)
        Table.metadata.create_all(self._engine)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction of its own: all of it is on the disk afterwards, or none."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._do, work)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Do `work` on one state of the database, without waiting for who writes."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._do, work)

    def close(self) -> None:
        """End what is under way, and close the file."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    def _do(self, work: Callable[[Session], T]) -> T:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            return work(session)


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # sqlite3 by itself would begin only with the first write
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
