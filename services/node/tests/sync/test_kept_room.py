"""What a branch makes others keep that nobody can use has an end: a member that lies fills no disk."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from app.database import Transaction, kept_totals
from app.database.kept_totals import KeptTotals
from app.state.registry import unknown_rows
from app.sync.log import dead_letters, kept_room, positions, receiver
from app.sync.log.kept_room import Room
from app.sync.wire.errors import KeptFull
from app.sync.wire.messages import Batch, WireEvent
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


def test_what_was_refused_is_taken_when_it_can_be_applied(branches: Branches) -> None:
    sender, other = branches.make("norte"), branches.make("matriz")
    sender.customer("ALFKI")
    with pytest.raises(KeptFull):
        take(other, spoiled(sender, other, kind="customer_upserted.2", body={"nobody": "x" * LIMIT}))
    assert take(other, spoiled(sender, other)).parked == 0
    assert other.parked() == []


def test_what_can_be_applied_again_makes_room(branches: Branches) -> None:
    sender, other = branches.make("norte"), branches.make("matriz")
    nonsense = {"nobody": "x" * (LIMIT * 2 // 3)}
    for number in range(3):
        sender.customer(f"C{number}")
        receipt = take(other, spoiled(sender, other, body=nonsense))
        sender.acknowledge(other, receipt.position.seq, parked=receipt.parked_seqs)
        (parked,) = other.parked()
        other.do(partial(dead_letters.forget, life=sender.life, event=event_of(parked)))
    assert other.parked() == []


def event_of(parked: sqlite3.Row) -> WireEvent:
    return WireEvent.model_validate_json(parked["body"])


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


def steps_of(branch: Branch, lookup: Callable[[Transaction], None]) -> int:
    """How many instructions SQLite runs for a lookup."""
    done: list[int] = []

    def count() -> int:
        done.append(1)
        return 0

    def command(tx: Transaction) -> None:
        tx.connection.set_progress_handler(count, 1)
        try:
            lookup(tx)
        finally:
            tx.connection.set_progress_handler(None, 1)

    branch.do(command)
    return len(done)


def test_room_is_looked_up_and_not_summed_again_with_each_batch(branches: Branches) -> None:
    """However much is kept already: a batch that parks a little would else read all of it."""
    liar, victim = branches.make("norte"), branches.make("matriz")
    found = []
    for number in range(40):
        liar.customer(f"C{number}")
        receipt = victim.do(partial(receiver.receive, batch=spoiled(liar, victim, body={"nobody": "x"})))
        liar.acknowledge(victim, receipt.position.seq, parked=receipt.parked_seqs)
        found.append(steps_of(victim, lambda tx: kept_room.require_room(tx, "norte", kept_room.USUAL)))
    assert len(set(found)) == 1


def test_what_another_connection_wrote_is_counted(branches: Branches) -> None:
    """An admin with a tool of their own, a copy that was put back: the rows say how much it is."""
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "node.db")) as ours:
        ours.isolation_level = None
        branches.make("matriz").connection.backup(ours)
        totals = KeptTotals()
        totals.follow(ours)
        with closing(sqlite3.connect(Path(folder) / "node.db")) as theirs, theirs:
            theirs.execute("INSERT INTO unknown_rows VALUES ('couriers', 'a key', 1, 'norte', '12345')")
        totals.follow(ours)
        assert kept_totals.of_branch(ours, "norte") == {"rows": 5}
        ours.execute("UPDATE unknown_rows SET origin = 'sul', row = '123'")
        assert (kept_totals.of_branch(ours, "sul"), totals.is_true(ours)) == ({"rows": 3}, True)


def test_what_is_undone_is_not_counted(branches: Branches) -> None:
    liar, victim = branches.make("norte"), branches.make("matriz")
    liar.customer("ALFKI")
    with pytest.raises(KeptFull):
        take(victim, spoiled(liar, victim, body={"nobody": "x" * LIMIT}))
    assert sum(kept_totals.of_branch(victim.connection, "norte").values()) == 0
    receipt = take(victim, spoiled(liar, victim, body={"nobody": "x"}))
    (parked,) = victim.parked()
    assert receipt.parked == 1
    size = len(parked["body"]) + len(parked["reason"])
    assert kept_totals.of_branch(victim.connection, "norte") == {"own": size}
