"""What a donor parks, and what its asker learns, while its rows are fetched: no order shows without what it
took from the stock, and no position is taken over without the rows that it stands for."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import pytest

from app.database import StorageError
from app.domain.life import Life
from app.security.replica_tokens import ReplicaClaims
from app.state.tables import life_table
from app.sync.catchup import donor_state
from app.sync.log import dead_letters, positions
from app.sync.wire.messages import Page, PageRequest, TotalsReply, TotalsRequest
from tests.recovery.test_parked_and_lost import replay_everywhere
from tests.recovery.trial import Trial
from tests.support.branch import ACTOR
from tests.support.company import stock
from tests.support.network import problem
from tests.support.spoiling import deliver_spoiled, newer, upgraded
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]

Doing = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def interrupted(
    trial: Trial,
    donor: str,
    *,
    before: Doing | None = None,
    after: Doing | None = None,
    then: Doing | None = None,
) -> AsyncIterator[list[str]]:
    """Something happens `before` a donor reads its first page of orders, or right `after` that, and `then`,
    when it was next asked for what it keeps parked. Yields what it was asked for."""
    server = trial[donor].peer_server
    snapshot, totals = server.snapshot, server.totals
    asked: list[str] = []

    async def paging(claims: ReplicaClaims, wanted: PageRequest) -> Page:
        is_first = wanted.relation == "orders" and "orders" not in asked
        asked.append(wanted.relation)
        if is_first and before is not None:
            await before()
        page = await snapshot(claims, wanted)
        if is_first and after is not None:
            await after()
        return page

    async def totalling(claims: ReplicaClaims, wanted: TotalsRequest) -> TotalsReply:
        reply = await totals(claims, wanted)
        if wanted.parked_after is not None and "orders" in asked:
            asked.append("parked")
            if asked.count("parked") == 1 and then is not None:
                await then()
        return reply

    with (
        mock.patch.object(server, "snapshot", paging),
        mock.patch.object(server, "totals", totalling),
    ):
        yield asked


@contextmanager
def of_an_older_version() -> Iterator[None]:
    """No donor marks what it keeps parked."""
    with mock.patch.object(dead_letters, "marks", return_value=None):
        yield


async def apart(trial: Trial) -> None:
    """Three branches that know nine units. Then matriz reaches nobody any more, and sul not matriz."""
    await trial.found()
    await trial.receive("matriz", 9)
    await trial.converged()
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz"), ("matriz", "norte")}


async def alone_with_norte(trial: Trial) -> None:
    """Lose the disk of sul, and let it reach none but norte."""
    await apart(trial)
    await trial.wipe("sul")


def selling(trial: Trial, orders: list[str], *, kind: str = "stock_update") -> Doing:
    """Sells two units at matriz, such that norte has to park the events of a kind."""

    async def sell() -> None:
        orders.append(await trial.sell("matriz", 2))
        await deliver_spoiled(trial["matriz"], trial["norte"], kind=kind, changes=newer(kind))
        trial["norte"].peers.hurry("matriz")  # which learns what norte has

        async def is_acknowledged() -> bool:
            return not (await trial["matriz"].status()).pending["norte"]

        await eventually(is_acknowledged)

    return sell


async def shows_no_order_without_its_stock(trial: Trial, name: str) -> None:
    """Every unit in orders of matriz was taken in its rows, or by an event that is parked in this file."""

    def unsaid(connection: Any) -> list[Any]:
        return list(
            connection.execute(
                "SELECT o.id FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.branch = 'matriz'"
                " GROUP BY l.product_id, o.epoch HAVING SUM(l.quantity) > COALESCE((SELECT MAX(t) FROM ("
                " SELECT s.sold AS t FROM stock s WHERE (s.product_id, s.branch, s.epoch)"
                " = (l.product_id, o.branch, o.epoch) UNION ALL"
                " SELECT json_extract(c.value, '$.sold') FROM parked p, json_each(p.body, '$.body.cells') c"
                " WHERE p.kind LIKE 'stock_update%' AND p.entity = l.product_id"
                " AND json_extract(c.value, '$.epoch') = o.epoch)), 0)"
            )
        )

    assert await trial[name].database.read(unsaid) == []


async def ends_well(trial: Trial) -> None:
    """All is well once every node can read what was parked."""
    trial.network.cut.clear()
    with upgraded():
        await replay_everywhere(trial)
        await trial.verify()


@pytest.mark.parametrize("is_older", [False, True], ids=["", "by an older version"])
async def test_what_a_donor_parks_during_a_fetch_comes_before_the_orders_that_it_belongs_to(
    trial: Trial, *, is_older: bool
) -> None:
    """Its parked events were taken over already, and its stock rows never had what the order took."""
    await alone_with_norte(trial)
    orders: list[str] = []
    with of_an_older_version() if is_older else nullcontext():
        async with interrupted(trial, "norte", before=selling(trial, orders)):
            await trial.start("sul")

    (order,) = orders
    assert await trial.has("sul", order)
    assert await trial.is_parked("sul")
    await shows_no_order_without_its_stock(trial, "sul")
    await ends_well(trial)


@pytest.mark.parametrize("is_older", [False, True], ids=["", "by an older version"])
async def test_what_a_donor_parked_and_applied_during_a_fetch_is_read_again(
    trial: Trial, *, is_older: bool
) -> None:
    """It was in no row as the donor read the page, and is parked no more when it is asked for."""
    await alone_with_norte(trial)
    orders: list[str] = []

    async def replay() -> None:
        with upgraded():
            await trial["norte"].replay_parked(actor=ACTOR)

    with of_an_older_version() if is_older else nullcontext():
        async with interrupted(trial, "norte", before=selling(trial, orders), after=replay) as asked:
            await trial.start("sul")

    assert asked.count("orders") == 2
    assert await trial.has("sul", orders[0])
    assert not await trial.is_parked("sul")
    (cell,) = [row for row in await trial.rows("sul") if row.received]
    assert cell.sold == 2
    await ends_well(trial)


async def test_a_donor_that_goes_on_parking_holds_nobody_up(trial: Trial) -> None:
    """Each reading of its orders shows one more of which the stock was not taken over."""
    await alone_with_norte(trial)
    orders: list[str] = []
    sell = selling(trial, orders)
    async with interrupted(trial, "norte", before=sell, after=sell, then=sell):
        await trial.start("sul")

    assert len(orders) == 3
    assert await trial.order_ids("sul") == orders[:1]
    await shows_no_order_without_its_stock(trial, "sul")
    await ends_well(trial)


async def test_a_node_that_catches_up_shows_no_order_without_what_its_donor_parked_meanwhile(
    trial: Trial,
) -> None:
    """It is the donor's word of a life that is over here, and goes on there."""
    await apart(trial)
    orders: list[str] = []
    async with interrupted(trial, "norte", before=selling(trial, orders)):
        await trial.receive("matriz", 1)  # which no node but norte gets
        await deliver_spoiled(trial["matriz"], trial["norte"], kind="", changes={})
        await is_over(trial, "sul", "matriz")
        await eventually(lambda: bool(orders))
        await eventually(lambda: trial.has("sul", orders[0]))
        assert await trial.is_parked("sul")
        await shows_no_order_without_its_stock(trial, "sul")
    await ends_well(trial)


