"""Disks that went back while the peers were upgraded to no common protocol version: hello alone can tell."""

from typing import Any

import pytest

from app.domain.errors import OutOfStock
from app.sync.log import outbox
from tests.recovery.trial import Trial
from tests.support.network import problem
from tests.support.virtual import VirtualClock, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

EVENT, HELLO = "/replica/event", "/replica/hello"
A_MINUTE = 60.0


async def test_upgraded_peers_that_have_more_of_a_rolled_back_disk_stop_its_life(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    await trial.sell("sul", 4)
    await trial.converged()
    await trial.upgrade("matriz", "norte")
    await trial.put_back("sul", copy)
    assert trial.epoch("sul") != before
    assert await trial.alarms("sul") == {"new_epoch": 1}
    assert isinstance(await trial.refused("sul", 4), OutOfStock)
    await VirtualClock().sleep(A_MINUTE)
    assert trial["sul"].ready  # one more life is enough
    await trial.upgrade("sul")
    await trial.verify()


async def test_upgraded_peers_that_have_other_events_of_a_life_stop_it(trial: Trial) -> None:
    """It went back and went on, unseen, to as many events as they have of it."""
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    await trial.sell("sul", 1)
    await trial.converged()
    trial.network.cut |= {link for name in ("matriz", "norte") for link in (("sul", name), (name, "sul"))}
    await trial.put_back("sul", copy)
    await trial.sell("sul", 1)
    assert trial.epoch("sul") == before
    await trial.upgrade("matriz", "norte")
    trial.network.cut.clear()
    await eventually(lambda: trial.epoch("sul") != before)


async def test_an_upgraded_peer_that_has_newer_rows_of_a_life_only_stops_it(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    for name in ("matriz", "norte"):  # a grant's reply outruns the outbox
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await trial.sell("norte", 2)
    await trial.upgrade("matriz", "norte")
    await trial.put_back("sul", copy)
    assert trial.epoch("sul") != before
    assert isinstance(await trial.refused("sul", 5), OutOfStock)


async def test_what_an_upgraded_peer_knows_is_compared_with_the_disk_as_it_is_by_then(trial: Trial) -> None:
    """Events and rows may have overtaken the hello on its way. One more than the disk has ends the life."""
    await trial.traded(at="sul", units=5)
    before, newest = trial.epoch("sul"), await _told_of("sul", trial)
    trial.network.answers["norte", HELLO] = problem(409, "incompatible", **newest)
    await trial.stop("sul")
    await trial.start("sul")
    await VirtualClock().sleep(A_MINUTE)
    assert (trial.epoch("sul"), trial["sul"].ready) == (before, True)
    assert await trial.alarms("sul") == {}
    newest["ahead"] = {product: version + 1 for product, version in newest["ahead"].items()}
    trial.network.answers["norte", HELLO] = problem(409, "incompatible", **newest)
    await eventually(lambda: trial.epoch("sul") != before)


async def _told_of(name: str, trial: Trial) -> dict[str, Any]:
    """What a peer that has all of a node's life says of it to a hello without a common version."""
    head = await trial[name].database.read(outbox.head)
    rows = [row for row in await trial.rows(name) if row.branch == name]
    return {
        "reason": "no_common_protocol",
        "position": head.model_dump(),
        "ahead": {row.product_id: row.version for row in rows},
    }


async def test_a_disk_of_a_dead_life_is_told_so_by_upgraded_peers(trial: Trial) -> None:
    """What that life has is frozen, and a count may have released it."""
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.shows("matriz", "norte", available=0, frozen=5, here=0)
    await trial.upgrade("matriz", "norte")
    await trial.put_back("sul", copy)
    assert trial.epoch("sul") != before
    assert isinstance(await trial.refused("sul"), OutOfStock)


async def test_a_disk_that_is_as_its_peers_know_it_goes_on_beside_upgraded_ones(trial: Trial) -> None:
    """What it sells meanwhile, they have after its own upgrade."""
    await trial.traded(at="sul", units=5)
    before = trial.epoch("sul")
    await trial.upgrade("matriz", "norte")
    await trial.sell("sul")
    await trial.stop("sul")
    await trial.start("sul")
    await trial.sell("sul")
    await VirtualClock().sleep(A_MINUTE)
    assert (trial.epoch("sul"), trial["sul"].ready) == (before, True)
    await trial.upgrade("sul")
    await trial.verify()
    assert trial.epoch("sul") == before
