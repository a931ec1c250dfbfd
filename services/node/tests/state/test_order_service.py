"""Taking orders at a whole node: keys, refusals and cancellations as clients meet them."""

import asyncio
from unittest import mock

import pytest

from app.database import Database, OutcomeUnknown, StorageFailed
from app.domain.errors import KeyReused, NotFound, OtherBranch, OutOfStock, UnknownReference
from app.node import BranchNode
from app.state.tables import orders
from app.state.tables.orders import OrderView
from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import InlineExecutor, eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(company: Company) -> BranchNode:
    """A node without peers, with ten units of rice."""
    (made,) = await company.found("matriz")
    await customer(made)
    await stock(made, "rice", 10)
    return made


async def placed(node: BranchNode) -> list[str]:
    found = await node.database.read(lambda connection: orders.page(connection, "", 100))
    return [order.id for order in found]


async def test_an_order_is_returned_as_it_can_be_read(node: BranchNode) -> None:
    order = await buy(node, "rice", 2)
    assert order == await node.orders.view(order.id)
    assert (order.status, order.branch, order.total_cents) == ("placed", "matriz", 2000)


async def test_the_same_key_at_the_same_time_waits_for_the_first_and_is_one_order(node: BranchNode) -> None:
    assert isinstance(node.executor, InlineExecutor)
    node.executor.seconds = 0.01
    found = await asyncio.gather(*(buy(node, "rice", 1, key="k") for _ in range(5)))
    assert len({order.id for order in found}) == 1
    assert len(await placed(node)) == 1


async def test_of_two_bodies_under_one_key_at_the_same_time_the_first_wins(node: BranchNode) -> None:
    found = await asyncio.gather(
        buy(node, "rice", 1, key="k", request_hash="one"),
        buy(node, "rice", 2, key="k", request_hash="two"),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [OrderView, KeyReused]


async def test_a_refused_order_leaves_its_key_free_for_whoever_waited(node: BranchNode) -> None:
    found = await asyncio.gather(
        buy(node, "rice", 11, key="k", request_hash="one"),
        buy(node, "rice", 1, key="k", request_hash="two"),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [OutOfStock, OrderView]


async def test_a_client_that_went_away_leaves_its_key_free(node: BranchNode) -> None:
    gone = asyncio.create_task(buy(node, "rice", 1, key="k"))
    await asyncio.sleep(0)
    gone.cancel()
    again = await buy(node, "rice", 1, key="k")
    assert await placed(node) == [again.id]


async def test_orders_without_a_key_do_not_wait_for_each_other(node: BranchNode) -> None:
    assert isinstance(node.executor, InlineExecutor)
    node.executor.seconds = 0.01
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(buy(node, "rice", 1) for _ in range(10)))
    assert asyncio.get_running_loop().time() - began < 0.1  # one group of ten, not ten groups


async def test_what_is_unknown_is_named(node: BranchNode) -> None:
    with pytest.raises(UnknownReference):
        await buy(node, "tea", 1)
    with pytest.raises(UnknownReference):
        await buy(node, "rice", 1, code="NOBODY")


async def test_a_cancelled_order_can_be_sold_again(node: BranchNode) -> None:
    order = await buy(node, "rice", 10)
    cancelled = await node.orders.cancel(order.id, actor=ACTOR)
    again = await node.orders.cancel(order.id, actor=ACTOR)
    assert (cancelled.status, cancelled.version, again) == ("cancelled", 2, cancelled)
    await buy(node, "rice", 10)


async def test_an_unknown_order_is_not_found(node: BranchNode) -> None:
    with pytest.raises(NotFound):
        await node.orders.cancel("no such order", actor=ACTOR)
    with pytest.raises(NotFound):
        await node.orders.view("no such order")


async def test_an_order_is_seen_everywhere_and_cancelled_at_its_branch(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await customer(matriz)
    await stock(matriz, "rice", 1)
    order = await buy(matriz, "rice", 1)
    await eventually(company.converged)
    with pytest.raises(OtherBranch):
        await norte.orders.cancel(order.id, actor=ACTOR)
    await matriz.orders.cancel(order.id, actor=ACTOR)
    await eventually(company.converged)
    assert (await norte.orders.view(order.id)).status == "cancelled"


async def test_a_retry_at_another_branch_finds_the_order_it_already_heard_of(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await customer(matriz)
    await stock(matriz, "rice", 1)
    order = await buy(matriz, "rice", 1, key="k")
    await eventually(company.converged)
    assert (await buy(norte, "rice", 1, key="k")).id == order.id


async def test_what_is_stored_is_never_said_to_be_refused(node: BranchNode) -> None:
    """A new order is answered though nothing can be read after its commit. What has to be read and cannot be
    is unknown, and is there later."""
    with mock.patch.object(Database, "read", side_effect=StorageFailed("the database is closed")):
        order = await buy(node, "rice", 1)
        with pytest.raises(OutcomeUnknown, match="stored, but not to be read now"):
            await node.orders.cancel(order.id, actor=ACTOR)

    assert (await node.orders.view(order.id)).status == "cancelled"
