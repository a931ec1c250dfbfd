"""A node says itself that it has no room for what nobody can use, as long as that is so."""

import asyncio

import pytest

from app.domain.life import Life
from app.node import BranchNode
from app.sync.guards import kept_watch
from app.sync.log import outbox
from app.sync.wire.errors import KeptFull
from tests.support.branch import ACTOR
from tests.support.company import Company, customer
from tests.support.spoiling import deliver_spoiled
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio

LEAST = 2**20


def nonsense(size: int) -> dict[str, object]:
    return {"body": {"nobody": "x" * size}}


async def spoil(sender: BranchNode, receiver: BranchNode, *, size: int) -> None:
    """Deliver what one node has for another such that nobody can apply it, and note what was acknowledged."""
    receipt = await deliver_spoiled(sender, receiver, kind="customer_upserted", changes=nonsense(size))
    life = Life(receiver.database.identity.name, receipt.epoch)
    epoch, at = sender.database.identity.epoch, receipt.position
    await sender.database.write(
        lambda tx: outbox.acknowledge(
            tx, life, at.seq, at.event_id, epoch=epoch, parked=receipt.parked_seqs or ()
        )
    )


async def pair(company: Company) -> tuple[BranchNode, BranchNode]:
    """Two nodes, the second with little room, that cannot reach each other for now."""
    matriz, norte = await company.found("matriz", "norte", kept_max_bytes=LEAST)
    await eventually(company.converged)
    company.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    return matriz, norte


async def test_a_node_without_room_for_a_branch_raises_an_alarm_until_there_is_room(company: Company) -> None:
    matriz, norte = await pair(company)
    await customer(matriz)
    await spoil(matriz, norte, size=LEAST * 2 // 3)
    assert "kept_full" not in (await norte.status()).alarms

    await customer(matriz, "BLAUS")
    with pytest.raises(KeptFull):
        await spoil(matriz, norte, size=LEAST * 2 // 3)
    alarm = (await norte.status()).alarms["kept_full"]
    assert (alarm.count, "matriz" in alarm.last, str(LEAST) in alarm.last) == (1, True, True)

    company.network.cut.clear()
    await norte.replay_parked(actor=ACTOR)
    await eventually(company.converged)
    await eventually(lambda: "kept_full" not in norte.alarms.raised)


async def test_the_alarm_is_counted_once_however_often_the_sender_tries_again(company: Company) -> None:
    matriz, norte = await pair(company)
    await customer(matriz)
    for _ in range(3):
        with pytest.raises(KeptFull):
            await spoil(matriz, norte, size=2 * LEAST)
    await norte.kept_watch.look_again()
    assert norte.alarms.raised["kept_full"].count == 1


async def refused(matriz: BranchNode, norte: BranchNode) -> None:
    """Deliver a message that needs more room than there is in all, and have it refused."""
    with pytest.raises(KeptFull):
        await spoil(matriz, norte, size=2 * LEAST)


@pytest.mark.whole
async def test_the_alarm_of_a_message_that_never_fits_says_so_and_ends_when_it_comes_no_more(
    company: Company,
) -> None:
    matriz, norte = await pair(company)
    await customer(matriz)
    for _ in range(3):
        await refused(matriz, norte)
        await asyncio.sleep(kept_watch.QUIET_SECONDS * 0.9)  # it is looked again every half minute
        assert "never fits" in norte.alarms.raised["kept_full"].last

    await asyncio.sleep(kept_watch.QUIET_SECONDS)
    assert "kept_full" not in norte.alarms.raised

    await refused(matriz, norte)
    assert norte.alarms.raised["kept_full"].count == 1  # an alarm that is over is counted anew


async def test_the_alarm_changes_its_words_when_what_comes_could_fit(company: Company) -> None:
    matriz, norte = await pair(company)
    await customer(matriz)
    await refused(matriz, norte)
    await spoil(matriz, norte, size=LEAST * 2 // 3)
    await customer(matriz, "BLAUS")
    with pytest.raises(KeptFull):
        await spoil(matriz, norte, size=LEAST * 2 // 3)
    assert "until there is room" in norte.alarms.raised["kept_full"].last


async def test_a_branch_that_has_left_asks_for_no_room_any_more(company: Company) -> None:
    matriz, norte = await pair(company)
    await customer(matriz)
    with pytest.raises(KeptFull):
        await spoil(matriz, norte, size=2 * LEAST)
    norte.peers.note_gone(["matriz"])
    await norte.kept_watch.look_again()
    assert "kept_full" not in norte.alarms.raised
