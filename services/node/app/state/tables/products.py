"""Products: what every branch sells, under an immutable sku."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.database import Actor, Transaction
from app.database.seals import Use
from app.domain import identity, text
from app.domain.product import Product
from app.domain.row_checks import Fields
from app.state.tables.lww_table import LwwTable

MAX_PRICE_CENTS = 10**12


@dataclass(frozen=True)
class NewProduct:
    """A product to create; `price_cents` is in cents of BRL."""

    sku: str
    name: str
    price_cents: int


def find(
    connection: sqlite3.Connection, reference: str, *, cluster: str | None = None, use: Use = "show"
) -> Product | None:
    """The product with this id, or else with this sku in any spelling; or None. `cluster` is this node's
    network, to save a query; `use` is the purpose of the read."""
    row = PRODUCTS.find(connection, reference, cluster=cluster, use=use)
    return None if row is None else Product.from_row(row)


def view(product: Product) -> dict[str, Any]:
    """What clients see of a product: `{id, sku, name, price_cents}`."""
    return PRODUCTS.view(product.as_json())


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Views of up to `limit` products whose id is beyond `after`, by id."""
    return PRODUCTS.page(connection, after, limit)


def create(tx: Transaction, product: NewProduct, *, actor: Actor) -> dict[str, Any]:
    """Create a product here and return its view. Raises AlreadyExists."""
    values = {"name": product.name, "price_cents": product.price_cents}
    return PRODUCTS.create(tx, product.sku, values, actor=actor)


def update(tx: Transaction, reference: str, changes: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Change `name` and/or `price_cents` of a product (id or sku) and return its view. Raises NotFound."""
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
)
"""The table, as the registry of what is replicated declares it (app.state.registry.replicated)."""
