"""How an empty node fetches what its peers have: resumable, checked, and in nobody's way."""

import pytest

from app.domain.errors import NotReady
from app.state.tables import stock_views
from app.sync.peering.transport import Response
from app.sync.wire.messages import Page, PageRequest
from tests.recovery.trial import RICE, Trial
from tests.support.company import buy, customer
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

SNAPSHOT, EVENT = "/replica/snapshot", "/replica/event"


def asked_of(trial: Trial, donor: str) -> list[str]:
    """The relations of all pages that sul tried to fetch from a donor."""
    return [
        PageRequest.model_validate_json(call.body).relation
        for call in trial.network.sent("sul", donor, SNAPSHOT)
    ]


async def is_done(trial: Trial, donor: str) -> bool:
    """Whether sul has everything of a donor's."""
    fetching = (await trial["sul"].status()).fetching
    return any(progress.done for progress in fetching if progress.peer == donor)


async def only_at_norte(trial: Trial) -> str:
    """An order that norte alone has."""
    trial.network.cut |= {("norte", "matriz"), ("matriz", "norte")}
    await trial.receive("norte", 1)
    return await trial.sell("norte")


async def test_the_audit_says_up_to_which_event_each_peer_had_the_branch(trial: Trial) -> None:
    await trial.traded(at="sul", units=5)
    epoch = trial.epoch("sul")
    seq = (await trial["matriz"].status()).heads[f"sul@{epoch}"]
    await trial.wipe("sul")
    await trial.start("sul")
    rows = await trial.audited("sul", "fetched")
    found = [(actor, after["had_this_branch_up_to"]) for actor, after in rows]
    for name in ("matriz", "norte"):
        assert (f"node:{name}", {f"sul@{epoch}": seq}) in found
    await trial.verify()


async def test_a_fetch_goes_on_where_it_stopped_when_its_donor_comes_back(trial: Trial) -> None:
    await trial.traded("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")  # rows come by pages or not at all
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: len(asked_of(trial, "matriz")) == 3, every=0.0005)
    trial.network.down.add("matriz")
    await eventually(lambda: trial.peer("matriz", seen_by="sul").state == "backing_off")
    assert (sul.ready, sul.readiness.reason, sul.readiness.reading) == (False, "rebuilding", True)
    already = asked_of(trial, "matriz")
    trial.network.down.clear()
    await eventually(lambda: sul.ready)
    later = asked_of(trial, "matriz")[len(already) :]
    assert already[:3] == ["users", "customers", "products"]
    assert [relation for relation in later if relation not in ("stock", "orders")] in ([], ["products"])
    assert later[-1] == "orders"
    trial.network.answers.clear()
    await trial.verify()


async def test_rows_that_came_from_one_donor_are_not_fetched_from_the_next(trial: Trial) -> None:
    order = await trial.traded(at="matriz", units=5)
    await trial.wipe("sul")
    trial.network.cut.add(("norte", "sul"))
    late = await only_at_norte(trial)
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    sul = await trial.start("sul")
    fetched = [(progress.peer, progress.rows) for progress in (await sul.status()).fetching]
    assert fetched == [
        ("matriz", 5),
        ("norte", 3),
    ]  # a row of each kind; the late order, and rice's two cells
    assert await trial.order_ids("sul") == sorted([order, late])
    trial.network.answers.clear()
    trial.network.cut.clear()
    await trial.verify()


async def test_a_donor_that_does_not_answer_keeps_no_other_waiting(trial: Trial) -> None:
    await trial.traded(at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: bool(asked_of(trial, "matriz")), every=0.0005)
    trial.network.late["sul", "matriz"] = 3.0
    await eventually(lambda: is_done(trial, "norte"))
    assert not await is_done(trial, "matriz")
    trial.network.late.clear()
    await eventually(lambda: sul.ready)
    await trial.verify()


async def test_events_are_put_off_while_whole_rows_bring_what_they_tell(trial: Trial) -> None:
    await trial.traded("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    trial.network.late["sul", "matriz"] = 0.3
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: "customers" in asked_of(trial, "matriz"), every=0.0005)
    await trial.sell("matriz")
    await eventually(lambda: "503" in (trial.peer("sul", seen_by="matriz").last_error or ""))
    await eventually(lambda: sul.ready)
    assert len(await trial.order_ids("sul")) == 2
    trial.network.late.clear()
    await trial.verify()


