"""A database older than what peers know of it: it ends its life by itself, and loses nothing it holds."""

import pytest

from app.domain.errors import OutOfStock
from app.sync.peering.transport import Response
from app.sync.wire.messages import BatchReceipt, Head
from tests.recovery.trial import NAMES, Trial
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

HELLO, EVENT = "/replica/hello", "/replica/event"


async def test_a_rolled_back_database_is_found_before_it_serves_and_gets_its_orders_back(
    trial: Trial,
) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    sold = [await trial.sell("sul"), await trial.sell("sul")]
    await trial.converged()
    await trial.put_back("sul", copy)
    assert trial.epoch("sul") != before
    await trial.verify()
    assert await trial.order_ids("sul") == sorted(sold)
    await trial.shows(*NAMES, available=0, frozen=3, here=0)
    assert await trial.alarms("sul") == {"new_epoch": 1}
    assert isinstance(await trial.refused("sul"), OutOfStock)


async def test_it_is_found_by_the_peer_that_knows_more_though_others_do_not(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    trial.network.cut.add(("sul", "matriz"))
    order = await trial.sell("sul")
    await eventually(lambda: trial.has("norte", order))
    trial.network.cut |= {("sul", "norte"), ("norte", "sul")}
    await trial.put_back("sul", copy)
    assert trial.epoch("sul") == before  # matriz knows no more than this disk
    trial.network.cut.clear()
    await trial.verify()
    assert trial.epoch("sul") != before
    await trial.shows(*NAMES, available=0, frozen=4, here=0)


async def test_orders_that_only_the_rolled_back_disk_held_are_announced_once_more(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    forgotten = await trial.sell("sul")
    await trial.converged()
    for name in ("matriz", "norte"):
        trial.network.cut |= {("sul", name), (name, "sul")}
    await trial.put_back("sul", copy)
    only_here = [await trial.sell("sul"), await trial.sell("sul")]  # under seqs that peers know otherwise
    assert trial.epoch("sul") == before
    trial.network.cut.clear()
    await trial.verify()
    for name in NAMES:
        assert await trial.order_ids(name) == sorted([forgotten, *only_here])
    announced = await trial.announced("sul")
    assert sorted(announced) == sorted(only_here)
    assert [(await trial["sul"].orders.view(order)).stored_by for order in only_here] == [
        ["matriz", "norte"]
    ] * 2
    # Two histories of one life told of one sale and of two; that three were made, only a count tells.
    await trial.shows(*NAMES, available=0, frozen=3, here=0)


async def test_a_roll_back_that_only_a_row_betrays_is_found(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    for name in ("matriz", "norte"):  # a grant's reply outruns the outbox
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await trial.sell("norte", 2)
    heads = (await trial["norte"].status()).heads
    await trial.put_back("sul", copy)
    assert (await trial["sul"].status()).heads.get(f"sul@{before}") == heads.get(f"sul@{before}")
    trial.network.answers.clear()
    await trial.verify()
    assert trial.epoch("sul") != before
    (_, after) = (await trial.audited("sul", "new_epoch"))[0]
    assert "newer rows of this epoch" in after["why"]
    await trial.shows(*NAMES, available=0, frozen=3, here=0)


@pytest.mark.parametrize("sales", [1, 2])  # up to the version that a peer knows, and beyond it
async def test_a_roll_back_is_found_by_what_it_moved_before_it_met_who_knew_more(
    trial: Trial, sales: int
) -> None:
    """Its versions say nothing any more: the rows of both histories do."""
    await trial.stocked(at="sul", units=5)
    copy, before = trial.copy("sul"), trial.epoch("sul")
    for name in ("matriz", "norte"):
        trial.network.answers[name, EVENT] = problem(503, "not_ready")
    await trial.sell("norte", 2)  # granted by sul, which only norte heard of
    trial.network.cut |= {link for name in ("matriz", "norte") for link in (("sul", name), (name, "sul"))}
    await trial.put_back("sul", copy)
    for _ in range(sales):
        await trial.sell("sul")
    assert trial.epoch("sul") == before
    trial.network.cut.clear()
    trial.network.answers.clear()
    await eventually(lambda: trial.epoch("sul") != before, within=30)
    await trial.verify()
    assert (await trial.alarms("norte"))["fork"] == 1
    await trial.shows(*NAMES, available=0, frozen=3 - sales, here=0)


@pytest.mark.parametrize("beyond", [0, 900])
@pytest.mark.parametrize("as_a_gap", [False, True])
async def test_an_acknowledgement_of_what_was_never_written_ends_the_life(
    trial: Trial, beyond: int, as_a_gap: bool
) -> None:
    await trial.stocked("matriz", "sul", at="sul", units=5)
    before = trial.epoch("sul")
    head = (await trial["sul"].status()).heads[f"sul@{before}"]
    position = Head(seq=head + 2 + beyond, event_id="of another history")
    receipt = BatchReceipt(epoch=trial.epoch("matriz"), position=position, parked=0)
    trial.network.answers["matriz", EVENT] = (
        problem(409, "gap", position=position.model_dump())
        if as_a_gap
        else Response(200, receipt.model_dump_json().encode())
    )
    order = await trial.sell("sul")  # two events
    await eventually(lambda: trial.epoch("sul") != before, within=1)
    (_, after) = (await trial.audited("sul", "new_epoch"))[0]
    assert f"acknowledges event {position.seq}" in after["why"]
    assert (await trial["sul"].orders.view(order)).stored_by == []
    trial.network.answers.clear()
    await trial.verify()
    assert await trial.order_ids("matriz") == [order]


async def test_an_epoch_that_finds_itself_named_dead_begins_another(trial: Trial) -> None:
    await trial.traded(at="sul", units=5)
    copy, first = trial.copy("sul"), trial.epoch("sul")
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.receive("sul", 3)
    await trial.converged()
    second = trial.epoch("sul")
    await trial.put_back("sul", copy)
    await trial.verify()
    assert trial.epoch("sul") not in (first, second)
    await trial.shows(*NAMES, available=0, frozen=7, here=0)
    assert (await trial["sul"].status()).fenced is None


async def test_a_restore_at_a_dead_life_does_not_bring_its_rights_back(trial: Trial) -> None:
    await trial.stocked(at="sul", units=4)
    copy = trial.copy("sul")
    await trial.sell("norte", 4)
    await trial.converged()
    await trial.put_back("sul", copy)
    assert isinstance(await trial.refused("sul"), OutOfStock)
    await trial.verify()
    await trial.shows(*NAMES, available=0, frozen=0, here=0)


async def test_a_peer_that_was_rolled_back_moves_the_cursor_back_and_hears_it_all_again(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    copy, before = trial.copy("norte"), trial.epoch("norte")
    sold = [await trial.sell("matriz") for _ in range(3)]
    await trial.converged()
    sent = len(trial.network.sent("matriz", "norte", EVENT))
    await trial.put_back("norte", copy)
    await trial.verify()
    assert trial.epoch("norte") == before  # it had written nothing itself that could be lost
    assert len(trial.network.sent("matriz", "norte", EVENT)) > sent
    assert await trial.order_ids("norte") == sorted(sold)


async def test_hellos_that_come_late_or_twice_end_nobodys_life(trial: Trial) -> None:
    await trial.stocked(at="sul", units=5)
    epoch = trial.epoch("sul")
    late = trial.network.sent("sul", "matriz", HELLO)[0].body
    await trial.stop("sul")
    await trial.start("sul")
    await trial.sell("sul")
    await trial.converged()
    again = trial.network.sent("sul", "matriz", HELLO)[-1].body
    answer = await trial.post("sul", "matriz", HELLO, late, epoch=epoch)
    assert (answer.status, answer.code) == (409, "stale_incarnation")
    answer = await trial.post("sul", "matriz", HELLO, again, epoch=epoch)
    assert answer.status == 200
    await trial.verify()
    assert trial.epoch("sul") == epoch
    for name in NAMES:
        assert await trial.alarms(name) == {}


async def test_units_of_an_order_of_an_earlier_life_join_the_frozen_pool_when_it_is_cancelled(
    trial: Trial,
) -> None:
    order = await trial.traded(at="sul", units=5, sold=2)
    await trial.wipe("sul")
    await trial.start("sul")
    await trial.cancel("sul", order)
    await trial.cancel("sul", order)
    await trial.verify()
    await trial.shows(*NAMES, available=0, frozen=5, here=0)
    (returned,) = [
        row.returned_frozen for row in await trial.rows("norte") if row.epoch == trial.epoch("sul")
    ]
    assert returned == 2
    assert isinstance(await trial.refused("sul"), OutOfStock)
