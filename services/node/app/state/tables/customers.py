"""Customers: who buys, under an immutable code."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from app.database import Actor, Transaction
from app.database.seals import Use
from app.domain import identity, text
from app.domain.customer import Customer, NewCustomer
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


def find_by_ids(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, Customer]:
    """Those of these customers that are here, by id. Raises AlteredRow."""
    return {customer.id: customer for customer in CUSTOMERS.find_all(connection, ids)}


def find(
    connection: sqlite3.Connection, reference: str, *, cluster: str | None = None, use: Use = "show"
) -> Customer | None:
    """The customer with this code in any spelling, or else with this id; or None. `cluster` is this node's
    network, to save a query; `use` is the purpose of the read."""
    return CUSTOMERS.find(connection, reference, cluster=cluster, use=use)


def find_to_copy(tx: Transaction, reference: str) -> Customer | None:
    """What `find` returns, for a command that copies from the record into a new row."""
    return CUSTOMERS.find_to_copy(tx, reference)


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[Customer]:
    """Up to `limit` customers whose id is beyond `after`, by id."""
    return CUSTOMERS.page(connection, after, limit)


def create(tx: Transaction, customer: NewCustomer, *, actor: Actor) -> Customer:
    """Create a customer here and return it. Raises AlreadyExists, and Invalid for a code that looks like an
    id."""
    return CUSTOMERS.create(tx, customer.code, asdict(customer), actor=actor)


def update(tx: Transaction, reference: str, changes: Mapping[str, str | None], *, actor: Actor) -> Customer:
    """Change `name` and/or details of a customer (id or code) and return it. Raises NotFound."""
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
    value=Customer.from_row,
)
"""The table, as the registry of what is replicated declares it (app.state.registry.replicated)."""
