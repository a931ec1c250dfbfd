"""Rows that no command wrote, because somebody inserted them or something altered their keys: they are moved
out without any peer's word, and a row that was written never is."""

import asyncio
import json
import sqlite3
from dataclasses import replace

import pytest

from app.database import Transaction
from app.domain.identity import product_id
from app.domain.life import Life
from app.state.repair import altered_rows
from app.state.tables import cell_rows
from tests.recovery.altered_rows import (
    CHANGES,
    MISSING,
    SCRUB_SECONDS,
    are_sound,
    change_file,
    change_stopped,
    epochs_of,
    is_sound,
    listed,
    nothing_was_destroyed,
    sold_by,
)
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR, CLUSTER
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

NO_TEXT = "CAST(x'66ff66' AS TEXT)"
FIRST_ORDER = "(SELECT MIN(id) FROM orders)"
KEYS = {
    "stock_product": f"UPDATE stock SET product_id = {NO_TEXT} WHERE branch = 'matriz'",
    "stock_branch": f"UPDATE stock SET branch = {NO_TEXT} WHERE branch = 'matriz'",
    "stock_branch_text": "UPDATE stock SET branch = 'matrix' WHERE branch = 'matriz'",
    "stock_epoch": f"UPDATE stock SET epoch = {NO_TEXT} WHERE branch = 'norte'",
    "stock_epoch_own": f"UPDATE stock SET epoch = {NO_TEXT} WHERE branch = 'sul'",
    "orders": f"UPDATE orders SET id = {NO_TEXT} WHERE id = {FIRST_ORDER}",
    "orders_text": f"UPDATE orders SET id = 'x' || id WHERE id = {FIRST_ORDER}",
    "order_lines": f"UPDATE order_lines SET order_id = {NO_TEXT} WHERE order_id = {FIRST_ORDER}",
    "stock_grants": f"UPDATE stock_grants SET branch = {NO_TEXT}",
    "customers": f"UPDATE customers SET id = {NO_TEXT}",
    "products": f"UPDATE products SET id = {NO_TEXT}",
    "users": f"UPDATE users SET id = {NO_TEXT}",
}
STAMP = "lamport, stamp_node, stamp_epoch, checksum"
COUNTS = "received, returned, returned_frozen, recovered, written_off, sold, removed, version, checksum"
USER = (
    "INSERT INTO users (id, username, password_hash, credentials_lamport, credentials_node,"
    " credentials_epoch, role, role_lamport, role_node, role_epoch, deactivations, reactivations,"
    " token_version) VALUES ('new', 'eve', 'nothing', 1, 'sul', 'x', 'admin', 1, 'sul', 'x', '{}', '{}', 0)"
)
INSERTED = {
    "customers": f"INSERT INTO customers (id, code, name, {STAMP})"
    f" SELECT 'new', 'NEW', name, {STAMP} FROM customers",
    "products": f"INSERT INTO products (id, sku, name, price_cents, {STAMP})"
    f" SELECT 'new', 'new', name, 1, {STAMP} FROM products",
    "stock": f"INSERT INTO stock (product_id, branch, epoch, {COUNTS})"
    f" SELECT product_id, 'leste', epoch, {COUNTS} FROM stock LIMIT 1",
    "users": USER,
    "users_nonsense": USER.replace("'{}', '{}'", "'no map', '{}'"),
}
TABLES = ("users", "customers", "products", "stock", "stock_grants", "orders", "order_lines")
PRIMARY = {
    "stock": "product_id, branch, epoch",
    "stock_grants": "product_id, branch, epoch, to_branch, to_epoch",
    "order_lines": "order_id, line",
}


async def keys_of(trial: Trial, name: str) -> set[tuple[object, ...]]:
    """Table and primary key of every row that a node's tables have, read or not."""

    def read(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
        connection.text_factory = bytes
        try:
            return {
                (table, *row)
                for table in TABLES
                for row in connection.execute(f"SELECT {PRIMARY.get(table, 'id')} FROM {table}")
            }
        finally:
            connection.text_factory = str

    return await trial[name].database.read(read)


@pytest.mark.parametrize("statement", KEYS.values(), ids=KEYS)
async def test_a_row_whose_key_was_altered_comes_back_and_leaves_no_ghost(
    trial: Trial, statement: str
) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await change_stopped(sold, "sul", statement=statement)
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.receive("matriz", 1)
    await sold.sell("norte")
    await sold.verify()
    assert {name: sold.epoch(name) for name in NAMES} == epochs
    assert await listed(sold, "sul") == []
    assert await keys_of(sold, "sul") == await keys_of(sold, "matriz")
    actor, after = (await sold.audited("sul", "moved_out"))[0]
    assert actor == "sul"
    relation = statement.split()[1].replace("order_lines", "orders").replace("stock_grants", "stock")
    assert f"{relation}/{after['bucket']}" in (await sold["sul"].status()).alarms["unwritten_rows"].last


@pytest.mark.parametrize("statement", INSERTED.values(), ids=INSERTED)
async def test_a_row_that_somebody_inserted_is_moved_out(trial: Trial, statement: str) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await change_stopped(sold, "sul", statement=statement)
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)
    assert await keys_of(sold, "sul") == await keys_of(sold, "matriz")
    assert await listed(sold, "sul") == []
    assert len(await sold.audited("sul", "moved_out")) == 1