async def is_over(trial: Trial, name: str, branch: str) -> None:
    """Let a node take the present life of a branch for over."""
    life = Life(branch, trial.epoch(branch))
    await trial[name].database.write(lambda tx: life_table.learn_life(tx, life, dead=True))


async def test_an_order_that_a_donor_parks_during_a_fetch_waits_for_the_stock_that_it_took(
    trial: Trial,
) -> None:
    """The donor applied that after its stock was read. Who fetches can apply the order, and must not yet."""
    await apart(trial)
    orders: list[str] = []
    sell = selling(trial, orders, kind="order_created")
    await sell()
    async with interrupted(trial, "norte", before=sell):
        await is_over(trial, "sul", "matriz")
        await eventually(lambda: len(orders) > 1)
        with upgraded():
            await eventually(lambda: trial.has("sul", orders[0]))
            await shows_no_order_without_its_stock(trial, "sul")
            await eventually(lambda: trial.has("sul", orders[1]))
            await shows_no_order_without_its_stock(trial, "sul")
    await ends_well(trial)


async def test_what_was_passed_over_of_a_life_is_taken_before_its_orders_though_the_life_ended_meanwhile(
    trial: Trial,
) -> None:
    """The donor's word of it did not count when its parked events were taken over, and counts by now."""
    await trial.found()
    await trial.receive("matriz", 9)
    await trial.converged()
    trial.network.cut |= {("matriz", "norte")}
    orders: list[str] = []
    await selling(trial, orders)()
    await trial.wipe("sul")
    trial.network.answers |= {
        ("matriz", "/replica/snapshot"): problem(503, "not_ready"),
        ("sul", "/replica/event"): problem(503, "not_ready"),
    }
    unsaid: list[bool] = []

    async def end() -> None:
        trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
        await is_over(trial, "sul", "matriz")

    async def look() -> None:
        unsaid.append(await trial.has("sul", orders[0]) and not await trial.is_parked("sul"))

    async with interrupted(trial, "norte", before=end, then=look):
        await trial.start("sul", ready=False)
        await eventually(lambda: bool(unsaid))
        trial.network.answers.clear()
        await eventually(lambda: trial.has("sul", orders[0]))
    assert unsaid == [False]
    await shows_no_order_without_its_stock(trial, "sul")
    await ends_well(trial)


