"""What a node says of itself: what is unknown is null, never 0."""

import asyncio

import pytest

from app.database.migrations import newest_revision
from app.domain.life import Life
from app.node import BranchNode
from app.state.tables import life_table
from app.status import PeerStatus
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import BEGAN_AT, eventually

pytestmark = pytest.mark.anyio

NAMES = ("matriz", "norte")


async def peer_status(node: BranchNode, name: str) -> PeerStatus:
    return (await node.status()).peers[name]


async def test_a_peer_never_met_is_unknown(company: Company) -> None:
    company.network.silent.add("norte")
    matriz = await company.start("matriz", peers=NAMES, found=True)
    await eventually(lambda: matriz.ready)
    await customer(matriz)
    shown = await peer_status(matriz, "norte")
    unknown = ("epoch", "acknowledged", "last_success_at", "protocol", "schema", "another_schema")
    assert {name: getattr(shown, name) for name in unknown} == dict.fromkeys(unknown)
    assert shown.pending == 2  # whoever it is, it has nothing: the admin and the customer


async def test_a_healthy_pair_owes_each_other_nothing(company: Company) -> None:
    matriz, norte = await company.found(*NAMES)
    await eventually(company.converged)
    await asyncio.sleep(5)
    shown = await peer_status(matriz, "norte")
    assert shown.last_success_at is not None
    assert shown.last_success_at > BEGAN_AT
    expected = {"state": "ok", "pending": 0, "attempts": 0, "epoch": norte.database.identity.epoch}
    expected |= {"protocol": 1, "schema": newest_revision(), "another_schema": False}
    assert {name: getattr(shown, name) for name in expected} == expected
    nothing = ("oldest_pending_seconds", "next_retry_seconds", "last_error")
    assert {name: getattr(shown, name) for name in nothing} == dict.fromkeys(nothing)


async def test_a_backlog_shows_its_size_age_and_the_next_attempt(company: Company) -> None:
    matriz, _ = await company.found(*NAMES)
    await eventually(company.converged)
    company.network.down.add("norte")
    await customer(matriz)
    await asyncio.sleep(30)
    await customer(matriz, "BONAP")
    await asyncio.sleep(0.001)
    shown = await peer_status(matriz, "norte")
    assert (shown.state, shown.pending) == ("backing_off", 2)
    assert int(shown.oldest_pending_seconds or 0) == 30
    assert shown.attempts > 3
    assert shown.next_retry_seconds is not None
    assert 0 <= shown.next_retry_seconds <= 1  # ten times the base at most
    assert "refused" in str(shown.last_error)


async def test_after_a_restart_beside_a_dead_peer_only_what_it_lacks_is_pending(company: Company) -> None:
    matriz, _ = await company.found(*NAMES)
    await customer(matriz)
    await eventually(company.converged)
    await company.stop("norte")
    await customer(matriz, "BONAP")
    await company.stop("matriz")
    matriz = await company.start("matriz", peers=NAMES)
    await eventually(lambda: matriz.ready)
    assert (await matriz.status()).pending == {"norte": 1}


async def test_orders_nobody_else_has_are_at_risk(company: Company) -> None:
    matriz, _ = await company.found(*NAMES)
    await customer(matriz)
    await stock(matriz, "rice", 5)
    await eventually(company.converged)
    company.network.down.add("norte")
    for _ in range(2):
        await buy(matriz, "rice", 1)
    assert (await matriz.status()).at_risk == 2
    company.network.down.clear()
    await eventually(company.converged)
    assert (await matriz.status()).at_risk == 0


async def test_the_node_counts_what_it_has_in_one_reading(company: Company) -> None:
    matriz, norte = await company.found(*NAMES)
    await customer(matriz)
    await stock(matriz, "rice", 6, share="equal")
    await buy(matriz, "rice", 1)
    await eventually(company.converged)
    found = await matriz.status()
    assert {name: found.counts[name] for name in ("users", "customers", "products", "orders")} == {
        "users": 1,
        "customers": 1,
        "products": 1,
        "orders": 1,
    }
    assert found.stock == {"available": 5, "frozen": 0, "here": 2, "oversold": 0}
    assert (found.node, found.epoch, found.policy) == (*_life(matriz), "escrow")
    assert (found.ready, found.reason, found.fenced, found.parked) == (True, None, None, 0)
    assert found.digest == (await norte.status()).digest
    assert found.heads[_life(matriz).key] == found.counts["events"]
    assert found.alarms == {}


async def test_stock_of_dead_lives_is_shown_frozen(company: Company) -> None:
    matriz, norte = await company.found(*NAMES)
    await stock(matriz, "rice", 6, share="equal")
    await eventually(company.converged)
    gone = _life(norte)
    await company.stop("norte")
    await matriz.database.write(lambda tx: life_table.learn_life(tx, gone, dead=True))
    assert (await matriz.status()).stock == {"available": 3, "frozen": 3, "here": 3, "oversold": 0}


def _life(node: BranchNode) -> Life:
    return Life(node.database.identity.name, node.database.identity.epoch)
