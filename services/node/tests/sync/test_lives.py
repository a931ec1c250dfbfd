"""Disks that were lost, rolled back or damaged: a branch begins another life and nothing is sold twice."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.database import StorageFull
from app.node import BranchNode
from app.state import ledger
from app.state.errors import OutOfStock
from app.sync.rebirth import Rebirth
from tests.support.company import ACTOR, Company, buy, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte", "sul")


async def shop(company: Company, units: int) -> list[BranchNode]:
    """Three nodes that share so many units of rice equally, all heard by all."""
    nodes = await company.found(*NAMES, transfer_wait_seconds=0.2)
    await customer(nodes[0])
    await stock(nodes[0], "rice", units, share="equal")
    await eventually(company.converged)
    return nodes


async def restart(company: Company, name: str) -> BranchNode:
    node = await company.start(name, peers=NAMES, transfer_wait_seconds=0.2)
    await eventually(lambda: node.ready)
    return node


def wipe(path: Path) -> None:
    """Lose the file; the empty one that takes its place is made by the node."""
    for found in path.parent.glob("node.db*"):
        found.unlink()


def rebirth_of(node: BranchNode) -> Rebirth:
    return Rebirth(node.database, peers=node.peers, standing=node.standing, alarms=node.alarms)


async def view(node: BranchNode) -> dict[str, Any]:
    return await node.database.read(lambda connection: ledger.stock_view(connection, "rice"))


async def sell_out(node: BranchNode) -> int:
    """Buy one by one until there is no more; how many."""
    sold = 0
    while True:
        try:
            await buy(node, "rice", 1)
        except OutOfStock:
            return sold
        sold += 1


async def test_a_wiped_node_gets_back_what_peers_had_and_sells_nothing_of_its_last_life(
    company: Company,
) -> None:
    _, norte, sul = await shop(company, 9)
    order = await buy(norte, "rice", 1)
    await eventually(company.converged)
    before = norte.database.identity
    await company.stop("norte")
    wipe(company.path("norte"))
    norte = await restart(company, "norte")
    await eventually(company.converged)
    assert (await norte.orders.view(order["id"]))["status"] == "placed"
    assert norte.database.identity.epoch != before.epoch
    assert ("norte", before.epoch) in await sul.database.read(ledger.dead_lives)
    shown = await view(norte)
    assert (shown["here"], shown["frozen"], shown["available"]) == (0, 2, 6)
    # The company's other units can still be sold here, those of the last life cannot.
    assert await sell_out(norte) == 6


async def test_a_rolled_back_node_ends_its_life_and_resells_nothing(company: Company) -> None:
    _, norte, sul = await shop(company, 9)
    backup = company.path("norte").with_name("backup.db")
    await company.stop("norte")
    shutil.copy(company.path("norte"), backup)
    norte = await restart(company, "norte")
    before = norte.database.identity
    orders = [(await buy(norte, "rice", 1))["id"] for _ in range(3)]
    await eventually(company.converged)
    await company.stop("norte")
    wipe(company.path("norte"))
    shutil.copy(backup, company.path("norte"))
    norte = await restart(company, "norte")
    await eventually(company.converged)
    assert norte.database.identity.epoch != before.epoch
    assert [(await norte.orders.view(order))["status"] for order in orders] == ["placed"] * 3
    assert (await view(norte))["here"] == 0
    assert await sell_out(norte) == 6
    await eventually(company.converged)
    assert [(await view(node))["oversold"] for node in (norte, sul)] == [0, 0]
    assert "new_epoch" in (await norte.status())["alarms"]


async def test_a_roll_back_beyond_a_grants_answer_is_noticed_by_the_rows(company: Company) -> None:
    """The answer outran the outbox: no peer has a later event of the node, but one has a later row."""
    matriz, norte, _ = await shop(company, 9)
    company.network.cut |= {("norte", "matriz"), ("norte", "sul")}  # no event of norte's gets out
    await company.stop("norte")
    backup = company.path("norte").with_name("backup.db")
    shutil.copy(company.path("norte"), backup)
    norte = await restart(company, "norte")
    before = norte.database.identity
    await buy(matriz, "rice", 6)
    assert (await view(norte))["here"] == 0  # it granted what it had
    await company.stop("norte")
    wipe(company.path("norte"))
    shutil.copy(backup, company.path("norte"))
    company.network.cut.clear()
    norte = await restart(company, "norte")
    await eventually(company.converged)
    assert norte.database.identity.epoch != before.epoch
    assert await sell_out(norte) == 3  # sul's
    assert (await view(norte))["oversold"] == 0


async def test_orders_that_no_peer_had_are_announced_by_the_next_life(company: Company) -> None:
    matriz, norte, _ = await shop(company, 9)
    await company.stop("norte")
    backup = company.path("norte").with_name("backup.db")
    shutil.copy(company.path("norte"), backup)
    norte = await restart(company, "norte")
    heard = await buy(norte, "rice", 1)
    await eventually(company.converged)
    await company.stop("norte")
    shutil.copy(backup, company.path("norte"))
    wipe_log(company.path("norte"))
    company.network.down |= {"matriz", "sul"}  # it starts alone, and cannot know better
    company.network.cut |= {("matriz", "norte"), ("sul", "norte")}
    norte = await restart(company, "norte")
    alone = await buy(norte, "rice", 1)
    company.network.down.clear()
    company.network.cut.clear()
    await eventually(company.converged)
    for node in (matriz, norte):
        for order in (heard, alone):
            assert (await node.orders.view(order["id"]))["status"] == "placed"
    assert (await norte.orders.view(alone["id"]))["stored_by"] == ["matriz", "sul"]
    assert (await norte.status())["at_risk"] == 0


def wipe_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def test_a_damaged_file_is_set_aside_and_rebuilt_from_peers(company: Company) -> None:
    _, norte, _ = await shop(company, 9)
    order = await buy(norte, "rice", 1)
    await eventually(company.converged)
    await company.stop("norte")
    wipe_log(company.path("norte"))
    with company.path("norte").open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096) * 4)
    norte = await restart(company, "norte")
    await eventually(company.converged)
    assert (await norte.orders.view(order["id"]))["status"] == "placed"
    assert "damaged_database" in (await norte.status())["alarms"]
    assert company.path("norte").with_name("node.db.damaged-1").exists()


async def test_a_full_disk_does_not_use_up_the_one_new_life(company: Company) -> None:
    _, norte, _ = await shop(company, 9)
    rebirth, epoch = rebirth_of(norte), norte.database.identity.epoch
    await norte.database.limit_bytes(0)
    with suppress(StorageFull):
        while True:
            await norte.database.write(lambda tx: tx.emit("product_upserted", "x" * 100))
    with pytest.raises(StorageFull):
        await rebirth.begin(epoch, "a peer knows more")
    await norte.database.limit_bytes(None)
    await rebirth.begin(epoch, "a peer knows more")
    assert norte.database.identity.epoch != epoch
    assert norte.ready


async def test_evidence_against_an_older_life_is_old_news(company: Company) -> None:
    _, norte, _ = await shop(company, 9)
    rebirth, first = rebirth_of(norte), norte.database.identity.epoch
    await rebirth.begin(first, "a peer knows more")
    second = norte.database.identity.epoch
    await rebirth.begin(first, "the same news again")
    assert (norte.database.identity.epoch, norte.standing.fenced) == (second, None)
    await rebirth.begin(second, "somebody else lives this life")
    assert (norte.database.identity.epoch, norte.standing.fenced) == (second, "somebody else lives this life")


async def test_a_stock_count_makes_what_is_left_of_a_dead_life_sellable_again(company: Company) -> None:
    matriz, norte, _ = await shop(company, 9)
    await company.stop("norte")
    wipe(company.path("norte"))
    norte = await restart(company, "norte")
    await eventually(company.converged)
    assert (await view(matriz))["frozen"] == 3
    await matriz.counts.count("rice", gone=1, actor=ACTOR)
    await eventually(company.converged)
    shown = await view(norte)
    assert (shown["frozen"], shown["available"], shown["oversold"]) == (0, 8, 0)
    assert await sell_out(norte) == 8
