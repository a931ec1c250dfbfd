"""Rows that something else than the node's commands changed: mended as rows by peers, or kept and named. No
file is set aside for them and no life ends, whatever all members find at once."""

import asyncio
import sqlite3
from typing import Any

import pytest

from app.database import AlteredRow, StorageFailed
from app.domain.product import NewProduct
from app.state.repair import altered_rows, checking
from app.state.tables import customers, products, stock_views
from app.sync.guards.alarms import Alarm
from tests.recovery.altered_rows import (
    CHANGES,
    MISSING,
    ORDERS,
    SCRUB_SECONDS,
    are_sound,
    change_file,
    change_stopped,
    epochs_of,
    listed,
    nothing_was_destroyed,
    rows_of,
    sold_by,
)
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


@pytest.mark.parametrize("statement", [*CHANGES.values(), *MISSING.values()], ids=[*CHANGES, *MISSING])
async def test_one_altered_file_is_mended_by_the_peers(trial: Trial, statement: str) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await change_stopped(sold, "sul", statement=statement)
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)
    assert "repaired_rows" in await sold.alarms("sul")
    assert await listed(sold, "sul") == []
    for name in ("matriz", "norte"):
        assert await sold.alarms(name) == {}
    await sold.sell("sul")
    await sold.verify()


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
async def test_a_change_under_a_running_node_is_never_told_to_anybody(trial: Trial, statement: str) -> None:
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    change_file(sold, "norte", statement)
    for name in NAMES:
        await sold[name].database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    await eventually(lambda: are_sound(sold), within=3 * SCRUB_SECONDS, every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)
    for name in ("matriz", "sul"):
        assert "divergence" not in await sold.alarms(name)


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
async def test_what_all_members_find_altered_stays_and_is_named(trial: Trial, statement: str) -> None:
    """The network goes on: no order is lost, no life ends, and what cannot be trusted is not sold by."""
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await change_stopped(sold, *NAMES, statement=statement)
    await asyncio.sleep(3 * SCRUB_SECONDS)
    relation = statement.split()[1].replace("order_lines", "orders").replace("stock_grants", "stock")
    for name in NAMES:
        if await listed(sold, name):
            alarm = (await sold[name].status()).alarms["altered_rows"].last
            assert f"{relation}/" in alarm
            assert {row.relation for row in await listed(sold, name)} == {relation}
    assert any([await listed(sold, name) for name in NAMES])
    await nothing_was_destroyed(sold, epochs)
    if relation == "stock" or "|| ' '" in statement:
        assert isinstance(await sold.refused("matriz"), AlteredRow)
    elif "fffeff" in statement:  # a name that is no text is shown as far as it can be, and written nowhere
        assert isinstance(await sold.refused("matriz"), StorageFailed)
    else:
        await sold.sell("sul")
    assert all(sold[name].ready for name in NAMES)


async def test_altered_rows_stay_until_a_peer_can_be_reached_that_mends_them(
    trial: Trial,
) -> None:
    sold = await sold_by(trial)
    for name in ("matriz", "norte"):
        sold.network.cut |= {("sul", name), (name, "sul")}
    change_file(sold, "sul", CHANGES["customers"])
    await eventually(lambda: listed(sold, "sul"), within=3 * SCRUB_SECONDS)
    (row,) = await listed(sold, "sul")
    assert (row.relation, row.asked) == ("customers", 0)
    order = await sold.sell("sul")  # it sells on: nobody could say what the name was
    sold.network.cut.clear()
    await eventually(lambda: are_sound(sold), within=3 * SCRUB_SECONDS, every=1.0)
    await sold.verify()
    assert order in await sold.order_ids("matriz")
    found = [await sold[name].database.read(lambda c: customers.find(c, "ALFKI")) for name in NAMES]
    assert {customer and customer.name for customer in found} == {"Customer ALFKI"}


async def test_an_order_that_nobody_can_confirm_gives_nothing_back(trial: Trial) -> None:
    """Its lines may say more than was sold."""
    await trial.found("matriz", scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 5)
    order = await trial.sell("matriz", 2)
    change_file(trial, "matriz", "UPDATE order_lines SET quantity = 5")
    await eventually(lambda: listed(trial, "matriz"), within=3 * SCRUB_SECONDS)
    with pytest.raises(AlteredRow):
        await trial["matriz"].orders.cancel(order, actor=ACTOR)
    assert (await trial.view("matriz"))["available"] == 3


async def test_what_an_admin_accepts_is_as_written_from_then_on(trial: Trial) -> None:
    await trial.found("matriz", scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 5)
    change_file(trial, "matriz", "UPDATE stock SET received = 4")
    await eventually(lambda: listed(trial, "matriz"), within=3 * SCRUB_SECONDS)
    assert isinstance(await trial.refused("matriz"), AlteredRow)
    matriz = trial["matriz"].database
    assert await matriz.write(lambda tx: altered_rows.accept(tx, actor=ACTOR)) == {
        "accepted": 1,
        "left": 0,
    }
    assert await listed(trial, "matriz") == []
    assert await matriz.read(checking.find_troubles) == []
    await trial.sell("matriz", 4)
    assert (await matriz.read(lambda c: stock_views.stock_view(c, RICE))).available == 0
    ((actor, after),) = await trial.audited("matriz", "accepted_altered")
    assert (actor, after["received"]) == (ACTOR.user_id, 4)


