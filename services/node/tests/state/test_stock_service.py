"""Stock as it arrives, is shared and moves toward demand, between whole nodes."""

import pytest

from app.domain.errors import OutOfStock, PolicyMismatch, UnknownReference
from app.domain.life import Life
from app.node import BranchNode
from app.state.commands.stock_commands import Adjustment
from app.state.tables import stock_views
from app.state.tables.stock_views import StockView
from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


async def view(node: BranchNode) -> StockView:
    return await node.database.read(lambda connection: stock_views.stock_view(connection, "rice"))


async def rights(company: Company) -> list[int]:
    return [(await view(node)).here for node in company.nodes.values()]


async def test_new_stock_is_shared_with_peers_heard_from_lately(company: Company) -> None:
    matriz, _, _ = await company.found("matriz", "norte", "sul")
    await stock(matriz, "rice", 10, share="equal")
    await eventually(company.converged)
    assert await rights(company) == [4, 3, 3]


async def test_a_peer_that_fell_silent_gets_no_share(company: Company) -> None:
    matriz, _, _ = await company.found("matriz", "norte", "sul")
    company.network.silent.add("sul")
    company.network.cut |= {("sul", "matriz"), ("sul", "norte")}
    sul = matriz.peers.get("sul")
    assert sul is not None
    await eventually(lambda: not matriz.peers.is_heard_from(sul))
    await stock(matriz, "rice", 10, share="equal")
    assert (await view(matriz)).rows[0].granted == {
        Life("norte", company["norte"].database.identity.epoch): 5
    }


async def test_a_removal_asks_peers_for_rights_as_an_order_does(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await stock(matriz, "rice", 5)
    await eventually(company.converged)
    removal = Adjustment(sku="rice", quantity=-5, reason="broken")
    assert (await norte.stock.adjust(removal, actor=ACTOR)).available == 0
    with pytest.raises(OutOfStock):
        await norte.stock.adjust(removal, actor=ACTOR)


async def test_an_adjustment_is_answered_with_the_stock_after_it(company: Company) -> None:
    (matriz,) = await company.found("matriz")
    await stock(matriz, "rice", 0)
    received = Adjustment(sku="RICE", quantity=5, reason="a delivery")
    shown = await matriz.stock.adjust(received, actor=ACTOR)
    assert (shown.sku, shown.available, shown.here) == ("rice", 5, 5)
    with pytest.raises(UnknownReference):
        await matriz.stock.adjust(Adjustment(sku="tea", quantity=5, reason="a delivery"), actor=ACTOR)


async def test_spare_rights_move_toward_demand_in_the_background(company: Company) -> None:
    nodes = await company.found("matriz", "norte", "sul", rebalance_seconds=5)
    await customer(nodes[0])
    await stock(nodes[0], "rice", 90)
    await eventually(company.converged)
    assert sum(await rights(company)) == 90
    await eventually(lambda: _spread(company))
    await eventually(company.converged)
    assert sum(await rights(company)) == 90


async def _spread(company: Company) -> bool:
    return min(await rights(company)) >= 20


async def test_nothing_moves_in_the_background_when_it_is_off(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte", rebalance_seconds=0)
    await stock(matriz, "rice", 90)
    await eventually(company.converged)
    assert (await view(norte)).here == 0


async def test_two_policies_in_one_network_stop_sales_and_grants(company: Company) -> None:
    names = ("matriz", "norte")
    matriz = await company.start("matriz", peers=names, stock_policy="escrow")
    norte = await company.start("norte", peers=names, stock_policy="optimistic")
    await eventually(lambda: matriz.ready and norte.ready)
    await eventually(lambda: all(peer.policy for node in (matriz, norte) for peer in node.peers))
    for node in (matriz, norte):
        with pytest.raises(PolicyMismatch):
            await buy(node, "rice", 1)
    await company.stop("norte")
    await company.start("norte", peers=names, stock_policy="escrow")
    await eventually(lambda: [peer.policy for peer in matriz.peers] == ["escrow"])
    await customer(matriz)
    await stock(matriz, "rice", 1)
    assert (await buy(matriz, "rice", 1)).status == "placed"


async def test_the_optimistic_policy_oversells_in_a_partition_and_says_whose_orders_lack_units(
    company: Company,
) -> None:
    matriz, norte = await company.found("matriz", "norte", stock_policy="optimistic")
    await customer(matriz)
    await stock(matriz, "rice", 5)
    await eventually(company.converged)
    company.network.down |= {"matriz", "norte"}
    for node in (matriz, norte):
        await buy(node, "rice", 4)
    company.network.down.clear()
    await eventually(company.converged)
    shown = [await view(node) for node in (matriz, norte)]
    assert [one.oversold for one in shown] == [3, 3]
    assert shown[0].deficits == shown[1].deficits
    assert sum(deficit.quantity for deficit in shown[0].deficits) == 3


async def test_the_escrow_policy_sells_in_a_partition_no_more_than_each_side_holds(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte", transfer_wait_seconds=0.2)
    await customer(matriz)
    await stock(matriz, "rice", 6, share="equal")
    await eventually(company.converged)
    company.network.down |= {"matriz", "norte"}
    for node in (matriz, norte):
        await buy(node, "rice", 3)
        with pytest.raises(OutOfStock):
            await buy(node, "rice", 1)
    company.network.down.clear()
    await eventually(company.converged)
    assert [(await view(node)).available for node in (matriz, norte)] == [0, 0]
