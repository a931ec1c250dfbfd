"""Delivery between whole nodes over a network with faults, in virtual time."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.life import Life
from app.node import BranchNode
from app.state.tables import orders
from app.sync import synchronizer
from app.sync.log import cursors, positions
from app.sync.peering.peers import Peer
from app.sync.peering.transport import Response
from app.sync.rules.retry import pause_seconds
from app.sync.wire.messages import BatchReceipt, Head
from tests.support.company import Company, buy, customer, stock
from tests.support.network import problem
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

EVENT = "/replica/event"
HELLO = "/replica/hello"


def peer(node: BranchNode, name: str) -> Peer:
    found = node.peers.get(name)
    assert found is not None
    return found


async def pending(node: BranchNode) -> Mapping[str, int | None]:
    return (await node.status()).pending


async def known_orders(node: BranchNode) -> list[str]:
    found = await node.database.read(lambda connection: orders.page(connection, "", 500))
    return [order.id for order in found]


async def test_what_one_node_writes_all_have(company: Company) -> None:
    matriz, norte, sul = await company.found("matriz", "norte", "sul")
    await customer(matriz)
    await stock(matriz, "rice", 9, share="equal")
    await eventually(company.converged)
    placed = [(await buy(node, "rice", 1)).id for node in (matriz, norte, sul)]
    await eventually(company.converged)
    assert [await known_orders(node) for node in (matriz, norte, sul)] == [sorted(placed)] * 3
    assert (await buy(norte, "rice", 1)).stored_by == []
    await eventually(company.converged)
    view = await norte.orders.view((await known_orders(norte))[-1])
    assert view.stored_by == ["matriz", "sul"]


async def test_pending_counts_what_a_stopped_peer_lacks_and_drains_when_it_is_back(company: Company) -> None:
    matriz, norte, _ = await company.found("matriz", "norte", "sul")
    await customer(matriz)
    await stock(matriz, "rice", 9)
    await eventually(company.converged)
    await company.stop("sul")
    for _ in range(2):
        await buy(matriz, "rice", 1)
    await eventually(lambda: _is(pending(matriz), {"norte": 0, "sul": 4}))
    assert await pending(norte) == {"matriz": 0, "sul": 0}
    await company.start("sul", peers=("matriz", "norte", "sul"))
    await eventually(company.converged)


async def _is(found: Any, expected: Any) -> bool:
    return bool(await found == expected)


async def test_an_attempt_is_repeated_for_ever(company: Company) -> None:
    matriz, _ = await company.found("matriz", "norte")
    company.network.down.add("norte")
    await customer(matriz)
    await asyncio.sleep(60)  # of virtual time
    state = peer(matriz, "norte")
    assert (state.state, state.attempts > 50) == ("backing_off", True)
    company.network.down.clear()
    await eventually(company.converged, within=5)
    assert (state.state, state.attempts, state.last_error) == ("ok", 0, None)


async def test_pauses_begin_anew_after_a_success(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def pause(attempt: int, **how: float) -> float:
        counted.append(attempt)
        return pause_seconds(attempt, **how)

    monkeypatch.setattr(synchronizer, "pause_seconds", pause)
    matriz, _ = await company.found("matriz", "norte")
    for code in ("ALFKI", "BLAUS"):
        counted.clear()
        company.network.down.add("norte")
        await customer(matriz, code)
        await eventually(lambda: len(counted) > 4)
        assert counted == [*range(1, len(counted) + 1)]
        company.network.down.clear()
        await eventually(company.converged)


def receipt_of_another_life() -> Response:
    """What a process answers that took over the peer's address: it has nothing of what the peer had."""
    receipt = BatchReceipt(epoch="another", position=Head(seq=10**6, event_id="x"), parked=0)
    return Response(200, receipt.model_dump_json().encode())


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (problem(503, "not_ready"), "backing_off"),
        (problem(507, "disk_full"), "backing_off"),
        (problem(500, "internal"), "backing_off"),
        (problem(429, "throttled"), "backing_off"),
        (problem(413, "body_too_large"), "blocked"),
        (problem(410, "trimmed"), "needs_snapshot"),
        (problem(200, "no receipt"), "backing_off"),
        (receipt_of_another_life(), "backing_off"),
    ],
)
async def test_whatever_a_peer_answers_it_is_shown_and_tried_again(
    company: Company, answer: Any, state: str
) -> None:
    matriz, _ = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.answers["norte", EVENT] = answer
    await customer(matriz)
    await eventually(lambda: peer(matriz, "norte").attempts >= 3)
    shown = (await matriz.status()).peers["norte"]
    assert (shown.state, shown.pending, bool(shown.last_error)) == (state, 1, True)
    company.network.answers.clear()
    await eventually(company.converged)
    assert (await matriz.status()).peers["norte"].state == "ok"


