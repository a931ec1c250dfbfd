"""Products: what every branch sells, under an immutable sku."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict

from app.database import Actor, Transaction
from app.database.seals import Use
from app.domain import identity, text
from app.domain.product import NewProduct, Product
from app.domain.row_checks import Fields
from app.state.tables.lww_table import LwwTable

MAX_PRICE_CENTS = 10**12


def find(
    connection: sqlite3.Connection, reference: str, *, cluster: str | None = None, use: Use = "show"
) -> Product | None:
    """The product with this sku in any spelling, or else with this id; or None. `cluster` is this node's
    network, to save a query; `use` is the purpose of the read."""
    return PRODUCTS.find(connection, reference, cluster=cluster, use=use)


def find_to_copy(tx: Transaction, reference: str) -> Product | None:
    """What `find` returns, for a command that copies from the record into a new row."""
    return PRODUCTS.find_to_copy(tx, reference)


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[Product]:
    """Up to `limit` products whose id is beyond `after`, by id."""
    return PRODUCTS.page(connection, after, limit)


def create(tx: Transaction, product: NewProduct, *, actor: Actor) -> Product:
    """Create a product here and return it. Raises AlreadyExists, and Invalid for a sku that looks like an
    id."""
    return PRODUCTS.create(tx, product.sku, asdict(product), actor=actor)


def update(tx: Transaction, reference: str, changes: Mapping[str, str | int], *, actor: Actor) -> Product:
    """Change `name` and/or `price_cents` of a product (id or sku) and return it. Raises NotFound."""
    return PRODUCTS.update(tx, reference, changes, actor=actor)


def _check(fields: Fields) -> None:
    fields.text("name", longest=text.NAME)
    fields.natural("price_cents", most=MAX_PRICE_CENTS)


PRODUCTS = LwwTable(
    relation="products",
    entity="product",
    key="sku",
    identify=identity.product_id,
    check=_check,
    value=Product.from_row,
)
"""The table, as the registry of what is replicated declares it (app.state.registry.replicated)."""
