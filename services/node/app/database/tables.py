"""The replicated tables of a node, as SQLModel tables; `local_tables` are the others.

A replicated table has no UNIQUE besides its primary key and no foreign key to users or nodes: a row that was
valid where it was made must never fail a constraint elsewhere. Quantities are integers, money is integer
cents, times are seconds since 1970.

The columns here are those of each row's first revision; later ones derive from its form (app.domain.forms).
`extra` holds what a newer version wrote into the row and this one does not know (JSON object);
`checksum` is the row's seal (app.database.seals).
"""

from typing import Any, ClassVar

from sqlalchemy import REAL, CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, Text
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from app.database.columns import strict, text
from app.domain import forms, row_checks
from app.domain.forms import Added

_HAS_KEY = sql("idempotency_key IS NOT NULL")
_TOLD_BY_OTHERS = sql("donor NOT IN ('', branch)")


class Sealed(SQLModel):
    """The columns that every replicated row has besides its fields."""

    extra: str | None = text(default=None)
    checksum: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Stamped(Sealed):
    """The stamp of a last-writer-wins row: the author of its last edit, in logical time."""

    lamport: int
    stamp_node: str = text()
    stamp_epoch: str = text()


class User(Sealed, table=True):
    """A person. Credentials and role have a stamp each. `deactivations` and `reactivations` are maps epoch ->
    lamport (JSON), so that a deactivation wins over every edit made without knowledge of it. `admin_until`
    is the logical time at which the user was last removed from the active administrators."""

    __tablename__: ClassVar[str] = "users"
    __table_args__ = strict(CheckConstraint("role IN ('admin', 'operador')"))
    id: str = text(primary_key=True)
    username: str = text()
    password_hash: str = text()
    credentials_lamport: int
    credentials_node: str = text()
    credentials_epoch: str = text()
    role: str = text()
    role_lamport: int
    role_node: str = text()
    role_epoch: str = text()
    deactivations: str = text()
    reactivations: str = text()
    token_version: int


class Customer(Stamped, table=True):
    __tablename__: ClassVar[str] = "customers"
    __table_args__ = strict()
    id: str = text(primary_key=True)
    code: str = text()
    name: str = text()
    contact: str | None = text(default=None)
    email: str | None = text(default=None)
    phone: str | None = text(default=None)
    city: str | None = text(default=None)
    country: str | None = text(default=None)


class Product(Stamped, table=True):
    __tablename__: ClassVar[str] = "products"
    __table_args__ = strict(CheckConstraint("price_cents >= 0"))
    id: str = text(primary_key=True)
    sku: str = text()
    name: str = text()
    price_cents: int


class Stock(Sealed, table=True):
    """One cell of the bounded counter. Only its branch, in its epoch, writes it; every field only grows."""

    __tablename__: ClassVar[str] = "stock"
    __table_args__ = strict(
        ForeignKeyConstraint(["product_id"], ["products.id"]),
        CheckConstraint("received >= 0 AND returned >= 0 AND returned_frozen >= 0 AND recovered >= 0"),
        CheckConstraint("written_off >= 0 AND sold >= 0 AND removed >= 0 AND version >= 1"),
    )
    product_id: str = text(primary_key=True)
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
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
    __table_args__ = strict(
        ForeignKeyConstraint(
            ["product_id", "branch", "epoch"], ["stock.product_id", "stock.branch", "stock.epoch"]
        ),
        CheckConstraint("quantity >= 1"),
        Index("stock_grants_to", "product_id", "to_branch", "to_epoch"),
    )
    product_id: str = text(primary_key=True)
    branch: str = text(primary_key=True)
    epoch: str = text(primary_key=True)
    to_branch: str = text(primary_key=True)
    to_epoch: str = text(primary_key=True)
    quantity: int


class Order(Sealed, table=True):
    """An order as its branch took it. `lamport` is the order's own, to name the last ones sold when oversold.

    `announced` and `seq` are the epoch of this node's log and the seq of the order's event there, so that
    `stored_by` is one comparison. Both are empty for an order that came from a peer, the `donor`.
    """

    __tablename__: ClassVar[str] = "orders"
    __table_args__ = strict(
        ForeignKeyConstraint(["customer_id"], ["customers.id"]),
        CheckConstraint("status IN ('placed', 'cancelled')"),
        CheckConstraint("total_cents >= 0 AND version >= 1"),
        # Each order pays for an index: these hold only the orders that they are read for.
        Index("orders_user_key", "user_id", "idempotency_key", sqlite_where=_HAS_KEY),
        Index("orders_told", "branch", "epoch", sqlite_where=_TOLD_BY_OTHERS),
    )
    id: str = text(primary_key=True)
    number: str = text()
    branch: str = text()
    epoch: str = text()
    announced: str = text()
    seq: int
    donor: str = text()
    lamport: int
    customer_id: str = text()
    user_id: str = text()
    status: str = text()
    note: str | None = text(default=None)
    total_cents: int
    version: int
    created_at: float = Field(sa_type=REAL)
    idempotency_key: str | None = text(default=None)
    request_hash: str = text()


class OrderLine(SQLModel, table=True):
    """A line holds the product's name and price as sold."""

    __tablename__: ClassVar[str] = "order_lines"
    __table_args__ = strict(
        ForeignKeyConstraint(["order_id"], ["orders.id"]),
        ForeignKeyConstraint(["product_id"], ["products.id"]),
        CheckConstraint("quantity >= 1 AND unit_price_cents >= 0"),
    )
    order_id: str = text(primary_key=True)
    line: int = Field(primary_key=True)
    product_id: str = text()
    sku: str = text()
    name: str = text()
    quantity: int
    unit_price_cents: int
    extra: str | None = text(default=None)


def _column(added: Added) -> Column[Any]:
    """The column of a field that a later revision added: nullable where its wire default is null."""
    default = None if added.default is None else str(added.default)
    type_ = Text() if isinstance(added.rule, row_checks.Text) else Integer()
    return Column(added.name, type_, nullable=default is None, server_default=default)


for _form in forms.THIS_VERSION.values():
    for _added in _form.added:
        SQLModel.metadata.tables[_form.relation].append_column(_column(_added))
