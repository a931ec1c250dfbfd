"""A donor that falsifies rows of others: what it said ends when the branch itself speaks."""

from typing import Any

import pytest

from app.domain import identity
from app.domain.errors import Invalid
from app.state.repair import checking
from app.state.tables import order_rows, orders, stock_table
from app.sync.catchup import snapshot
from app.sync.wire.messages import Page, PageRequest
from tests.recovery.lies import A_MILLION, forged, life, tell
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


async def test_a_donor_that_claims_to_have_no_more_cancels_nobodys_order(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    wanted = PageRequest(
        to_epoch=trial.epoch("norte"), epoch=trial.epoch("matriz"), relation="orders", after=""
    )
    page = await trial["norte"].database.read(lambda connection: snapshot.read_page(connection, wanted))
    lie = Page(**{**page.model_dump(), "rows": [{**page.rows[0], "status": "cancelled", "version": 2}]})

    def hear(tx: Any) -> stock_table.Merged:
        with tx.hearing(life(trial, "norte")):
            return snapshot.merge_page(tx, lie, donor="norte")

    merged = await trial["matriz"].database.write(hear)
    assert not merged.changed
    assert (await trial["matriz"].orders.view(order)).status == "placed"
    await trial.verify()


async def test_an_order_that_a_donor_falsified_is_put_right_by_its_branch(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    true = {**row, "id": "018bcfe5-0000-7000-8000-000000000000", "idempotency_key": None}
    false = {**true, "note": "forged"}

    assert await tell(trial, "norte", false)  # of an order that is not here yet
    assert await tell(trial, "sul", true)
    with pytest.raises(Invalid):
        await tell(trial, "norte", false)
    with pytest.raises(Invalid):
        await tell(trial, "sul", {**true, "note": "another history"})
    (stored,) = await trial["matriz"].database.read(lambda c: order_rows.read(c, [true["id"]]))
    assert stored == true
    assert await trial["matriz"].database.read(checking.find_troubles) == []


async def test_an_order_under_an_id_of_another_branch_gives_way_to_the_true_one(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    marked = identity.order_id(1_700_000_000.0, bytes(10), branch="sul")
    true = {**row, "id": marked, "idempotency_key": None, "number": "SUL-2"}
    squatted = {**true, "branch": "norte", "epoch": trial.epoch("norte"), "number": "NORTE-1", "version": 2}

    assert await tell(trial, "norte", squatted)
    assert await tell(trial, "sul", true)
    with pytest.raises(Invalid):
        await tell(trial, "norte", squatted)
    (stored,) = await trial["matriz"].database.read(lambda c: order_rows.read(c, [marked]))
    assert stored == true
    assert await trial["matriz"].database.read(checking.find_troubles) == []


async def test_an_order_that_its_branch_never_took_is_moved_out_when_it_speaks(trial: Trial) -> None:
    """A donor told it while the branch was silent."""
    await trial.stocked(at="sul", units=5)
    order = await trial.sell("sul", 2)
    await trial.converged()
    (row,) = await trial["matriz"].database.read(lambda connection: order_rows.read(connection, [order]))
    invented = identity.order_id(1_700_000_000.0, bytes(10), branch="sul")
    assert await tell(trial, "norte", {**row, "id": invented, "number": "SUL-9", "idempotency_key": None})

    await trial.converged()

    for name in NAMES:
        assert await trial.order_ids(name) == [order]
    assert "unwritten_rows" in await trial.alarms("matriz")


async def test_a_stored_time_that_cannot_be_shown_is_shown_as_damaged(trial: Trial) -> None:
    order = await trial.traded(at="matriz", units=5)
    matriz = trial["matriz"]
    await matriz.database.write(
        lambda tx: tx.connection.execute("UPDATE orders SET created_at = 1e12 WHERE id = ?", (order,))
    )
    await matriz.database.write(
        lambda tx: tx.connection.execute(
            "UPDATE orders SET checksum = ? WHERE id = ?", (_seal_of(tx.connection, order), order)
        )
    )
    (shown,) = await matriz.database.read(lambda connection: orders.page(connection, "", 10))
    assert shown.created_at == "damaged"


def _seal_of(connection: Any, order: str) -> int:
    (stored,) = order_rows.stored(connection, [order])
    return stored.found


async def test_what_a_donor_said_of_a_silent_branch_ends_when_that_branch_speaks(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    victim = life(trial, "sul")
    lie = await forged(trial, victim, life(trial, "matriz"))

    def poison(tx: Any) -> None:
        with tx.hearing(victim):
            stock_table.merge(tx, [lie])

    await trial.stop("sul")
    await trial["matriz"].database.write(poison)  # the donor itself believes it
    await trial.wipe("norte")
    await trial.start("norte")
    assert (await trial.view("norte"))["here"] == 0
    assert (await trial.view("norte"))["available"] == A_MILLION
    await trial.stop("matriz")
    await trial.start("sul")

    async def is_put_right() -> bool:
        return bool((await trial.view("norte"))["available"] == 5)

    await eventually(is_put_right, within=30)
    assert "fork" not in await trial.alarms("norte")
