"""A backlog between whole nodes: batches follow each other, the next one is read while one is on its way."""

import asyncio
import json
from typing import Any

import pytest

from app.database import Transaction
from app.node import BranchNode
from app.sync.log import batches, positions
from app.sync.peering.peers import Peer
from app.sync.peering.transport import Response
from app.sync.rules.batch_size import LARGEST, SMALLEST
from app.sync.wire.messages import BatchReceipt, Head
from tests.support.company import Company, customer
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

EVENT = "/replica/event"


async def backlog(node: BranchNode, commands: int) -> None:
    """Commands of one event each, of which no state supersedes another."""
    product = "no such product"

    def emit(tx: Transaction) -> None:
        tx.emit("prophecy", f"{product} {tx.counters.seq}")

    await asyncio.gather(*(node.database.write(emit) for _ in range(commands)))


def sent_ranges(company: Company) -> list[tuple[int, int]]:
    """From where to where matriz' batches to norte went, in the order in which they left."""
    bodies = [json.loads(call.body) for call in company.network.sent("matriz", "norte", EVENT)]
    return [(body["after"]["seq"], body["through"]["seq"]) for body in bodies]


async def apart(company: Company) -> tuple[BranchNode, Peer]:
    """Two nodes that converged, of which norte does not answer any more."""
    matriz, _ = await company.found("matriz", "norte")
    await customer(matriz)
    await eventually(company.converged)
    company.network.down.add("norte")
    company.network.calls.clear()
    peer = matriz.peers.get("norte")
    assert peer is not None
    return matriz, peer


async def test_a_backlog_drains_in_order_in_batches_that_grow(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz, peer = await apart(company)
    read: list[bool] = []
    next_cut = batches.next_cut

    def noted(connection: Any, *, behind: Any = None, **asked: Any) -> Any:
        read.append(behind is not None)
        return next_cut(connection, behind=behind, **asked)

    monkeypatch.setattr(batches, "next_cut", noted)
    start = await matriz.database.read(positions.heads)
    await backlog(matriz, 2 * LARGEST.events)
    assert peer.batch_size == SMALLEST, "no attempt succeeded"
    company.network.calls.clear()
    company.network.down.clear()
    await eventually(lambda: peer.state == "ok" and peer.last_error is None)
    node = matriz.database.identity
    first = start[f"matriz@{node.epoch}"].seq
    await eventually(lambda: peer.reported == first + 2 * LARGEST.events)
    ranges = [found for found in sent_ranges(company) if found[0] >= first]
    assert [after for after, _ in ranges] == [first, *(through for _, through in ranges[:-1])]
    sizes = [through - after for after, through in ranges]
    assert sizes[:3] == [SMALLEST.events, SMALLEST.events, 2 * SMALLEST.events]
    assert max(sizes) == LARGEST.events
    assert any(read)


async def test_what_was_read_ahead_is_not_sent_to_a_peer_that_stands_elsewhere(company: Company) -> None:
    matriz, peer = await apart(company)
    await backlog(matriz, 3 * SMALLEST.events)
    life = f"matriz@{matriz.database.identity.epoch}"
    heads = await matriz.database.read(positions.heads)
    start = heads[life].seq - 3 * SMALLEST.events
    event = await matriz.database.read(
        lambda c: c.execute("SELECT event_id FROM events WHERE seq = ?", (start + 10,)).fetchone()[0]
    )
    receipt = BatchReceipt(
        epoch=company["norte"].database.identity.epoch,
        position=Head(seq=start + 10, event_id=event),
        parked=0,
        parked_seqs=[],
    )
    company.network.answers["norte", EVENT] = Response(200, receipt.model_dump_json().encode())
    company.network.calls.clear()
    company.network.down.clear()
    await eventually(lambda: len(sent_ranges(company)) >= 2, every=0.001)
    assert [after for after, _ in sent_ranges(company)[:2]] == [start, start + 10]
    company.network.answers.clear()
    await eventually(lambda: peer.reported == heads[life].seq)
