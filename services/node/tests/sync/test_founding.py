"""How a network begins, and how a node comes into one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from app.database import Actor, StorageFull, Transaction
from app.domain import identity
from app.domain.user import User
from app.node import BranchNode
from app.state.tables import users
from app.sync.replication import Replication
from tests.support.branch import CLUSTER
from tests.support.company import Company, buy, customer, stock
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte", "sul")


async def admins(node: BranchNode) -> list[User]:
    return await node.database.read(lambda connection: users.page(connection, "", 10))


async def foundings(node: BranchNode) -> int:
    """How often this node itself made an admin."""
    found = await node.database.read(
        lambda connection: connection.execute(
            "SELECT COUNT(*) FROM audit WHERE action = 'founded'"
        ).fetchone()
    )
    return int(found[0])


async def test_a_node_whose_replication_could_not_begin_is_opened_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own lock is on the file by then."""
    begin, refusals = Replication.start, [StorageFull("full")]

    async def refusing(replication: Replication) -> None:
        if refusals:
            raise refusals.pop()
        await begin(replication)

    monkeypatch.setattr(Replication, "start", refusing)
    with pytest.raises(StorageFull):
        await company.start("matriz")
    await company["matriz"].open()
    await eventually(lambda: company["matriz"].ready)


async def test_three_empty_nodes_found_one_network_with_one_admin(company: Company) -> None:
    nodes = await company.found(*NAMES)
    await eventually(company.converged)
    found = [await admins(node) for node in nodes]
    assert [[user.username for user in one] for one in found] == [["admin"]] * 3
    assert found[0] == found[1] == found[2]


async def test_a_node_without_peers_founds_its_own_network(company: Company) -> None:
    (node,) = await company.found("matriz")
    assert [user.role for user in await admins(node)] == ["admin"]


async def test_an_empty_node_waits_until_every_peer_has_answered(company: Company) -> None:
    matriz = await company.start("matriz", peers=NAMES)
    norte = await company.start("norte", peers=NAMES)
    await asyncio.sleep(60)
    assert [(node.ready, node.readiness.reason) for node in (matriz, norte)] == [
        (False, "waiting_for_peers")
    ] * 2
    assert await admins(matriz) == []
    await company.start("sul", peers=NAMES)
    await eventually(lambda: all(node.ready for node in company.nodes.values()))
    await eventually(company.converged)
    assert len(await admins(matriz)) == 1


async def test_found_says_not_to_wait(company: Company) -> None:
    matriz = await company.start("matriz", peers=NAMES, found=True)
    await eventually(lambda: matriz.ready)
    assert len(await admins(matriz)) == 1


async def test_an_empty_node_beside_a_founded_one_takes_in_what_is_there_and_makes_no_admin(
    company: Company,
) -> None:
    matriz = await company.start("matriz", peers=NAMES, found=True)
    norte = await company.start("norte", peers=NAMES)
    await eventually(lambda: norte.ready)
    await customer(matriz)
    await stock(matriz, "rice", 5)
    order = await buy(matriz, "rice", 1)
    sul = await company.start("sul", peers=NAMES)
    await eventually(lambda: sul.ready)
    assert (await sul.orders.view(order.id)).status == "placed"
    assert [await foundings(node) for node in (matriz, norte, sul)] == [1, 0, 0]
    await eventually(company.converged)


async def test_an_empty_node_does_not_serve_before_it_has_what_its_peers_have(company: Company) -> None:
    matriz = await company.start("matriz", peers=NAMES[:2], found=True)
    await eventually(lambda: matriz.ready)
    company.network.cut.add(("matriz", "norte"))  # matriz's events do not come
    company.network.answers["matriz", "/replica/snapshot"] = problem(500, "internal")
    norte = await company.start("norte", peers=NAMES[:2])
    await asyncio.sleep(30)
    assert (norte.ready, norte.readiness.reason, norte.readiness.reading) == (False, "rebuilding", True)
    company.network.cut.clear()
    company.network.answers.clear()
    await eventually(lambda: norte.ready)
    await eventually(company.converged)


async def test_who_was_founded_before_serves_again_beside_dead_peers(company: Company) -> None:
    await company.found(*NAMES)
    for name in NAMES:
        await company.stop(name)
    began = asyncio.get_running_loop().time()
    matriz = await company.start("matriz", peers=NAMES)
    await eventually(lambda: matriz.ready, within=3)
    assert asyncio.get_running_loop().time() - began < 2.5
    assert await foundings(matriz) <= 1


async def test_a_silent_peer_holds_up_a_restart_for_two_seconds_at_most(company: Company) -> None:
    await company.found("matriz", "norte")
    await company.stop("matriz")
    company.network.silent.add("norte")
    began = asyncio.get_running_loop().time()
    matriz = await company.start("matriz", peers=("matriz", "norte"))
    assert not matriz.ready
    await eventually(lambda: matriz.ready)
    assert asyncio.get_running_loop().time() - began < 2.5


async def test_a_full_disk_puts_founding_off_until_there_is_room(company: Company) -> None:
    matriz = await company.start("matriz", peers=("matriz", "norte"))
    await _fill_up(matriz)
    await company.start("norte", peers=NAMES)  # which waits for sul, so that matriz has to found
    await asyncio.sleep(10)
    assert not matriz.ready
    await matriz.database.limit_bytes(None)
    await eventually(lambda: matriz.ready)
    await eventually(company.converged)


async def _fill_up(node: BranchNode) -> None:
    """Let the disk be full, with no room left in the file for what founding writes."""
    await node.database.limit_bytes(0)
    for size in (1000, 100, 1):
        with suppress(StorageFull):
            while True:
                await node.database.write(_like_the_admins_entry(size))


def _like_the_admins_entry(size: int) -> Callable[[Transaction], None]:
    """An entry that lands where the admin's will, in the table and in its indexes."""
    admin = identity.user_id(CLUSTER, "admin")
    row = {"ballast": "x" * size}
    return lambda tx: tx.audit(
        Actor(user_id=tx.identity.name, request_id=""),
        action="founded",
        entity="user",
        entity_id=admin,
        before=None,
        after=row,
        version=1,
    )
