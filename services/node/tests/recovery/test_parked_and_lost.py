"""What is parked where disks are lost: nothing of it vanishes, and what somebody has in its rows ends."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from app.database import StorageError
from app.domain.errors import EffectParked
from app.domain.life import Life
from app.state.tables import life_table
from app.sync.catchup import donor_state
from tests.recovery.trial import Trial
from tests.support.branch import ACTOR
from tests.support.network import problem
from tests.support.spoiling import NONSENSE, deliver_spoiled, newer, upgraded
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

KINDS = ("order_created", "stock_update")
SNAPSHOT = "/replica/snapshot"


async def sold_and_spoiled(
    trial: Trial, *, kind: str, changes: dict[str, Any], to: str = "norte", cut: tuple[str, ...] = ("sul",)
) -> str:
    """An order at matriz of which one node gets an event that it cannot apply, and those that are `cut` off
    get nothing."""
    await trial.receive("matriz", 5)
    await trial.converged()
    trial.network.cut |= {("matriz", name) for name in (to, *cut)}
    order = await trial.sell("matriz", 2)
    await deliver_spoiled(trial["matriz"], trial[to], kind=kind, changes=changes)
    assert await trial.is_parked(to)
    return order


async def replay_everywhere(trial: Trial) -> None:
    for node in trial.company.nodes.values():
        await node.replay_parked(actor=ACTOR)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_parked_is_handed_over_with_the_rows_and_outlives_who_handed_it_over(
    trial: Trial, kind: str
) -> None:
    """Counted as applied and left behind, it would be lost with the last disk that it was parked on."""
    await trial.found()
    order = await sold_and_spoiled(trial, kind=kind, changes=newer(kind))
    trial.network.cut.clear()
    for name in ("matriz", "sul"):
        trial.network.down.add(name)
    await trial.wipe("matriz", "sul")
    trial.network.down.clear()
    for name in ("matriz", "sul"):
        await trial.start(name)
    await eventually(lambda: trial.is_parked("matriz"))
    await eventually(lambda: trial.is_parked("sul"))
    await trial.wipe("norte")
    await trial.start("norte")
    await eventually(lambda: trial.is_parked("norte"))

    with upgraded():
        await replay_everywhere(trial)
        await trial.verify()

    assert await trial.has("norte", order)
    (cell,) = [row for row in await trial.rows("norte") if row.received]
    assert (cell.sold, cell.version) == (2, 2)


async def test_what_is_parked_of_an_order_comes_after_the_rows_that_it_took(trial: Trial) -> None:
    """A donor that is lost in between would leave an order that shows without its stock."""
    await trial.found()
    await sold_and_spoiled(trial, kind="order_created", changes=newer("order_created"))
    trial.network.cut.clear()
    for name in ("matriz", "sul"):
        trial.network.down.add(name)
    await trial.wipe("matriz", "sul")
    trial.network.down.discard("sul")
    trial.network.answers["norte", SNAPSHOT] = problem(503, "not_ready")
    await trial.start("sul", ready=False)
    await eventually(lambda: trial.network.sent("sul", "norte", SNAPSHOT)[1:])
    assert not await trial.is_parked("sul")

    trial.network.answers.clear()
    await eventually(lambda: trial.is_parked("sul"))
    (cell,) = [row for row in await trial.rows("sul") if row.received]
    assert cell.sold == 2


async def test_what_a_donor_was_handed_itself_comes_with_the_orders_that_it_was_handed(trial: Trial) -> None:
    """Until it has fetched all, the donor has no position that says so. But its orders show at once."""
    await trial.found()
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await trial.wipe("matriz")
    await trial.start("matriz")  # in a life that sul gets nothing from
    life = Life("matriz", trial.epoch("matriz"))
    trial.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    await trial.receive("matriz", 5)
    order = await trial.sell("matriz", 2)
    await deliver_spoiled(trial["matriz"], trial["norte"], kind="stock_update", changes=newer("stock_update"))
    await trial.wipe("matriz")
    with mock.patch.object(donor_state, "finish_fetch", side_effect=StorageError("disk full")):
        await trial["sul"].database.write(lambda tx: life_table.learn_life(tx, life, dead=True))
        await eventually(lambda: trial.has("sul", order))
        assert await trial.is_parked("sul")
        trial.network.cut = {("matriz", "norte"), ("norte", "matriz")}
        await trial.start("matriz", ready=False)
        await eventually(lambda: trial.has("matriz", order))
        assert await trial.is_parked("matriz")

    trial.network.cut.clear()
    await eventually(lambda: trial["matriz"].ready)
    with upgraded():
        await replay_everywhere(trial)
        await trial.verify()
    (cell,) = [row for row in await trial.rows("matriz") if row.received]
    assert cell.sold == 2


async def test_an_order_is_not_cancelled_while_what_it_took_is_parked(trial: Trial) -> None:
    """A peer would show units given back that, as far as it can tell, nobody took."""
    await trial.found("matriz", "norte")
    order = await sold_and_spoiled(trial, kind="stock_update", changes=newer("stock_update"), cut=())
    trial.network.cut.clear()
    await trial.wipe("matriz")
    matriz = await trial.start("matriz")
    await eventually(lambda: trial.is_parked("matriz"))
    with pytest.raises(EffectParked):
        await matriz.orders.cancel(order, actor=ACTOR)

    with upgraded():
        await replay_everywhere(trial)
        cancelled = await matriz.orders.cancel(order, actor=ACTOR)
        await trial.converged()

    assert cancelled.status == "cancelled"
    cells = [row for row in await trial.rows("norte") if row.branch == "matriz"]
    assert sum(row.sold - row.returned_frozen for row in cells) == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_nonsense_of_a_life_that_is_over_ends_where_somebody_has_it_in_its_rows(
    trial: Trial, kind: str
) -> None:
    """No replay can apply it, and who wrote it is gone: it would be red for ever."""
    await trial.stocked(at="matriz", units=5)
    trial.network.cut.add(("matriz", "norte"))
    order = await trial.sell("matriz")
    await eventually(lambda: trial.has("sul", order))
    await deliver_spoiled(trial["matriz"], trial["norte"], kind=kind, changes=NONSENSE)
    trial.network.cut.clear()
    await trial.wipe("matriz")
    await trial.start("matriz")

    await trial.verify()

    assert await trial.has("norte", order)


async def test_nonsense_that_nobody_had_in_its_rows_stays_in_sight_everywhere(trial: Trial) -> None:
    """The order is gone with the only disk that had it. What is left says so."""
    await trial.found("matriz", "norte")
    order = await sold_and_spoiled(trial, kind="order_created", changes=NONSENSE, cut=())
    trial.declare_lost(order)
    trial.network.cut.clear()
    await trial.wipe("matriz")
    await trial.start("matriz")
    await trial.converged_without()
    await replay_everywhere(trial)
    await trial.converged_without()

    assert [(await trial[name].status()).parked for name in ("matriz", "norte")] == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
async def test_nonsense_of_an_earlier_life_ends_when_its_own_disk_goes_on_in_another(
    trial: Trial, kind: str
) -> None:
    await trial.found("matriz", "norte")
    order = await sold_and_spoiled(trial, kind=kind, changes=NONSENSE, cut=())
    life = Life("matriz", trial.epoch("matriz"))
    await trial["norte"].database.write(lambda tx: life_table.learn_life(tx, life, dead=True))
    trial.network.cut.clear()

    await trial.verify()

    assert trial.epoch("matriz") != life[1]
    assert await trial.has("norte", order)


async def test_what_a_newer_version_wrote_waits_for_it_though_others_have_the_row(trial: Trial) -> None:
    """Rows of this version need not hold all that the newer one says."""
    await trial.stocked(at="matriz", units=5)
    trial.network.cut.add(("matriz", "norte"))
    await trial.sell("matriz")
    await deliver_spoiled(
        trial["matriz"], trial["norte"], kind="order_created", changes=newer("order_created")
    )
    trial.network.cut.clear()
    await trial.converged_without()
    await replay_everywhere(trial)
    await trial.converged_without()
    assert await trial.is_parked("norte")

    with upgraded():
        await replay_everywhere(trial)
        await trial.verify()


async def test_what_a_donor_handed_over_before_its_disk_was_lost_is_tried_everywhere(trial: Trial) -> None:
    """Nobody has the position any more that would say when its rows are in."""
    await trial.found()
    order = await sold_and_spoiled(trial, kind="stock_update", changes=newer("stock_update"))
    trial.declare_lost(order)
    trial.network.cut.clear()
    trial.network.answers["norte", SNAPSHOT] = problem(503, "not_ready")
    await trial.wipe("matriz")
    await trial.start("matriz", ready=False)
    await eventually(lambda: trial.is_parked("sul"))

    with upgraded():
        await trial.wipe("norte")
        trial.network.answers.clear()
        await trial.start("norte")
        await trial.verify()

        for name in trial.company.nodes:
            assert not await trial.is_parked(name)
            assert "divergence" not in await trial.alarms(name)
    (cell,) = [row for row in await trial.rows("norte") if row.received]
    assert cell.sold == 2


async def test_a_donor_fills_no_disk_with_what_it_hands_over(trial: Trial) -> None:
    """A node that fetches rows takes nothing of such a donor. It is ready as soon as there is room."""
    least = 2**20
    await trial.found("matriz", "norte")
    changes = {**newer("order_created"), "body": {"nobody": "x" * (2 * least)}}
    await trial.receive("matriz", 5)
    await trial.converged()
    trial.network.cut.add(("matriz", "norte"))
    await trial.sell("matriz", 2)
    await deliver_spoiled(trial["matriz"], trial["norte"], kind="order_created", changes=changes)
    trial.network.cut.clear()
    await trial.wipe("matriz")
    await trial.start("matriz", ready=False, kept_max_bytes=least)
    await asyncio.sleep(60)
    assert not trial["matriz"].ready
    assert not await trial.is_parked("matriz")
    await trial.stop("matriz")
    await trial.start("matriz")
    await eventually(lambda: trial.is_parked("matriz"))
