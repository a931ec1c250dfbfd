"""What damaged files still hold comes back: to the node whose file it was, and from there to all."""

import asyncio
from random import Random
from typing import Any

import pytest

from app.salvage import show, take
from app.sync import salvaging
from tests.recovery.damage import Damage, both, flipped_in, random_bytes, zeroed
from tests.recovery.trial import NAMES, Trial
from tests.support.company import customer, node_settings
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


DAY_SECONDS = 100.0  # a real day of three nodes takes minutes even in virtual time


async def founded(trial: Trial, **settings: Any) -> None:
    """Three nodes that each had ten units and sold one."""
    await trial.found(**settings)
    await trial.receive("matriz", 30, share="equal")
    await trial.converged()
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()


async def sell_alone(trial: Trial, *names: str, quantity: int = 2) -> list[str]:
    """Stop all nodes; each of these has then sold what no other has heard of."""
    trial.network.cut.update((one, other) for one in NAMES for other in NAMES if one != other)
    sold = [await trial.sell(name, quantity) for name in names]
    await trial.stop(*NAMES)
    trial.network.cut.clear()
    return sold


async def start_all(trial: Trial, **settings: Any) -> None:
    for name in NAMES:
        await trial.start(name, ready=False, **settings)


async def accounts(trial: Trial, *names: str) -> dict[str, tuple[int, int, bool]]:
    """By node how many orders came back of its set-aside file, how many did not, and whether that is the last
    word; once each has looked into one."""
    found: dict[str, tuple[int, int, bool]] = {}

    async def all_looked_into() -> bool:
        for name in names:
            for account in (await trial[name].status())["salvage"]:
                found[name] = account["orders_back"], account["orders_lost"], account["complete"]
        return len(found) == len(names)

    await eventually(all_looked_into)
    return found


def environment(trial: Trial, name: str) -> Any:
    return node_settings(name, peers=NAMES, database_path=trial.company.path(name))


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
    assert status["at_risk"] == 0
    assert status["alarms"]["salvaged"]["last"] == (
        "of the damaged file node.db.damaged-1 1 order came back and 0 orders could not be brought back"
    )
    # Ten units less the three that were sold: nobody sells what the old life had left.
    await trial.shows("matriz", available=18, frozen=7, here=9)


async def test_an_order_whose_page_is_gone_everywhere_is_named(trial: Trial) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul")
    zeroed("orders")(trial.company.path("sul"))
    await start_all(trial)
    assert await accounts(trial, "sul") == {"sul": (0, 1, True)}
    trial.declare_lost(alone)
    await trial.verify()
    last = (await trial["sul"].status())["alarms"]["salvaged"]["last"]
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


async def test_an_order_that_another_branch_brings_back_is_called_lost_no_more(trial: Trial) -> None:
    await founded(trial)
    await trial.stop(*NAMES)
    both(zeroed("audit"), zeroed("orders"))(trial.company.path("sul"))
    for name in NAMES[:2]:
        zeroed("audit")(trial.company.path(name))
    ((_, account),) = take(environment(trial, "sul"), found=True)
    assert (account.back, account.lost) == (0, 3)
    await start_all(trial)
    await eventually(lambda: all(trial[name].ready for name in NAMES))

    async def found_again() -> bool:
        return await accounts(trial, "sul") == {"sul": (0, 0, True)}

    await eventually(found_again, within=300)
    await trial.verify()


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


async def test_where_all_files_are_damaged_one_founds_with_what_it_had_and_the_others_bring_theirs(
    trial: Trial,
) -> None:
    await founded(trial)
    alone = await sell_alone(trial, *NAMES)
    for number, name in enumerate(NAMES):
        both(zeroed("audit"), flipped_in("events", seed=number))(trial.company.path(name))
    await start_all(trial)
    await eventually(lambda: all(trial[name].standing.reason == "nobody_serves" for name in NAMES))
    await trial.stop("norte")
    shown = show(environment(trial, "norte"))
    assert [file["orders"]["only_here"] for file in shown["files"]] == [4]

    ((file, account),) = take(environment(trial, "norte"), found=True)

    assert (file, account.back, account.lost) == ("node.db.damaged-1", 4, 0)
    await trial.start("norte")
    assert await accounts(trial, *NAMES) == {
        "matriz": (1, 0, True),
        "norte": (4, 0, True),
        "sul": (1, 0, True),
    }
    await trial.verify()
    for name in NAMES:
        assert set(alone) <= set(await trial.order_ids(name))
        assert (await trial[name].status())["at_risk"] == 0
    assert await trial.refused("norte")  # what the old lives had left is nobody's to sell


