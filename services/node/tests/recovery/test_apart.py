"""What branches do while they hear nothing of each other, and what becomes of it when they meet."""

import asyncio
from functools import partial

import pytest

from app.database import Transaction
from app.domain.product import NewProduct
from app.domain.user import User
from app.state.tables import customers, products, stock_views, users
from app.state.tables.users import NewUser
from tests.recovery.trial import NAMES, RICE, Trial
from tests.support.branch import ACTOR, Branch, Branches
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
        assert (await trial[name].status()).counts["products"] == 2
        assert (await trial[name].status()).parked == 0
    await trial.verify()


async def test_one_key_used_at_two_branches_makes_two_orders_that_are_listed(trial: Trial) -> None:
    await trial.stocked(at="matriz", units=9, share="equal")
    trial.network.cut |= APART
    sold = [await trial.sell(name, key="the same") for name in ("matriz", "sul")]
    trial.network.cut.clear()
    await trial.verify()
    for name in NAMES:
        assert await trial.order_ids(name) == sorted(sold)
        assert (await trial[name].status()).possible_duplicates == 1


async def test_an_order_brings_its_customer_where_nobody_told_of_it_yet(trial: Trial) -> None:
    await trial.stocked(at="norte", units=5)
    trial.network.cut |= {("matriz", "sul"), ("sul", "matriz")}
    await customer(trial["matriz"], "NOVO")
    norte = trial["norte"]
    await eventually(lambda: norte.database.read(lambda connection: customers.find(connection, "NOVO")))
    order = await buy(norte, RICE, 1, code="NOVO")
    trial.promise(order.id, 1)
    await eventually(lambda: trial.has("sul", order.id), within=5)
    buyer = (await trial["sul"].orders.view(order.id)).customer
    assert buyer is not None
    assert buyer.code == "NOVO"
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
    lists = [stock_views.stock_view(branch.connection, "rice").deficits for branch in (matriz, norte, sul)]
    assert [sum(short.quantity for short in found) for found in lists] == [2, 2, 2]
    assert lists[0] == lists[1] == lists[2]


async def test_who_saw_an_edit_and_made_another_wins_by_whatever_clock(trial: Trial) -> None:
    """Norte's clock is an hour slow; what it changes, it changes after it read what matriz wrote."""
    await trial.found()
    await trial.stop("norte")
    await trial.start("norte", clock_offset_seconds=-3600.0)
    await trial["matriz"].database.write(partial(rename, name="First"))
    await trial.converged()
    await trial["norte"].database.write(partial(rename, name="Second"))
    await trial.converged()
    for name in NAMES:
        found = await trial[name].database.read(lambda connection: products.find(connection, RICE))
        assert found is not None
        assert found.name == "Second"
    await trial.verify()


def rename(tx: Transaction, *, name: str) -> None:
    products.update(tx, RICE, {"name": name}, actor=ACTOR)


def test_tokens_end_though_a_later_change_elsewhere_had_not_heard_why(branches: Branches) -> None:
    """Matriz ends all tokens twice; meanwhile norte, later by its own time, does so once."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    made = NewUser(username="ana", role="operador", password_hash=hash_of("a"))
    user_id = str(matriz.do(lambda tx: users.create(tx, made, actor=ACTOR)).id)
    exchange(matriz, norte, user_id)
    reset = partial(users.set_password, user_id=user_id, action="password_reset", actor=ACTOR)
    matriz.do(partial(reset, password_hash=hash_of("b")))
    matriz.do(partial(reset, password_hash=hash_of("c")))
    norte.do(lambda tx: tx.advance(tx.lamport + 50))
    norte.do(partial(reset, password_hash=hash_of("d")))
    before = max(one.token_version for one in (load(matriz, user_id), load(norte, user_id)))
    exchange(matriz, norte, user_id)
    exchange(norte, matriz, user_id)
    assert load(matriz, user_id) == load(norte, user_id)
    assert load(matriz, user_id).token_version == before


def hash_of(letter: str) -> str:
    """Something that looks like a password's hash."""
    return f"$2b$04${letter * 53}"


def load(branch: Branch, user_id: str) -> User:
    found = users.find(branch.connection, user_id)
    assert found is not None
    return found


def exchange(source: Branch, target: Branch, user_id: str) -> None:
    body = load(source, user_id).as_json()
    target.do(lambda tx: users.merge(tx, body))
