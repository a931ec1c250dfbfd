"""What a branch makes others keep that nobody can use has an end: a member that lies fills no disk."""

import json
from typing import Any

import pytest

from app.state.registry import unknown_rows
from app.sync.log import positions, receiver
from app.sync.log.kept_room import Room
from app.sync.wire.errors import KeptFull
from app.sync.wire.messages import Batch
from tests.support.branch import Branch, Branches

LIMIT = 4_000
ROOM = Room(own=LIMIT, passed_on=LIMIT)


def rows(count: int) -> dict[str, Any]:
    """The body of an event of a newer version, with rows that this one does not know."""
    return {"rows": {"couriers": [{"id": str(number), "mark": "x" * 700} for number in range(count)]}}


def spoiled(sender: Branch, receiver_: Branch, **changes: Any) -> Batch:
    """What a sender has for a receiver, with these changes of every event."""
    batch = sender.batch_for(receiver_)
    assert batch is not None, "there is something to tell"
    said = json.loads(batch.model_dump_json())
    for event in said["events"]:
        event.update(changes)
    return Batch.model_validate_json(json.dumps(said))


def take(branch: Branch, batch: Batch) -> receiver.Receipt:
    return branch.do(lambda tx: receiver.receive(tx, batch, room=ROOM))


def test_a_member_fills_no_disk_with_what_nobody_can_apply(branches: Branches) -> None:
    liar, honest, victim = (branches.make(name) for name in ("norte", "sul", "matriz"))

    def lie(times: int) -> None:
        for number in range(times):
            liar.customer(f"C{number}")
            receipt = take(victim, spoiled(liar, victim, body={"nobody": "x" * 700}))
            liar.acknowledge(victim, receipt.position.seq, parked=receipt.parked_seqs)

    with pytest.raises(KeptFull) as refused:
        lie(times=100)
    assert (refused.value.branch, refused.value.limit) == ("norte", LIMIT)
    kept = victim.parked()
    assert 1 <= len(kept) <= LIMIT // 700, "what had room is kept, with its reason"
    assert positions.at(victim.connection, liar.life).seq == kept[-1]["seq"], "the rest pends at its sender"
    honest.customer("ALFKI")
    assert take(victim, spoiled(honest, victim)).parked == 0, "others are heard on"


def test_what_can_be_applied_again_makes_room(branches: Branches) -> None:
    sender, other = branches.make("norte"), branches.make("matriz")
    sender.customer("ALFKI")
    with pytest.raises(KeptFull):
        take(other, spoiled(sender, other, kind="customer_upserted.2", body={"nobody": "x" * LIMIT}))
    assert take(other, spoiled(sender, other)).parked == 0
    assert other.parked() == []


def test_a_member_fills_no_disk_with_rows_that_no_version_knows(branches: Branches) -> None:
    liar, victim = branches.make("norte"), branches.make("matriz")
    liar.customer("ALFKI")
    batch = spoiled(liar, victim, kind="new", body=rows(10))
    with pytest.raises(KeptFull):
        take(victim, batch)
    assert unknown_rows.relations(victim.connection) == []
    few = spoiled(liar, victim, kind="new", body=rows(1))
    take(victim, few)
    assert unknown_rows.relations(victim.connection) == ["couriers"]