async def test_what_was_taken_is_told_when_the_node_was_not_founded_by_it(trial: Trial) -> None:
    await founded(trial)
    alone = await sell_alone(trial, "norte", "sul")
    for name in NAMES:
        zeroed("audit")(trial.company.path(name))
    assert take(environment(trial, "sul"), found=False)[0][1].back == 4
    for name in NAMES:
        await trial.start(name, ready=False, found=name == "sul")
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await accounts(trial, *NAMES)
    await trial.verify()
    for name in NAMES:
        assert set(alone) <= set(await trial.order_ids(name))


async def test_what_was_taken_is_told_after_the_rest_was_fetched(trial: Trial) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))
    take(environment(trial, "sul"), found=False)
    await start_all(trial)
    await trial.verify()
    for name in NAMES:
        assert await trial.has(name, alone)
    assert alone in await trial.announced("sul")
    assert await accounts(trial, "sul") == {"sul": (4, 0, True)}


async def test_what_was_taken_before_is_not_taken_again(trial: Trial) -> None:
    await founded(trial)
    await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))
    take(environment(trial, "sul"), found=False)
    assert take(environment(trial, "sul"), found=True) == []
    for name in NAMES:
        await trial.start(name)
    await trial.verify()


async def test_an_order_waits_for_the_customer_that_another_branch_brings_back(trial: Trial) -> None:
    await founded(trial)
    await customer(trial["matriz"], "ZETA")
    await trial.converged()
    alone = await sell_alone(trial, "sul")
    zeroed("audit", "customers")(trial.company.path("sul"))
    for name in NAMES[:2]:
        zeroed("audit")(trial.company.path(name))
    ((_, account),) = take(environment(trial, "sul"), found=True)
    assert (account.back, account.complete, account.lost) == (0, False, 4)
    await start_all(trial)
    await eventually(lambda: all(trial[name].ready for name in NAMES))

    async def all_back() -> bool:
        return (await accounts(trial, "sul"))["sul"][1:] == (0, True)

    await eventually(all_back, within=600)
    await trial.verify()
    for name in NAMES:
        assert set(alone) <= set(await trial.order_ids(name))


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
    assert (await trial["sul"].status())["salvage"] == []
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


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_readable_anywhere_is_everywhere_when_all_files_took_random_bytes(
    trial: Trial, seed: int
) -> None:
    await founded(trial)
    alone = await sell_alone(trial, *NAMES)
    random = Random(seed)
    for name in NAMES:
        both(zeroed("audit"), random_bytes(random))(trial.company.path(name))
    await start_all(trial)
    await eventually(lambda: all(trial[name].standing.reason == "nobody_serves" for name in NAMES))
    await trial.stop("matriz")
    take(environment(trial, "matriz"), found=True)
    await trial.start("matriz")
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await accounts(trial, *NAMES)
    await asyncio.sleep(120)
    await trial.converged()
    there = set(await trial.order_ids("matriz"))
    lost = set(alone) - there
    named: set[str] = set()
    for name in NAMES:
        named |= set(await lost_ids(trial, name))
    assert lost == named
    trial.declare_lost(*lost)
    await trial.verify()


async def lost_ids(trial: Trial, name: str) -> list[str]:
    """The orders that a node's accounts call lost."""
    found = await trial[name].database.read(
        lambda connection: connection.execute(
            "SELECT value FROM salvaged, json_each(report, '$.lost_ids')"
        ).fetchall()
    )
    return [row[0] for row in found]
