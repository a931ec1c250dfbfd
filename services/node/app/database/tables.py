"""The whole schema of a node, as SQLModel tables.

Replicated tables are `users`, `customers`, `products`, `orders`, `order_lines`, `stock` and
`stock_grants`; the rest is local to the node. A replicated table has no UNIQUE besides its primary
key and no foreign key to users or nodes: a row that was valid where it was made must never fail a
constraint elsewhere. Quantities are integers, money is integer cents, times are seconds since 1970.
SQLModel's own `ge`/`max_length` make no CHECK, so the checks stand in `__table_args__`.
"""

from typing import Any, ClassVar

from sqlalchemy import REAL, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel


def _strict(*constraints: Any) -> Any:
    return (*constraints, {"sqlite_strict": True})


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


class Stamped(SQLModel):
    """A last-writer-wins row's own stamp: who edited it last, in logical time."""

    lamport: int
    stamp_node: str = _text()
    stamp_epoch: str = _text()


class Node(SQLModel, table=True):
    """One row: who this node is, and its counters. `groups` counts commits, so that after an error of
    COMMIT itself the reopened file tells whether the group is in it."""

    __tablename__: ClassVar[str] = "node"
    __table_args__ = _strict(CheckConstraint("id = 1"))
    id: int = Field(primary_key=True)
    cluster_id: str = _text()
    name: str = _text()
    epoch: str = _text()
    starts: int
    founded: int
    lamport: int
    seq: int
    order_counter: int
    groups: int


class Epoch(SQLModel, table=True):
    """Every life of every branch's disk this node has heard of, and which of them are over."""

    __tablename__: ClassVar[str] = "epochs"
    __table_args__ = _strict(CheckConstraint("dead IN (0, 1)"))
    branch: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    dead: int


class Decommissioned(SQLModel, table=True):
    """Every branch known to be gone for good. A row is never removed."""

    __tablename__: ClassVar[str] = "decommissioned"
    __table_args__ = _strict()
    branch: str = _text(primary_key=True)


class DecommissionWitness(SQLModel, table=True):
    """Which life of which peer said that it has stored that `branch` is gone."""

    __tablename__: ClassVar[str] = "decommission_witnesses"
    __table_args__ = _strict()
    branch: str = _text(primary_key=True)
    peer: str = _text(primary_key=True)
    peer_epoch: str = _text(primary_key=True)


class User(SQLModel, table=True):
    """A person. Credentials and role carry a stamp each; `deactivations` and `reactivations` are maps
    epoch -> lamport (JSON), so that a deactivation wins over everything that had not seen it."""

    __tablename__: ClassVar[str] = "users"
    __table_args__ = _strict(CheckConstraint("role IN ('admin', 'operador')"))
    id: str = _text(primary_key=True)
    username: str = _text()
    password_hash: str = _text()
    credentials_lamport: int
    credentials_node: str = _text()
    credentials_epoch: str = _text()
    role: str = _text()
    role_lamport: int
    role_node: str = _text()
    role_epoch: str = _text()
    deactivations: str = _text()
    reactivations: str = _text()
    token_version: int


class Customer(Stamped, table=True):
    __tablename__: ClassVar[str] = "customers"
    __table_args__ = _strict()
    id: str = _text(primary_key=True)
    code: str = _text()
    name: str = _text()
    contact: str | None = _text(default=None)
    email: str | None = _text(default=None)
    phone: str | None = _text(default=None)
    city: str | None = _text(default=None)
    country: str | None = _text(default=None)


class Product(Stamped, table=True):
    __tablename__: ClassVar[str] = "products"
    __table_args__ = _strict(CheckConstraint("price_cents >= 0"))
    id: str = _text(primary_key=True)
    sku: str = _text()
    name: str = _text()
    price_cents: int


class Stock(SQLModel, table=True):
    """One cell of the bounded counter. Only its branch, in its epoch, writes it; every field only grows."""

    __tablename__: ClassVar[str] = "stock"
    __table_args__ = _strict(
        ForeignKeyConstraint(["product_id"], ["products.id"]),
        CheckConstraint("received >= 0 AND returned >= 0 AND returned_frozen >= 0 AND recovered >= 0"),
        CheckConstraint("written_off >= 0 AND sold >= 0 AND removed >= 0 AND version >= 1"),
    )
    product_id: str = _text(primary_key=True)
    branch: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    received: int
    returned: int
    returned_frozen: int
    recovered: int
    written_off: int
    sold: int
    removed: int
    version: int


class StockGrant(SQLModel, table=True):
    """`granted` of a stock row: units given so far by (branch, epoch) to one peer's one epoch."""

    __tablename__: ClassVar[str] = "stock_grants"
    __table_args__ = _strict(
        ForeignKeyConstraint(
            ["product_id", "branch", "epoch"], ["stock.product_id", "stock.branch", "stock.epoch"]
        ),
        CheckConstraint("quantity >= 1"),
        Index("stock_grants_to", "product_id", "to_branch", "to_epoch"),
    )
    product_id: str = _text(primary_key=True)
    branch: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    to_branch: str = _text(primary_key=True)
    to_epoch: str = _text(primary_key=True)
    quantity: int


