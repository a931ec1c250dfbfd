"""Where nobody serves, a person says who goes on with what came back, and the others follow."""

import asyncio
from random import Random

import pytest

from app.database import StorageFailed
from app.salvage import show, take
from tests.recovery.damage import both, flipped_in, random_bytes, zeroed
from tests.recovery.salvaging import accounts, environment, founded, lost_ids, sell_alone, start_all
from tests.recovery.trial import NAMES, Trial
from tests.support.company import customer
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


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


async def test_where_all_files_are_damaged_one_founds_with_what_it_had_and_the_others_bring_theirs(
    trial: Trial,
) -> None:
    await founded(trial)
    alone = await sell_alone(trial, *NAMES)
    for number, name in enumerate(NAMES):
        both(zeroed("audit"), flipped_in("events", seed=number))(trial.company.path(name))
    await start_all(trial)
    await eventually(lambda: all(trial[name].readiness.reason == "nobody_serves" for name in NAMES))
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
        assert (await trial[name].status()).at_risk == 0
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


async def test_where_no_file_was_set_aside_it_says_so_and_changes_nothing(trial: Trial) -> None:
    await founded(trial)
    before = trial.epoch("sul")
    await trial.stop("sul")
    assert show(environment(trial, "sul"))["files"] == []
    with pytest.raises(StorageFailed, match=r"no damaged file of .* was set aside.* comes from peers"):
        take(environment(trial, "sul"), found=True)
    await trial.start("sul")
    assert trial.epoch("sul") == before
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
    await eventually(lambda: all(trial[name].readiness.reason == "nobody_serves" for name in NAMES))
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
