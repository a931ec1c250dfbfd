"""What a damaged file still holds comes back: to the node whose file it was, and from there to all."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from app.domain.errors import CountBlocked
from app.sync.damage import salvaging
from tests.recovery.damage import Damage, both, flipped_in, zeroed
from tests.recovery.salvaging import accounts, founded, sell_alone, start_all
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


DAY_SECONDS = 100.0  # a real day of three nodes takes minutes even in virtual time


@pytest.mark.parametrize(
    "damage",
    [zeroed("audit"), both(zeroed("events"), flipped_in("audit", seed=1))],
    ids=["a zeroed page", "noise in the middle"],
)
async def test_an_order_that_only_a_damaged_file_had_is_back_at_all_nodes(
    trial: Trial, damage: Damage
) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul")
    damage(trial.company.path("sul"))
    await start_all(trial)
    assert await accounts(trial, "sul") == {"sul": (1, 0, True)}
    await trial.verify()
    for name in NAMES:
        assert await trial.has(name, alone)
    assert await trial.announced("sul") == [alone]
    status = await trial["sul"].status()
    assert status.at_risk == 0
    assert status.alarms["salvaged"].last == (
        "of the damaged file node.db.damaged-1 1 order came back and 0 orders could not be brought back"
    )
    # Ten units less the three that were sold: nobody sells what the old life had left.
    await trial.shows("matriz", available=18, frozen=7, here=9)


@pytest.mark.parametrize("damaged", ["sul", "matriz"], ids=["a member", "the branch that counts"])
async def test_no_stock_is_counted_while_a_damaged_file_may_hold_more(trial: Trial, damaged: str) -> None:
    """Three units that somebody took are missing from the shelf, until the file tells of their order: whoever
    counted them as gone before that would miss them twice."""
    await founded(trial)
    await sell_alone(trial, damaged, quantity=3)
    zeroed("audit")(trial.company.path(damaged))
    with mock.patch.object(salvaging, "LOOK_SECONDS", 60.0):  # it serves for a while before it looks
        await start_all(trial)
        await eventually(lambda: all(trial[name].ready for name in NAMES))
        await trial.converged()
        with pytest.raises(CountBlocked) as blocked:
            await trial["matriz"].counts.count(RICE, missing=3, actor=ACTOR)
    assert (blocked.value.member, blocked.value.reason) == (damaged, "salvaging")
    await accounts(trial, damaged)
    await trial.converged()
    await trial["matriz"].counts.count(RICE, missing=0, actor=ACTOR)
    await trial.converged()
    await trial.shows("norte", available=24, frozen=0, here=9)
    await trial.verify()


async def test_a_damaged_file_that_cannot_be_read_now_blocks_no_count(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    await founded(trial)
    await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))

    async def fails(_self: salvaging.Salvaging) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(salvaging.Salvaging, "once", fails)
    await start_all(trial)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await trial.converged()
    await eventually(lambda: not trial["sul"].readiness.salvaging)
    await trial["matriz"].counts.count(RICE, missing=2, actor=ACTOR)


async def test_an_order_whose_page_is_gone_everywhere_is_named(trial: Trial) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul")
    zeroed("orders")(trial.company.path("sul"))
    await start_all(trial)
    assert await accounts(trial, "sul") == {"sul": (0, 1, True)}
    trial.declare_lost(alone)
    await trial.verify()
    last = (await trial["sul"].status()).alarms["salvaged"].last
    assert last.endswith(f"0 orders came back and 1 order could not be brought back ({alone})")


async def test_units_that_were_sold_unheard_of_count_again_though_their_order_is_gone(trial: Trial) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul", quantity=4)
    zeroed("orders")(trial.company.path("sul"))
    await start_all(trial)
    await accounts(trial, "sul")
    trial.declare_lost(alone)
    await trial.verify()
    await trial.shows(*NAMES[:2], available=18, frozen=5, here=9)


async def test_a_cancellation_that_only_the_damaged_file_had_is_told_to_all(trial: Trial) -> None:
    await founded(trial)
    order_id = await trial.sell("sul", 3)
    await trial.converged()
    trial.network.cut.update((one, "sul") for one in NAMES[:2])
    trial.network.cut.update(("sul", one) for one in NAMES[:2])
    await trial.cancel("sul", order_id)
    await trial.stop(*NAMES)
    trial.network.cut.clear()
    zeroed("audit")(trial.company.path("sul"))
    await start_all(trial)
    await accounts(trial, "sul")
    await trial.verify()
    for name in NAMES:
        (status,) = await trial[name].database.read(
            lambda connection: connection.execute(
                "SELECT status FROM orders WHERE id = ?", (order_id,)
            ).fetchone()
        )
        assert status == "cancelled"


async def test_a_set_aside_file_is_removed_when_the_network_has_all_it_held(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvaging, "DAY_SECONDS", DAY_SECONDS)
    await founded(trial, keep_damaged_days=1)
    await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))
    await start_all(trial)
    await accounts(trial, "sul")
    await trial.verify()
    kept = trial.company.path("sul").with_name("node.db.damaged-1")
    await asyncio.sleep(0.9 * DAY_SECONDS)
    assert kept.exists()
    await eventually(lambda: not kept.exists(), within=2 * DAY_SECONDS)
    await asyncio.sleep(1)
    assert (await trial["sul"].status()).salvage == []
    await trial.verify()


async def test_a_set_aside_file_of_which_something_is_lost_is_kept(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvaging, "DAY_SECONDS", DAY_SECONDS)
    await founded(trial, keep_damaged_days=1)
    alone = await sell_alone(trial, "sul")
    trial.declare_lost(*alone)
    zeroed("orders")(trial.company.path("sul"))
    await start_all(trial)
    await accounts(trial, "sul")
    await asyncio.sleep(3 * DAY_SECONDS)
    assert trial.company.path("sul").with_name("node.db.damaged-1").exists()


async def test_salvage_goes_on_where_a_crash_stopped_it(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    await founded(trial)
    alone = await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))
    monkeypatch.setattr("app.state.salvage.finish", _crash)
    await trial.start("matriz")
    await trial.start("norte")
    await trial.start("sul")
    assert (await accounts(trial, "sul"))["sul"] == (1, 0, False)
    await trial.stop("sul")
    monkeypatch.undo()
    await trial.start("sul")

    async def is_complete() -> bool:
        return (await accounts(trial, "sul"))["sul"] == (1, 0, True)

    await eventually(is_complete)
    await trial.verify()
    assert set(alone) <= set(await trial.order_ids("matriz"))


def _crash(*_arguments: Any) -> Any:
    raise OSError("the process ends here")