async def test_the_copy_in_the_audit_has_all_columns_and_parts_but_no_secret(trial: Trial) -> None:
    sold = await sold_by(trial)
    lines = f"UPDATE order_lines SET order_id = {NO_TEXT} WHERE order_id = {FIRST_ORDER}"
    await sold.stop("sul")
    change_file(sold, "sul", lines, KEYS["orders"], KEYS["users"])
    await sold.start("sul")
    await eventually(lambda: is_sound(sold, "sul"), every=1.0)
    copies = {
        row["entity"]: json.loads(row["before"])
        for row in await sold["sul"].database.read(
            lambda connection: connection.execute(
                "SELECT entity, before FROM audit WHERE action = 'moved_out'"
            ).fetchall()
        )
    }
    assert copies.keys() == {"orders", "users"}
    order, user = copies["orders"], copies["users"]
    assert order["id"] == order["order_lines"][0]["order_id"] == {"hex": "66ff66"}
    assert (order["branch"], order["order_lines"][0]["quantity"]) == ("matriz", 1)
    assert "checksum" in order
    assert "username" in user
    assert "password_hash" not in user


async def test_an_inserted_order_goes_with_its_lines_also_where_there_is_no_peer(trial: Trial) -> None:
    await trial.found("matriz", scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 5)
    await trial.sell("matriz")
    change_file(
        trial,
        "matriz",
        "INSERT INTO orders SELECT 'x' || id, number, branch, epoch, announced, seq, donor, lamport,"
        " customer_id, user_id, status, note, total_cents, version, created_at, idempotency_key,"
        " request_hash, extra, checksum FROM orders",
        "INSERT INTO order_lines SELECT 'x' || order_id, line, product_id, sku, name, quantity,"
        " unit_price_cents, extra FROM order_lines",
    )
    await eventually(lambda: is_sound(trial, "matriz"), within=3 * SCRUB_SECONDS)
    await trial.verify()
    lines = await trial["matriz"].database.read(
        lambda connection: connection.execute("SELECT COUNT(*) FROM order_lines").fetchone()
    )
    assert lines[0] == 1


@pytest.mark.parametrize("accepting", [False, True], ids=["scrubbed", "accepted"])
@pytest.mark.parametrize("statement", [*CHANGES.values(), *MISSING.values()], ids=[*CHANGES, *MISSING])
async def test_a_row_that_was_written_is_never_moved_out(
    trial: Trial, statement: str, accepting: bool
) -> None:
    """Whatever was altered in it, where no peer can say what it was, and also after an admin accepted it."""
    await trial.found("matriz", scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 5)
    for _ in range(3):
        await trial.sell("matriz")
    await grant_to_nobody(trial)
    before = await keys_of(trial, "matriz")
    change_file(trial, "matriz", statement)
    left = await keys_of(trial, "matriz")
    for _ in range(2):
        await asyncio.sleep(2 * SCRUB_SECONDS)
        if accepting:
            await trial["matriz"].database.write(lambda tx: altered_rows.accept(tx, actor=ACTOR))
    assert await keys_of(trial, "matriz") == left <= before
    assert await trial.audited("matriz", "moved_out") == []
    assert "unwritten_rows" not in await trial.alarms("matriz")


async def grant_to_nobody(trial: Trial) -> None:
    """Let the branch have granted units, as one with peers has."""

    def grant(tx: Transaction) -> None:
        (cell,) = cell_rows.cells(tx.connection, product_id(CLUSTER, RICE))
        after = replace(cell, granted={Life("norte", "0" * 32): 1}, version=cell.version + 1)
        cell_rows.put(tx, after)
        key = "/".join((cell.product_id, *cell.life))
        tx.changed("stock", key, before=cell.as_json(), after=after.as_json())

    await trial["matriz"].database.write(grant)
