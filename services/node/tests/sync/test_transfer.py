"""Rights that must find their buyer: whole nodes that ask each other, in virtual time."""

import asyncio
import json

import pytest

from app.domain.errors import OutOfStock
from app.state.tables.orders import OrderView
from tests.support.company import Company, buy, stock
from tests.support.network import problem
from tests.support.virtual import InlineExecutor, eventually
from tests.sync.transfers import TRANSFER, asked, available, outcomes, shop

pytestmark = pytest.mark.anyio


async def test_a_branch_without_rights_sells_what_a_peer_grants(company: Company) -> None:
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    assert (await buy(norte, "rice", 5)).status == "placed"
    await eventually(company.converged)
    assert [await available(node) for node in (matriz, norte)] == [0, 0]


async def test_units_are_gathered_from_as_many_peers_as_it_takes(company: Company) -> None:
    nodes = await shop(company, "matriz", "norte", "sul", units={"matriz": 2, "norte": 2, "sul": 1})
    await buy(nodes[2], "rice", 5)
    assert sorted(asked(company, "sul")) == ["matriz", "norte"]


async def test_a_sale_within_ones_own_rights_asks_nobody(company: Company) -> None:
    matriz, _ = await shop(company, "matriz", "norte", units={"matriz": 5})
    await buy(matriz, "rice", 5)
    assert asked(company, "matriz") == []


@pytest.mark.parametrize(
    "units",
    [
        {"matriz": 1},
        {"norte": 1},
        {"sul": 1},  # at a third branch
    ],
)
async def test_the_last_unit_is_sold_once(company: Company, units: dict[str, int]) -> None:
    matriz, norte, _ = await shop(company, "matriz", "norte", "sul", units=units)
    found = await outcomes(buy(matriz, "rice", 1), buy(norte, "rice", 1))
    assert sorted(found) == ["out of stock", "sold"]
    await eventually(company.converged)
    assert [await available(node) for node in company.nodes.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("here", "there", "lead", "late"),
    [
        (3, 2, 0.0, 0.0),
        (2, 3, 0.0, 0.0),
        (2, 2, 0.0, 0.0),
        (3, 2, 0.0045, 0.0),  # the second comes while a grant is on its way
        (2, 2, 0.0045, 0.0),
        (2, 2, 0.0045, 0.02),  # and its rights are asked for before the answer arrives
        (3, 2, 0.004, 0.02),
    ],
)
async def test_two_branches_that_both_want_what_only_one_can_have(
    company: Company, here: int, there: int, lead: float, late: float
) -> None:
    """Exactly one gets it, whatever the moment at which they notice each other, and in whatever order answers
    come."""
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": here, "norte": there})
    company.network.late["matriz", "norte"] = late
    await matriz.database.write(lambda tx: tx.advance(tx.lamport + 50))  # its order is the younger one
    for node in (matriz, norte):
        assert isinstance(node.executor, InlineExecutor)
        node.executor.seconds = 0.0013

    async def later() -> OrderView:
        await asyncio.sleep(lead)
        return await buy(norte, "rice", wanted)

    wanted = here + there
    found = await outcomes(buy(matriz, "rice", wanted), later())
    assert sorted(found) == ["out of stock", "sold"]


async def test_many_buyers_share_rounds_of_asking(company: Company) -> None:
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 50})
    found = await outcomes(*(buy(norte, "rice", 1) for _ in range(50)))
    assert found == ["sold"] * 50
    assert len(asked(company, "norte")) <= 2
    await eventually(company.converged)
    assert await available(matriz) == 0


async def test_with_exact_stock_every_unit_finds_its_buyer(company: Company) -> None:
    """No unit is left over and no buyer is refused, whoever wants how many where."""
    nodes = await shop(company, "matriz", "norte", "sul", units={"matriz": 8, "norte": 8, "sul": 8})
    wanted = [(0, 9), (1, 4), (2, 3), (0, 1), (1, 5), (2, 2)]
    found = await outcomes(*(buy(nodes[at], "rice", quantity) for at, quantity in wanted))
    assert found == ["sold"] * len(wanted)
    await eventually(company.converged)
    assert await available(nodes[0]) == 0


async def test_an_order_larger_than_all_there_is_asks_without_age(company: Company) -> None:
    """It must not take from orders that can be served, though its view may be stale."""
    _, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    assert await outcomes(buy(norte, "rice", 6)) == ["out of stock"]
    calls = company.network.sent("norte", "matriz", TRANSFER)
    assert [json.loads(call.body)["age"] for call in calls] == [None] * len(calls)
    assert calls


async def test_an_order_larger_than_all_there_is_moves_no_units(company: Company) -> None:
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    assert await outcomes(buy(norte, "rice", 6)) == ["out of stock"]
    calls = len(asked(company, "norte"))
    await buy(norte, "rice", 1)
    await buy(matriz, "rice", 4)
    assert len(asked(company, "norte")) == calls + 1
    assert asked(company, "matriz") == []


async def test_a_branch_learns_by_asking_that_the_company_has_enough_after_all(company: Company) -> None:
    matriz, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    company.network.answers["norte", "/replica/event"] = problem(503, "not_ready")
    await stock(matriz, "rice", 4)
    assert await outcomes(buy(norte, "rice", 9)) == ["sold"]


async def test_orders_that_can_be_served_wait_for_none_that_cannot(company: Company) -> None:
    """Four clients ask again and again for more than there is; nobody else notices."""
    matriz, *_ = await shop(company, "matriz", "norte", units={"matriz": 9, "norte": 1})
    company.network.late["matriz", "norte"] = 0.3  # so there is always one that waits
    finished = asyncio.Event()

    async def insist() -> None:
        while not finished.is_set():
            assert await outcomes(buy(matriz, "rice", 11)) == ["out of stock"]

    insisting = [asyncio.create_task(insist()) for _ in range(4)]
    try:
        for _ in range(9):
            await asyncio.sleep(0.1)
            began = asyncio.get_running_loop().time()
            await buy(matriz, "rice", 1)
            assert asyncio.get_running_loop().time() == began
    finally:
        finished.set()
        await asyncio.gather(*insisting)


async def test_a_refusal_names_what_is_here_and_in_the_company(company: Company) -> None:
    _, norte = await shop(company, "matriz", "norte", units={"matriz": 5})
    with pytest.raises(OutOfStock) as raised:
        await buy(norte, "rice", 6)
    (shortage,) = raised.value.shortages
    assert (shortage.sku, shortage.wanted, shortage.available_company) == ("rice", 6, 5)


async def test_every_peer_is_asked_before_an_order_is_refused(company: Company) -> None:
    *_, sul = await shop(company, "matriz", "norte", "sul", units={})
    assert await outcomes(buy(sul, "rice", 1)) == ["out of stock"]
    assert {"matriz", "norte"} <= set(asked(company, "sul"))


async def test_who_gave_nothing_is_asked_last_next_time(company: Company) -> None:
    _, _, sul = await shop(company, "matriz", "norte", "sul", units={"matriz": 9, "norte": 5})
    company.network.answers["matriz", TRANSFER] = problem(503, "not_ready")
    await buy(sul, "rice", 1)
    await buy(sul, "rice", 1)
    assert asked(company, "sul") == ["matriz", "norte", "norte"]
