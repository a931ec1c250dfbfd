"""Of several nodes with damaged files one after the other is rebuilt: a node that serves gives the turn."""

import asyncio

import pytest

from app.sync.damage.turns import LEASE_SECONDS
from tests.recovery.damaged_files import damage_at_rest, sold_by_all, waits_for
from tests.recovery.trial import NAMES, Trial
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


async def test_an_admin_begins_anew_where_nobody_serves_and_the_others_follow_one_by_one(
    trial: Trial,
) -> None:
    await sold_by_all(trial)
    before = {name: trial.company.path(name) for name in NAMES}
    await damage_at_rest(trial, *NAMES)
    await eventually(waits_for(trial, "nobody_serves", *NAMES))
    spoilt = {name: path.read_bytes() for name, path in before.items()}
    await trial.stop("sul")
    await trial.start("sul", found=True)
    await eventually(lambda: all(trial[name].ready for name in NAMES))
    await trial.converged()
    for name, path in before.items():
        assert path.with_name("node.db.damaged-1").read_bytes() == spoilt[name]


@pytest.mark.parametrize("serving", [("matriz",), ("matriz", "leste"), ("matriz", "leste", "oeste")])
async def test_two_damaged_ones_are_rebuilt_one_after_the_other(
    trial: Trial, serving: tuple[str, ...]
) -> None:
    """However many can give turns: two that ask at once may each be granted some."""
    rest = ("norte", "sul")
    await sold_by_all(trial, *serving, *rest)
    order: list[str] = []
    await damage_at_rest(trial, *rest)

    async def both() -> bool:
        replaced = [name for name in rest if trial[name].database.set_aside is not None]
        order.extend(name for name in replaced if name not in order)
        if len(replaced) == 2:
            assert trial[order[0]].ready, "the second begins only when the first serves"
        return len(replaced) == 2

    await eventually(both)
    await eventually(lambda: all(trial[name].ready for name in rest))
    await trial.verify()


async def test_a_turn_is_given_back_as_soon_as_the_node_serves_again(trial: Trial) -> None:
    await sold_by_all(trial)
    await damage_at_rest(trial, "sul")
    await eventually(lambda: trial["sul"].ready)
    began = asyncio.get_running_loop().time()
    await damage_at_rest(trial, "norte")
    await eventually(lambda: trial["norte"].ready)
    assert asyncio.get_running_loop().time() - began < LEASE_SECONDS / 2
    await trial.verify()


async def test_a_holder_that_crashes_with_its_turn_holds_nobody_up_for_long(trial: Trial) -> None:
    await sold_by_all(trial)
    trial.network.answers["matriz", "/replica/snapshot"] = problem(500, "internal")
    trial.network.answers["norte", "/replica/snapshot"] = problem(500, "internal")
    await damage_at_rest(trial, "sul")
    await eventually(lambda: trial["sul"].database.set_aside is not None)
    await asyncio.sleep(2 * LEASE_SECONDS)  # it is still at it, and renews its turn
    await damage_at_rest(trial, "norte")
    await asyncio.sleep(2 * LEASE_SECONDS)
    assert (trial["norte"].readiness.reason, trial["norte"].database.set_aside) == ("damaged_database", None)
    await trial.stop("sul")
    await asyncio.sleep(LEASE_SECONDS / 2)
    assert trial["norte"].database.set_aside is None
    await eventually(lambda: trial["norte"].database.set_aside is not None, within=LEASE_SECONDS)
    trial.network.answers.clear()
    await trial.start("sul")
    await eventually(lambda: trial["norte"].ready)
    await trial.verify()


async def test_a_peer_of_an_older_version_gives_no_turn(trial: Trial) -> None:
    await sold_by_all(trial, "matriz", "sul")
    trial.network.answers["matriz", "/replica/turn"] = problem(404, "not_found")
    await damage_at_rest(trial, "sul")
    await eventually(waits_for(trial, "nobody_serves", "sul"))
    assert trial["sul"].database.set_aside is None
    trial.network.answers.clear()
    await eventually(lambda: trial["sul"].ready)
    await trial.verify()
