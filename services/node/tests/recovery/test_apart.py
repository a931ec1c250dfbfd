"""What branches do while they hear nothing of each other, and what becomes of it when they meet."""

import asyncio
from functools import partial

import pytest

from app.state import customers, ledger, products
from app.state.products import NewProduct
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR, Branches
from tests.support.company import buy, customer
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

SCRUB_SECONDS = 20.0
APART = {("matriz", "sul"), ("sul", "matriz"), ("norte", "sul"), ("sul", "norte")}


async def test_the_same_product_made_at_two_branches_is_one(trial: Trial) -> None:
    await trial.found()
    trial.network.cut |= APART
    for name, spelled in (("matriz", "Beans"), ("sul", "BEANS")):
        made = NewProduct(sku=spelled, name=f"Beans of {name}", price_cents=100)
        await trial[name].database.write(partial(products.create, product=made, actor=ACTOR))
    trial.network.cut.clear()
    await trial.converged()
    for name in NAMES:
        assert (await trial[name].status())["counts"]["products"] == 2
        assert (await trial[name].status())["parked"] == 0
    await trial.verify()


async def test_one_key_used_at_two_branches_makes_two_orders_that_are_listed(trial: Trial) -> None:
    await trial.found()
    await trial.receive("matriz", 9, share="equal")
    await trial.converged()
    trial.network.cut |= APART
    sold = [await trial.sell(name, key="the same") for name in ("matriz", "sul")]
    trial.network.cut.clear()
    await trial.verify()
    for name in NAMES:
        assert await trial.order_ids(name) == sorted(sold)
        assert (await trial[name].status())["possible_duplicates"] == 1


async def test_an_order_brings_its_customer_where_nobody_told_of_it_yet(trial: Trial) -> None:
    await trial.found()
    await trial.receive("norte", 5)
    await trial.converged()
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await customer(trial["matriz"], "NOVO")
    norte = trial["norte"]
    await eventually(lambda: norte.database.read(lambda connection: customers.find(connection, "NOVO")))
    order = await buy(norte, RICE, 1, code="NOVO")
    trial.promise(order["id"], 1)
    await eventually(lambda: trial.has("sul", order["id"]), within=5)
    assert (await trial["sul"].orders.view(order["id"]))["customer"]["code"] == "NOVO"
    trial.network.cut.clear()
    await trial.verify()


async def test_nothing_that_nodes_do_looks_like_an_altered_row(trial: Trial) -> None:
    await trial.found(scrub_seconds=SCRUB_SECONDS)
    await trial.receive("matriz", 5)
    kept, cancelled = await trial.sell("matriz"), await trial.sell("matriz")
    await trial.cancel("matriz", cancelled)
    await trial.converged()
    await asyncio.sleep(3 * SCRUB_SECONDS)
    for name in NAMES:
        assert await trial.alarms(name) == {}
        assert await trial.order_ids(name) == sorted([kept, cancelled])
    await trial.verify()


def test_who_is_short_is_the_same_everywhere_in_whatever_order_orders_came(branches: Branches) -> None:
    """The optimistic policy sells what each side believes to be there."""
    matriz, norte, sul = (branches.make(name) for name in NAMES)
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 4)
    for branch in (norte, sul):
        matriz.send(branch)
        branch.place("ALFKI", ("rice", 3), policy="optimistic")
    norte.send(matriz)
    sul.send(matriz)
    sul.send(norte)
    norte.send(sul)
    lists = [ledger.stock_view(branch.connection, "rice")["deficits"] for branch in (matriz, norte, sul)]
    assert [sum(short["quantity"] for short in found) for found in lists] == [2, 2, 2]
    assert lists[0] == lists[1] == lists[2]