async def test_a_donor_whose_own_rows_are_altered_gives_none(trial: Trial) -> None:
    """The same row of two files: the third one's mends both."""
    sold = await sold_by(trial)
    await change_stopped(sold, "norte", "sul", statement=CHANGES["orders"])
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()


async def test_a_peer_that_lacks_events_proves_nothing_about_a_row_that_changed_since(trial: Trial) -> None:
    """The row that it has is older than what was written here."""
    sold = await sold_by(trial)
    for name in ("matriz", "norte"):
        sold.network.answers[name, "/replica/event"] = problem(503, "not_ready")
    rename = {"name": "Café novo"}
    await sold["sul"].database.write(lambda tx: products.update(tx, RICE, rename, actor=ACTOR))
    change_file(sold, "sul", "UPDATE products SET price_cents = price_cents + 7")
    await eventually(lambda: listed(sold, "sul"), within=3 * SCRUB_SECONDS)
    found = await rows_of(sold, "matriz", "products")
    assert [row["name"] for row in found] != ["Café novo"]
    (row,) = await sold["sul"].database.read(lambda c: products.page(c, "", 10))
    assert row.name == "Café novo"


async def test_a_rebuilding_node_is_given_no_altered_row(trial: Trial) -> None:
    sold = await sold_by(trial)
    before = await rows_of(sold, "matriz", "products")
    sold.network.cut |= {("norte", "sul"), ("sul", "norte")}
    await sold.wipe("sul")
    change_file(sold, "matriz", CHANGES["products"])
    await sold.start("sul")
    sold.network.cut.clear()
    await sold.verify()
    for name in NAMES:
        assert await rows_of(sold, name, "products") == before


UNUSED_ID = "UPDATE products SET id = CAST(x'fffeff' AS TEXT) WHERE sku = 'unused'"


@pytest.mark.parametrize("statement", [CHANGES["customers"], CHANGES["customers_undecodable"], UNUSED_ID])
async def test_an_altered_row_that_nobody_else_has_keeps_no_wiped_peer_from_serving(
    trial: Trial, statement: str
) -> None:
    """It is sent as far as it can be read: a peer that is empty has nothing better."""
    sold = await sold_by(trial)
    unused = NewProduct(sku="unused", name="Unused", price_cents=1)
    await sold["matriz"].database.write(lambda tx: products.create(tx, unused, actor=ACTOR))
    await sold.stop("norte")
    await sold.wipe("sul")
    change_file(sold, "matriz", statement)
    await sold.start("sul")
    await eventually(lambda: sold["sul"].ready, within=4 * SCRUB_SECONDS)
    assert len(await sold.order_ids("sul")) == ORDERS


@pytest.mark.parametrize("where", NAMES)
async def test_a_damaged_version_of_a_stock_row_ends_no_life(trial: Trial, where: str) -> None:
    """Neither the branch's own, nor what a peer has of it, when the branch says hello after a start."""
    sold = await sold_by(trial)
    epochs = epochs_of(sold)
    await sold.stop(*NAMES)
    change_file(sold, where, "UPDATE stock SET version = version + 128 WHERE branch = 'sul'")
    for name in NAMES:
        await sold.start(name, ready=False)
    await eventually(lambda: are_sound(sold), every=1.0)
    await sold.verify()
    await nothing_was_destroyed(sold, epochs)


async def test_a_field_nested_too_deep_to_be_read_ends_no_scrub(trial: Trial) -> None:
    """It is no field, as any other text that is no JSON object."""
    sold = await sold_by(trial)
    deep = """UPDATE customers SET extra = '{"a":' || replace(hex(zeroblob(50000)), '00', '[')"""
    change_file(sold, "sul", deep, CHANGES["products"])
    await asyncio.sleep(3 * SCRUB_SECONDS)
    assert (await sold.alarms("sul")).keys() == {"repaired_rows"}
    assert await sold["sul"].database.read(lambda c: customers.CUSTOMERS.snapshots(c, customers_of(c)))


async def test_a_scrub_that_meets_an_error_nobody_expected_goes_on_at_the_next_interval(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sold = await sold_by(trial)

    def fail() -> Any:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patched:
        patched.setattr(checking, "look_for_troubles", fail)
        await asyncio.sleep(2 * SCRUB_SECONDS)
    alarm = (await sold["sul"].status()).alarms["stands_still"]
    assert alarm == Alarm(count=2, last="scrub: RuntimeError('a mistake'); again in 15 s")
    assert "Traceback" in caplog.text
    change_file(sold, "sul", CHANGES["products"])
    await eventually(lambda: are_sound(sold), within=2 * SCRUB_SECONDS, every=1.0)
    await sold.verify()


def customers_of(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT id FROM customers")]
