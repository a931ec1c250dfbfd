"""When a node ends its life on a peer's word: once, and only on evidence against the present one."""

from contextlib import suppress

import pytest

from app.database import StorageFull
from app.domain.life import Life
from app.node import BranchNode
from app.security.replica_tokens import ReplicaClaims
from app.state.tables import life_table, membership
from app.sync.guards.alarms import Alarm
from app.sync.guards.fencer import Fencer
from app.sync.wire.errors import WrongEpoch
from app.sync.wire.messages import SealRequest
from tests.support.company import Company, stock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(company: Company) -> BranchNode:
    (made,) = await company.found("norte")
    await stock(made, "rice", 3)
    return made


def rebirth_of(node: BranchNode) -> Fencer:
    return Fencer(node.database, peers=node.peers, readiness=node.readiness, alarms=node.alarms)


async def test_a_full_disk_does_not_use_up_the_one_new_life(node: BranchNode) -> None:
    fencer, epoch = rebirth_of(node), node.database.identity.epoch
    await node.database.limit_bytes(0)
    with suppress(StorageFull):
        while True:
            await node.database.write(lambda tx: tx.emit("product_upserted", "x" * 100))
    with pytest.raises(StorageFull):
        await fencer.begin(epoch, "a peer knows more", witness="matriz")
    assert node.database.identity.epoch == epoch
    await node.database.limit_bytes(None)
    await fencer.begin(epoch, "a peer knows more", witness="matriz")
    assert node.database.identity.epoch != epoch
    assert node.ready


async def test_evidence_against_an_older_life_is_old_news_and_a_second_one_fences(node: BranchNode) -> None:
    fencer, first = rebirth_of(node), node.database.identity.epoch
    await fencer.begin(first, "a peer knows more", witness="matriz")
    second = node.database.identity.epoch
    await fencer.begin(first, "the same news again", witness="matriz")
    assert (node.database.identity.epoch, node.readiness.fenced) == (second, None)
    for _ in range(2):
        await fencer.begin(second, "somebody else lives this life", witness="matriz")
    assert node.database.identity.epoch == second
    assert "(somebody else lives this life)" in str(node.readiness.fenced)
    assert node.alarms.raised["fenced"] == Alarm(count=1, last=str(node.readiness.fenced))


async def test_a_rival_that_a_peer_takes_for_living_is_named_dead(node: BranchNode) -> None:
    fencer, first = rebirth_of(node), node.database.identity.epoch
    await fencer.begin(first, "norte says so", witness="matriz", rivals=["another"])
    second = node.database.identity.epoch
    await fencer.begin(first, "norte says so", witness="matriz", rivals=["another", second])
    dead = await node.database.read(life_table.dead_lives)
    assert (dead, node.readiness.fenced) == ({("norte", "another"), ("norte", first)}, None)


async def test_what_a_branch_that_left_says_ends_no_life(company: Company) -> None:
    """Its answer may be on its way while it is decommissioned."""
    (node,) = await company.found("norte")
    fencer, epoch = rebirth_of(node), node.database.identity.epoch
    await node.database.write(lambda tx: membership.learn(tx, ["matriz"]))
    await fencer.begin(epoch, "it has more", witness="matriz", rivals=["another"])
    assert (node.database.identity.epoch, node.readiness.fenced) == (epoch, None)
    assert await node.database.read(life_table.dead_lives) == set()


async def test_a_life_that_a_count_takes_for_dead_ends_before_it_hands_over(company: Company) -> None:
    """Else its rights would be released by the count and sold here, too."""
    matriz, norte = await company.found("matriz", "norte")
    before = norte.database.identity.epoch
    await matriz.database.write(lambda tx: life_table.end(tx, Life("norte", before)))
    wanted = SealRequest(
        to_epoch=before,
        epoch=matriz.database.identity.epoch,
        product_id="rice",
        dead=[("norte", before)],
    )
    with pytest.raises(WrongEpoch):
        await norte.peer_server.hand_over(ReplicaClaims("matriz", matriz.database.identity.epoch), wanted)
    assert norte.database.identity.epoch != before