class Order(SQLModel, table=True):
    """An order as its branch took it. `lamport` is the order's own, for naming the last sold when
    oversold. `announced` and `seq` say in which epoch's log of this node, and where, its event stands, so
    that `stored_by` is one comparison; both are empty for an order that came from a peer, `donor`."""

    __tablename__: ClassVar[str] = "orders"
    __table_args__ = _strict(
        ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        CheckConstraint("status IN ('placed', 'cancelled')"),
        CheckConstraint("total_cents >= 0 AND version >= 1"),
        Index("orders_user_key", "user_id", "idempotency_key"),
        Index("orders_branch", "branch", "epoch"),
    )
    id: str = _text(primary_key=True)
    number: str = _text()
    branch: str = _text()
    epoch: str = _text()
    announced: str = _text()
    seq: int
    donor: str = _text()
    lamport: int
    customer_id: str = _text()
    user_id: str = _text()
    status: str = _text()
    note: str | None = _text(default=None)
    total_cents: int
    version: int
    created_at: float = Field(sa_type=REAL)
    idempotency_key: str | None = _text(default=None)
    request_hash: str = _text()


class OrderLine(SQLModel, table=True):
    """A line holds the product's name and price as sold."""

    __tablename__: ClassVar[str] = "order_lines"
    __table_args__ = _strict(
        ForeignKeyConstraint(["order_id"], ["orders.id"]),
        ForeignKeyConstraint(["product_id"], ["products.id"]),
        CheckConstraint("quantity >= 1 AND unit_price_cents >= 0"),
        Index("order_lines_product", "product_id"),
    )
    order_id: str = _text(primary_key=True)
    line: int = Field(primary_key=True)
    product_id: str = _text()
    sku: str = _text()
    name: str = _text()
    quantity: int
    unit_price_cents: int


class Event(SQLModel, table=True):
    """The outbox: one append-only log of what this node changed. Bodies are read when sent.
    `command_end` marks the last event of a command; a batch is cut only there."""

    __tablename__: ClassVar[str] = "events"
    __table_args__ = _strict(CheckConstraint("seq >= 1"), CheckConstraint("command_end IN (0, 1)"))
    epoch: str = _text(primary_key=True)
    seq: int = Field(primary_key=True)
    event_id: str = _text()
    kind: str = _text()
    entity: str = _text()
    lamport: int
    created_at: float = Field(sa_type=REAL)
    command_end: int


class Cursor(SQLModel, table=True):
    """How far one life of a peer has durably acknowledged this epoch's events."""

    __tablename__: ClassVar[str] = "cursors"
    __table_args__ = _strict(CheckConstraint("acknowledged >= 0"))
    peer: str = _text(primary_key=True)
    peer_epoch: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    acknowledged: int
    updated_at: float = Field(sa_type=REAL)


class ParkedElsewhere(SQLModel, table=True):
    """Which events of an epoch of this node one life of a peer keeps parked, as ranges: acknowledged, but not
    among its rows. As that peer said last."""

    __tablename__: ClassVar[str] = "parked_elsewhere"
    __table_args__ = _strict(CheckConstraint("first_seq >= 1 AND last_seq >= first_seq"))
    peer: str = _text(primary_key=True)
    peer_epoch: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    first_seq: int = Field(primary_key=True)
    last_seq: int


class Position(SQLModel, table=True):
    """How far this node has applied (origin, epoch), and which event stands there."""

    __tablename__: ClassVar[str] = "positions"
    __table_args__ = _strict()
    origin: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    seq: int
    event_id: str = _text()


class Parked(SQLModel, table=True):
    """An event that could not be applied, kept whole. `waiting` ones lack something that may still come."""

    __tablename__: ClassVar[str] = "parked"
    __table_args__ = _strict(CheckConstraint("waiting IN (0, 1)"), Index("parked_entity", "kind", "entity"))
    origin: str = _text(primary_key=True)
    epoch: str = _text(primary_key=True)
    seq: int = Field(primary_key=True)
    event_id: str = _text()
    kind: str = _text()
    entity: str = _text()
    body: str = _text()
    reason: str = _text()
    waiting: int
    attempts: int
    parked_at: float = Field(sa_type=REAL)


class Recovery(SQLModel, table=True):
    """A stock count of this node's whose outcome may be sold only when every member has acknowledged it:
    until the event `seq` of `epoch` is with all `members` (JSON list), `usable` of the cell's `recovered`."""

    __tablename__: ClassVar[str] = "recoveries"
    __table_args__ = _strict(CheckConstraint("usable >= 0"))
    product_id: str = _text(primary_key=True)
    epoch: str = _text()
    usable: int
    seq: int
    members: str = _text()


class Audit(SQLModel, table=True):
    """Who did what, before and after, with origin and version. Local to the node that did it."""

    __tablename__: ClassVar[str] = "audit"
    __table_args__ = _strict(Index("audit_entity", "entity", "entity_id"), Index("audit_actor", "actor"))
    id: int | None = Field(default=None, primary_key=True)
    at: float = Field(sa_type=REAL)
    actor: str = _text()
    action: str = _text()
    entity: str = _text()
    entity_id: str = _text()
    before: str | None = _text(default=None)
    after: str | None = _text(default=None)
    origin: str = _text()
    epoch: str = _text()
    version: int
    request_id: str = _text()


class DigestBucket(SQLModel, table=True):
    """Sum modulo 2^256 of the SHA-256 of every canonical row of one bucket of one replicated table."""

    __tablename__: ClassVar[str] = "digest_buckets"
    __table_args__ = _strict()
    relation: str = _text(primary_key=True)
    bucket: int = Field(primary_key=True)
    total: bytes = Field(sa_type=LargeBinary)