async def test_a_position_is_not_taken_over_at_a_life_that_ended_during_the_fetch(trial: Trial) -> None:
    """Its stock rows were passed over, as those of a life that tells them itself."""
    await trial.stocked(at="matriz", units=5)
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await stock(trial["matriz"], "beans", 3)
    await trial.sell("matriz")
    await eventually(lambda: knows(trial, "norte", "beans"))
    heads: list[int] = []

    async def end() -> None:
        await is_over(trial, "sul", "matriz")

    async def look() -> None:
        position = await trial["sul"].database.read(lambda c: positions.at(c, life))
        heads.append(position.seq)

    life = Life("matriz", trial.epoch("matriz"))
    await look()
    async with interrupted(trial, "norte", before=end):
        catch_up, norte = trial["sul"]._replication.catch_up, trial.peer("norte", seen_by="sul")
        catch_up.want(norte)
        await eventually(lambda: catch_up.is_done(norte))
    await look()
    assert heads[0] == heads[1]
    await eventually(lambda: knows(trial, "sul", "beans"))
    assert "divergence" not in await trial.alarms("sul")
    await ends_well(trial)


async def knows(trial: Trial, name: str, sku: str) -> bool:
    """Whether a node has stock of a product."""
    found = await trial[name].database.read(
        lambda connection: connection.execute(
            "SELECT 1 FROM stock JOIN products ON id = product_id WHERE sku = ? AND received > 0", (sku,)
        ).fetchone()
    )
    return found is not None


async def test_an_order_that_a_donor_is_still_fetching_waits_for_the_stock_that_it_took(trial: Trial) -> None:
    """By its position the donor has no more of the branch, which nobody else can ask. But it shows the order
    already, and its word of the branch's stock does not count."""
    await trial.stocked(at="matriz", units=9)
    trial.network.cut |= {("matriz", "norte"), ("matriz", "sul"), ("sul", "matriz")}
    order = await trial.sell("matriz", 2)
    with mock.patch.object(donor_state, "finish_fetch", side_effect=StorageError("disk full")):
        trial["norte"]._replication.catch_up.want(trial.peer("matriz", seen_by="norte"))
        await eventually(lambda: trial.has("norte", order))
        await eventually(lambda: trial["sul"].peers.is_silent("matriz"))
        before = (await trial.alarms("sul")).get("repaired", 0)

        async def is_repaired() -> bool:
            return (await trial.alarms("sul")).get("repaired", 0) > before

        await eventually(is_repaired)
        await shows_no_order_without_its_stock(trial, "sul")
        assert not await trial.has("sul", order)
    await ends_well(trial)
    assert await trial.has("sul", order)
