"""Writes the newest schema as SQL: an empty one, which new files get, and a database as a branch leaves it.

    PYTHONPATH=services/node .venv/bin/python -m tests.database.keep_schema

Run it in the commit that adds a migration, and keep every older file as it is: each is what some shop's disk
still holds, and `test_old_schemas.py` opens it with the newest code.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from app.database import Transaction
from app.database.migrations import NEWEST, migrate, migrate_step_by_step, newest_revision, newest_schema
from app.domain import identity
from app.state.registry import replicated, unknown_rows
from app.state.registry.canonical_forms import FORMS
from app.state.tables import membership, users
from tests.support.branch import ACTOR, CLUSTER, Branches

SCHEMAS = Path(__file__).parent / "schemas"
BRANCH = "matriz"
ORDERS = 3
PASSWORD_HASH = "$2b$04$eohRxYiLE.ntcPp08JtQy.qWx7bEJjv39tWQMOULNGJux01U6hds."  # of "a long password"


def main() -> None:
    """Write `migrations/newest.sql` and `schemas/<revision>.sql`."""
    NEWEST.write_text(as_migrated(), encoding="utf-8")
    newest_schema.cache_clear()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "node.db"
        migrate(path, forms=FORMS)
        with closing(sqlite3.connect(path)) as schema, closing(Branches(schema)) as branches:
            matriz, norte = branches.make(BRANCH), branches.make("norte")
            matriz.do(_found)
            for code in ("ALFKI", "BONAP"):
                matriz.customer(code)
            for sku in ("rice", "beans"):
                matriz.product(sku)
                matriz.adjust(sku, 20, share="equal", peers=[norte.life])
            for number in range(1, 1 + ORDERS):
                placed = matriz.place("ALFKI", ("rice", number), ("beans", 1), key=f"key {number}")
            matriz.cancel(placed)
            matriz.next_life()
            matriz.adjust("rice", 5)
            matriz.place("BONAP", ("rice", 2))
            matriz.do(lambda tx: membership.decommission(tx, "leste", insist=True, actor=ACTOR))
            matriz.do(lambda tx: membership.witness(tx, norte.life, ["leste"]))
            norte.customer("CHOPS")
            norte.send(matriz)
            matriz.send(norte)
            matriz.do(_keep_of_newer_versions)
            lines = "\n".join(matriz.connection.iterdump())
    (SCHEMAS / f"{newest_revision()}.sql").write_text(lines + "\n", encoding="utf-8")


def as_migrated() -> str:
    """An empty database as all migrations make it, one after the other, as SQL."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "node.db"
        migrate_step_by_step(path)
        with closing(sqlite3.connect(path)) as schema:
            return "\n".join(schema.iterdump()) + "\n"


def _found(tx: Transaction) -> None:
    tx.counters.founded = 1
    users.found_admin(tx, "admin", PASSWORD_HASH)
    new = users.NewUser(username="ana", password_hash=PASSWORD_HASH, role="operador")
    users.create(tx, new, actor=ACTOR)


def _keep_of_newer_versions(tx: Transaction) -> None:
    """What only a newer version knows: a field of a row, and a row of another relation."""
    for customer in replicated.get("customers").read(tx.connection, [identity.customer_id(CLUSTER, "BONAP")]):
        newer = {**customer, "lamport": tx.lamport + 1, "unheard_of": ["of", 2, None]}
        replicated.get("customers").merge(tx, [newer], BRANCH)
    row = {"id": "an id", "name": "of another relation"}
    unknown_rows.keep(tx, "unheard_of", row, revision=2, origin="norte")


if __name__ == "__main__":
    main()