async def test_a_position_told_by_a_life_that_is_over_by_then_is_not_taken_for_the_next_ones(
    company: Company,
) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await customer(matriz)
    await eventually(company.converged)
    position = await norte.database.read(lambda c: positions.at(c, _life(matriz)))
    company.network.answers["norte", EVENT] = problem(409, "gap", position=position.model_dump())
    company.network.late["matriz", "norte"] = 0.2
    before = len(company.network.sent("matriz", "norte", EVENT))
    await customer(matriz, "ANATR")
    await eventually(lambda: len(company.network.sent("matriz", "norte", EVENT)) > before, every=0.001)
    peer(matriz, "norte").epoch = "the next life"  # as its hello says, which overtakes the answer
    await eventually(lambda: peer(matriz, "norte").attempts > 0, every=0.001)
    told = await matriz.database.read(
        lambda c: cursors.acknowledged(c, "norte", "the next life", matriz.database.identity.epoch)
    )
    assert told == 0
    assert peer(matriz, "norte").last_error == "the peer began another life before it answered"
    company.network.answers.clear()
    company.network.late.clear()
    await eventually(company.converged)


async def test_a_peer_that_does_not_move_on_is_not_hammered(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    position = await norte.database.read(lambda c: positions.at(c, _life(matriz)))
    receipt = BatchReceipt(epoch=norte.database.identity.epoch, position=position, parked=0)
    company.network.answers["norte", EVENT] = Response(200, receipt.model_dump_json().encode())
    before = len(company.network.sent("matriz", "norte", EVENT))
    await customer(matriz)
    await asyncio.sleep(10)
    assert 5 < len(company.network.sent("matriz", "norte", EVENT)) - before < 100
    assert peer(matriz, "norte").last_error == "the peer did not move on"
    company.network.answers.clear()
    await eventually(company.converged)


@pytest.mark.whole
async def test_two_nodes_that_refuse_each_others_answers_do_not_greet_each_other_without_pause(
    company: Company,
) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.altered = dict.fromkeys(("matriz", "norte"), (b'"digest"', b'"dygest"'))
    before = len(company.network.sent("matriz", "norte", HELLO))
    await asyncio.sleep(20)
    said = len(company.network.sent("matriz", "norte", HELLO)) - before
    assert 5 < said <= 20 / matriz.settings.replication_retry_seconds + 1
    company.network.altered = {}
    await eventually(company.converged)
    await eventually(lambda: peer(matriz, "norte").state == peer(norte, "matriz").state == "ok")


def _life(node: BranchNode) -> Life:
    return Life(node.database.identity.name, node.database.identity.epoch)


@pytest.mark.parametrize("fault", ["down", "silent"])
async def test_a_dead_peer_delays_nobody_else(company: Company, fault: str) -> None:
    matriz, _, _ = await company.found("matriz", "norte", "sul")
    await eventually(company.converged)
    getattr(company.network, fault).add("sul")
    for number in range(5):
        began = asyncio.get_running_loop().time()
        await customer(matriz, f"CODE{number}")
        await eventually(lambda: _is(_pending_at(matriz, "norte"), 0), every=0.001)
        assert asyncio.get_running_loop().time() - began < 0.05


async def _pending_at(node: BranchNode, name: str) -> Any:
    return (await pending(node))[name]


async def test_a_lost_answer_is_repaired_by_the_peers_position(company: Company) -> None:
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    before = len(company.network.sent("matriz", "norte", EVENT))
    company.network.deaf.add(("matriz", "norte"))
    await customer(matriz)
    await eventually(lambda: peer(matriz, "norte").attempts >= 3)
    company.network.deaf.clear()
    await eventually(company.converged)
    assert len(company.network.sent("matriz", "norte", EVENT)) - before == 1  # hello tells the position
    assert (await norte.status()).counts["customers"] == 1


async def test_events_leave_in_order_and_none_is_skipped(company: Company) -> None:
    matriz, _ = await company.found("matriz", "norte")
    await eventually(company.converged)
    for number in range(10):
        if number % 3 == 0:
            company.network.down ^= {"norte"}
        await customer(matriz, f"CODE{number}")
        await asyncio.sleep(0.05)
    company.network.down.clear()
    await eventually(company.converged)
    batches = [json.loads(call.body) for call in company.network.sent("matriz", "norte", EVENT)]
    sent = [event["seq"] for batch in batches for event in batch["events"]]
    assert sorted(set(sent)) == list(range(1, max(sent) + 1))
    assert all(batch["after"]["seq"] <= batch["through"]["seq"] for batch in batches)
    ends = [batch["through"]["seq"] for batch in batches]
    assert ends == sorted(ends)


async def test_replication_does_not_mind_a_wrong_clock(company: Company) -> None:
    names = ("matriz", "norte", "sul")
    for name, offset in zip(names, (0.0, 3600.0, -86400.0), strict=True):
        await company.start(name, peers=names, clock_offset_seconds=offset)
    await eventually(lambda: all(node.ready for node in company.nodes.values()))
    await customer(company["norte"])
    await customer(company["sul"], "BONAP")
    await eventually(company.converged)
    assert (await company["matriz"].status()).counts["customers"] == 2


async def test_nobody_serves_a_peer_of_another_network(company: Company) -> None:
    matriz = await company.start("matriz", peers=("matriz", "norte"), found=True)
    other = "00000000-0000-4000-8000-000000000000"
    await company.start("norte", peers=("matriz", "norte"), found=True, cluster_id=other)
    await eventually(lambda: peer(matriz, "norte").state == "blocked")
    assert "another_cluster" in str(peer(matriz, "norte").last_error)


async def test_an_address_that_is_another_node_is_not_taken_for_the_peer(company: Company) -> None:
    matriz, _ = await company.found("matriz", "norte")
    await company.start("sul", peers=("matriz", "norte", "sul"))
    await eventually(lambda: peer(matriz, "norte").state == "ok")
    company.network.redirect("norte", "sul")
    await customer(matriz)
    await eventually(lambda: peer(matriz, "norte").state == "blocked")
    assert await pending(matriz) == {"norte": 1}
    company.network.redirect("norte", "norte")
    await eventually(lambda: peer(matriz, "norte").state == "ok")
    await eventually(lambda: _is(pending(matriz), {"norte": 0}))


async def test_stopping_takes_less_than_a_second_whatever_the_peers_do(company: Company) -> None:
    matriz, _, _ = await company.found("matriz", "norte", "sul")
    company.network.down.add("norte")
    company.network.silent.add("sul")
    await customer(matriz)
    await asyncio.sleep(10)
    began = asyncio.get_running_loop().time()
    await company.stop("matriz")
    assert asyncio.get_running_loop().time() - began < 1
    await matriz.close()  # again: nothing happens


async def test_a_network_of_one_serves_alone(company: Company) -> None:
    (matriz,) = await company.found("matriz")
    await customer(matriz)
    await stock(matriz, "rice", 1)
    assert (await buy(matriz, "rice", 1)).status == "placed"
    assert (await matriz.status()).pending == {}