async def test_what_one_life_of_a_donor_has_is_never_asked_of_another(trial: Trial) -> None:
    """Else the heads of the first would be taken over with the rows of the second."""
    await trial.traded("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: len(asked_of(trial, "matriz")) == 2, every=0.0005)
    epoch = trial.epoch("matriz")
    trial.peer("matriz", seen_by="sul").epoch = "another life"
    await eventually(lambda: "orders" in asked_of(trial, "matriz"), every=0.0005)
    calls = trial.network.sent("sul", "matriz", SNAPSHOT)
    assert {PageRequest.model_validate_json(call.body).to_epoch for call in calls} == {epoch}
    await eventually(lambda: sul.ready)
    await trial.verify()


async def test_an_order_taken_between_two_pages_comes_with_its_customer_and_its_stock(trial: Trial) -> None:
    """The donor sells on while its pages are read: the orders' page is newer than those before it."""
    await trial.stocked("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    await eventually(lambda: "orders" in asked_of(trial, "matriz"), every=0.0001)
    await customer(trial["matriz"], "LATE")
    order = (await buy(trial["matriz"], RICE, 2, code="LATE")).id
    trial.promise(order, 2)
    await eventually(lambda: trial.has("sul", order), every=0.0001)
    stock = await sul.database.read(lambda connection: stock_views.stock_view(connection, RICE))
    assert [row.sold for row in stock.rows] == [2]
    buyer = (await sul.orders.view(order)).customer
    assert buyer is not None
    assert buyer.code == "LATE"
    assert await trial.alarms("sul") == {}
    trial.network.answers.clear()
    await trial.verify()


async def test_when_its_donor_dies_for_good_another_one_is_enough(trial: Trial) -> None:
    await trial.traded(at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: len(asked_of(trial, "matriz")) == 3, every=0.0005)
    await trial.stop("matriz")
    await eventually(lambda: sul.ready)
    assert len(await trial.order_ids("sul")) == 1
    await trial.start("matriz")
    await trial.verify()


async def test_a_page_that_arrives_damaged_is_never_merged_and_fetched_again(trial: Trial) -> None:
    order = await trial.traded("matriz", "sul", at="matriz", units=5)
    epoch = trial.epoch("matriz")
    await trial.wipe("sul")
    page = Page(epoch=epoch, relation="users", rows=[{"id": "nobody"}], next=None, sha256="0" * 64, heads={})
    trial.network.answers["matriz", SNAPSHOT] = Response(200, page.model_dump_json().encode())
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: len(asked_of(trial, "matriz")) >= 3)
    assert (await sul.status()).counts["users"] == 0
    trial.network.answers.clear()
    await eventually(lambda: sul.ready)
    assert [progress.left_out for progress in (await sul.status()).fetching] == [0]
    assert await trial.order_ids("sul") == [order]
    assert await trial.alarms("sul") == {}
    await trial.verify()


async def test_while_it_rebuilds_what_it_has_can_be_read_and_nothing_is_sold(trial: Trial) -> None:
    order = await trial.traded("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: trial.has("sul", order), every=0.0005)
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    assert (sul.ready, sul.readiness.reason, sul.readiness.reading) == (False, "rebuilding", True)
    assert (await sul.orders.view(order)).stored_by == ["sul"]
    refusal = await trial.refused("sul")
    assert isinstance(refusal, NotReady)
    assert refusal.reason == "rebuilding"
    (fetching,) = (await sul.status()).fetching
    assert (fetching.peer, fetching.relation) == ("matriz", "orders")
    trial.network.answers.clear()
    await eventually(lambda: sul.ready)
    await trial.verify()


async def test_the_donor_keeps_selling_while_it_is_fetched_from(trial: Trial) -> None:
    await trial.traded("matriz", "sul", at="matriz", units=5)
    await trial.wipe("sul")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: len(asked_of(trial, "matriz")) == 2, every=0.0005)
    await trial.sell("matriz")
    assert not sul.ready
    await eventually(lambda: sul.ready)
    await trial.verify()


async def test_a_peer_that_calls_but_cannot_be_called_holds_up_no_rebuilding(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=5)
    await trial.wipe("sul")
    trial.network.cut.add(("sul", "matriz"))
    order = await trial.sell("matriz")
    sul = await trial.start("sul")
    assert trial.peer("matriz", seen_by="sul").founded
    assert await trial.order_ids("sul") == [order]
    assert [progress.peer for progress in (await sul.status()).fetching if progress.done] == ["norte"]
    trial.network.cut.clear()
    await trial.verify()


async def test_what_a_donor_said_of_a_grant_counts_once_its_giver_was_fetched_from(trial: Trial) -> None:
    """The giver's rows are alike, so no bucket differs, and its events are not sent again."""
    await trial.found()
    await trial.wipe("sul")
    for donor in ("matriz", "norte"):
        trial.network.answers[donor, SNAPSHOT] = problem(503, "not_ready")
    trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    sul = await trial.start("sul", ready=False)
    await eventually(lambda: trial.peer("sul", seen_by="matriz").epoch == trial.epoch("sul"))
    await trial.receive("matriz", 9, share="equal")
    trial.network.down.add("matriz")
    await eventually(lambda: trial.peer("matriz", seen_by="sul").given_up, within=60)
    await trial.shows("norte", available=9, frozen=0, here=3)
    del trial.network.answers["norte", SNAPSHOT]

    async def is_told_by_another() -> bool:
        rows = await trial["sul"].database.read(lambda connection: stock_views.stock_page(connection, "", 1))
        return any(row.hearsay for row in rows)

    await eventually(is_told_by_another, every=0.0005)
    trial.network.answers.clear()
    trial.network.answers["norte", SNAPSHOT] = trial.network.answers["sul", EVENT] = problem(503, "not_ready")
    trial.network.down.clear()
    await eventually(lambda: is_done(trial, "matriz"))
    trial.network.answers.clear()
    await eventually(lambda: sul.ready)
    await trial.shows("sul", available=9, frozen=0, here=3)
    await trial.verify()
