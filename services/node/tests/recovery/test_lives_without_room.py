"""Lives that a node has no room for, since a member named too many: it is compared with the others all the
same, and what honest members know of lives has room of its own."""

import pytest

from app.database import Transaction
from app.domain import bounds
from app.domain.life import Life
from app.state.tables import life_table
from app.sync.log import positions
from app.sync.wire.messages import Head
from tests.recovery.test_silent_divergence import forget
from tests.recovery.trial import Trial
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

ENDED = Life("norte", "a life that matriz alone has events of")


def ghosts(branch: str, many: int) -> list[Life]:
    """Lives that this branch never had."""
    return [Life(branch, f"ghost {number}") for number in range(many)]


def life(trial: Trial, name: str) -> Life:
    return Life(name, trial.epoch(name))


async def test_a_liar_that_names_hundreds_of_its_own_lives_keeps_no_true_one_out(trial: Trial) -> None:
    await trial.found()
    sul, liar, honest = trial["sul"], life(trial, "norte"), life(trial, "matriz")
    named = ghosts("norte", bounds.MOST_LIVES_OF_BRANCH - 100)
    await sul.database.write(lambda tx: life_table.learn_deaths(tx, named, by=liar))
    await sul.database.write(lambda tx: life_table.learn_deaths(tx, [ENDED], by=honest))
    assert ENDED in await sul.database.read(life_table.dead_lives)


@pytest.mark.parametrize("loser", ["matriz", "sul"])
async def test_nodes_are_compared_though_one_cannot_store_a_life_that_is_over(
    trial: Trial, loser: str
) -> None:
    order = await trial.traded(at="matriz", units=5)
    liar, honest = life(trial, "norte"), life(trial, "matriz")
    await trial.stop("norte")

    def has_heard(tx: Transaction) -> None:
        life_table.learn_deaths(tx, [ENDED], by=liar)
        positions.store(tx, ENDED, Head(seq=7, event_id="f" * 32))

    named = ghosts("norte", bounds.MOST_LIVES_BY_HEARSAY)
    await trial["sul"].database.write(lambda tx: life_table.learn_deaths(tx, named, by=honest))
    await trial["matriz"].database.write(has_heard)
    await trial[loser].database.write(lambda tx: forget(tx, order))

    await eventually(lambda: trial.has(loser, order), within=120)
    assert ENDED.key in (await trial["matriz"].status()).heads
    assert ENDED.key not in (await trial["sul"].status()).heads
