"""Whole nodes over links that the lab broke: what is lost, late, double or out of order harms nothing."""

import pytest

from app.domain.errors import OutOfStock
from app.faults.link_faults import Cut, Duplicate, Flaky, LinkFault, Reorder, Slow
from app.node import BranchNode
from app.sync.peering.peers import Peer
from tests.support.branch import ACTOR
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte", "sul")
FAULTS: list[list[LinkFault]] = [
    [Flaky(loss=0.3)],
    [Slow(delay_seconds=0.4, jitter_seconds=0.3)],
    [Slow(delay_seconds=3.0, jitter_seconds=2.0)],  # slower than any sender waits
    [Duplicate(copies=3)],
    [Reorder(chance=0.7)],
    [Flaky(loss=0.2), Slow(delay_seconds=0.2, jitter_seconds=0.2), Reorder(), Duplicate()],
]


async def break_link(node: BranchNode, peer: str, fault: LinkFault) -> None:
    assert node.faults is not None
    await node.faults.put(peer, fault, lease_seconds=3600.0, seed=5, actor=ACTOR)


def link(node: BranchNode, name: str) -> Peer:
    """What a node knows of a peer."""
    peer = node.peers.get(name)
    assert peer is not None
    return peer


async def heal(nodes: list[BranchNode]) -> None:
    for node in nodes:
        assert node.faults is not None
        await node.faults.lift(None, actor=ACTOR)


async def sell(node: BranchNode, number: int) -> int:
    """One unit at a node: 1 if it was sold."""
    try:
        await buy(node, "CAFE", 1, key=f"{node.settings.node_name}-{number}")
    except OutOfStock:
        return 0
    return 1


async def stocked(company: Company) -> list[BranchNode]:
    """Three nodes that take faults, agree, and have 30 units at the first."""
    nodes = await company.found(*NAMES, lab_faults=True)
    await customer(nodes[0])
    await stock(nodes[0], "CAFE", 30)
    await eventually(company.converged)
    return nodes


@pytest.mark.whole
@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: "+".join(fault.kind for fault in faults))
async def test_bad_links_lose_nothing_oversell_nothing_and_agree_after_the_heal(
    company: Company, faults: list[LinkFault]
) -> None:
    nodes = await stocked(company)
    for node in nodes:
        for peer in NAMES:
            for fault in faults:
                if peer != node.settings.node_name:
                    await break_link(node, peer, fault)
    sold = 0
    for number in range(15):
        for node in nodes:
            sold += await sell(node, number)
    await heal(nodes)
    await eventually(company.converged, within=120.0)
    assert 0 < sold <= 30
    for node in nodes:
        status = await node.status()
        assert (status.counts["orders"], status.stock["oversold"]) == (sold, 0)
        assert (status.fenced, status.alarms, status.parked) == (None, {}, 0)


async def test_a_cut_is_felt_and_a_heal_drains_at_once_whatever_pause_the_sender_is_in(
    company: Company,
) -> None:
    matriz, norte, _ = await stocked(company)
    await break_link(matriz, "norte", Cut())
    await eventually(lambda: link(matriz, "norte").state == "backing_off", within=0.1)
    for number in range(5):
        await sell(matriz, number)
    await eventually(lambda: link(matriz, "norte").attempts > 8)
    await heal([matriz])

    async def drained() -> bool:
        return not (await matriz.status()).pending["norte"]

    await eventually(drained, within=0.2)
    assert (await norte.status()).counts["orders"] == 5


async def test_a_one_way_cut_lets_the_other_way_through(company: Company) -> None:
    matriz, norte, _ = await stocked(company)
    await break_link(matriz, "norte", Cut())
    await stock(norte, "TEA", 5)

    async def arrived() -> bool:
        return not (await norte.status()).pending["matriz"]

    await eventually(arrived)
    await sell(matriz, 1)
    assert (await matriz.status()).pending["norte"]
