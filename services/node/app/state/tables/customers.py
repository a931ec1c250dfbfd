"""Customers: who buys, under an immutable code."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.database import Actor, Transaction
from app.database.seals import Use
from app.domain import identity, text
from app.domain.customer import Customer
from app.domain.row_checks import Fields
from app.state.tables.lww_table import LwwTable

# The optional texts of a customer and their longest lengths.
DETAILS = {
    "contact": text.CONTACT,
    "email": text.EMAIL,
    "phone": text.PHONE,
    "city": text.PLACE,
    "country": text.PLACE,
}


@dataclass(frozen=True)
class NewCustomer:
    """A customer to create."""

    code: str
    name: str
    contact: str | None = None
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None


def find_by_ids(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, Customer]:
    """Those of these customers that are here, by id. Raises AlteredRow."""
    return {row["id"]: Customer.from_row(row) for row in CUSTOMERS.snapshots(connection, ids)}


def find(
    connection: sqlite3.Connection, reference: str, *, cluster: str | None = None, use: Use = "show"
) -> Customer | None:
    """The customer with this id, or else with this code in any spelling; or None. `cluster` is this node's
    network, to save a query; `use` is the purpose of the read."""
    row = CUSTOMERS.find(connection, reference, cluster=cluster, use=use)
    return None if row is None else Customer.from_row(row)


def view(customer: Customer) -> dict[str, Any]:
    """What clients see of a customer: all but the stamp."""
    return CUSTOMERS.view(customer.as_json())


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Views of up to `limit` customers whose id is beyond `after`, by id."""
    return CUSTOMERS.page(connection, after, limit)


def create(tx: Transaction, customer: NewCustomer, *, actor: Actor) -> dict[str, Any]:
    """Create a customer here and return its view. Raises AlreadyExists."""
    return CUSTOMERS.create(tx, customer.code, asdict(customer), actor=actor)


def update(tx: Transaction, reference: str, changes: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Change `name` and/or details of a customer (id or code) and return its view. Raises NotFound."""
    return CUSTOMERS.update(tx, reference, changes, actor=actor)


def _check(fields: Fields) -> None:
    fields.text("name", longest=text.NAME)
    for name, longest in DETAILS.items():
        fields.optional_text(name, longest=longest)


CUSTOMERS = LwwTable(
    relation="customers",
    entity="customer",
    key="code",
    identify=identity.customer_id,
    check=_check,
)
"""The table, as the registry of what is replicated declares it (app.state.registry.replicated)."""
