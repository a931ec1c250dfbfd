"""What nobody can ever apply: seen, and come by another way when somebody asks for it."""

from typing import Any

import pytest

from app.node import BranchNode
from app.security.replica_tokens import ReplicaClaims
from app.sync import outbox
from app.sync.events import Batch
from tests.support.company import ACTOR, Company, buy, customer, stock
from tests.support.virtual import eventually

pytestmark = pytest.mark.anyio


async def deliver_spoiled(sender: BranchNode, receiver: BranchNode, *, kind: str, body: Any) -> None:
    """Deliver what one node has for another, with nonsense for the body of every event of a kind."""
    name, epoch = receiver.database.identity.name, receiver.database.identity.epoch
    batch = await sender.database.read(
        lambda connection: outbox.next_batch(connection, peer=name, peer_epoch=epoch)
    )
    assert batch is not None, "there is something to tell"
    document = batch.model_dump()
    for event in document["events"]:
        event["body"] = body if event["kind"] == kind else event["body"]
    await receiver.reception.event(ReplicaClaims(batch.origin, batch.epoch), Batch.model_validate(document))


@pytest.mark.parametrize("kind", ["order_created", "stock_update", "customer_upserted"])
async def test_what_no_version_can_apply_is_fetched_whole_when_it_is_replayed(
    company: Company, kind: str
) -> None:
    """An order that arrived as nonsense would otherwise be red for ever: no later event tells it again."""
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.cut.add(("matriz", "norte"))
    await customer(matriz)
    await stock(matriz, "rice", 5)
    await buy(matriz, "rice", 1)
    await deliver_spoiled(matriz, norte, kind=kind, body={"order": None})
    company.network.cut.clear()
    assert (await norte.status())["parked"] > 0

    assert (await norte.replay_parked(actor=ACTOR))["left"] > 0
    await eventually(company.converged)


async def test_a_replay_before_the_origin_was_heard_of_waits_for_its_hello(company: Company) -> None:
    """A process that has just started knows no peer's life yet, and asks none without naming it."""
    matriz, norte = await company.found("matriz", "norte")
    await eventually(company.converged)
    company.network.cut |= {("matriz", "norte"), ("norte", "matriz")}
    await customer(matriz)
    await deliver_spoiled(matriz, norte, kind="customer_upserted", body={"order": None})
    await company.stop("norte")
    norte = await company.start("norte", peers=("matriz", "norte"))
    await eventually(lambda: norte.ready)

    assert (await norte.replay_parked(actor=ACTOR))["left"] > 0
    company.network.cut.clear()
    await eventually(company.converged)
