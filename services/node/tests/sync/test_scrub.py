"""What a peer's answer to a scrub is worth."""

from typing import Any

import pytest

from app.database.digest import bucket_of
from app.state.registry import replicated
from app.state.repair.buckets import Mended
from app.state.repair.checking import Trouble
from app.state.tables import customers
from app.sync.damage import scrub
from app.sync.log import positions
from app.sync.wire.messages import BucketReply
from tests.support.branch import ACTOR, Branch, Branches


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    made = branches.make("matriz")
    made.customer("ALFKI")
    return made


def row_of(branch: Branch) -> dict[str, Any]:
    found = customers.find(branch.connection, "ALFKI")
    assert found is not None
    return found.as_json()


def renamed_and_altered(branch: Branch) -> tuple[Trouble, dict[str, Any]]:
    """The bucket, and the row before the renaming."""
    before = row_of(branch)
    branch.do(lambda tx: customers.update(tx, "ALFKI", {"name": "New"}, actor=ACTOR))
    branch.connection.execute("UPDATE customers SET name = 'altered'")
    return Trouble("customers", bucket_of(before["id"]), (), False), before


def test_what_a_peer_keeps_parked_is_not_in_its_rows(matriz: Branch) -> None:
    """Its heads say that it has the event; its row is older than what was written here."""
    life = matriz.life.key
    trouble, before = renamed_and_altered(matriz)
    heads = positions.heads(matriz.connection)
    reply = _answer(trouble, before, heads=heads, parked_seqs={life: [(heads[life].seq, heads[life].seq)]})
    assert matriz.do(scrub.mending("norte", trouble, reply)).restored == 0
    reply = _answer(trouble, before, heads=heads, parked_seqs={})
    assert matriz.do(scrub.mending("norte", trouble, reply)).restored == 1


def test_a_row_that_no_node_could_have_written_mends_nothing_and_stops_nothing(matriz: Branch) -> None:
    trouble, before = renamed_and_altered(matriz)
    heads = positions.heads(matriz.connection)
    for nonsense in ({"tax": float("nan")}, {"lamport": "late"}, {"id": "another"}):
        reply = _answer(trouble, {**before, **nonsense}, heads=heads, parked_seqs={}, seals=[1])
        assert matriz.do(scrub.mending("norte", trouble, reply)) == Mended()


@pytest.mark.parametrize(
    ("is_founded", "counts"), [(True, False), (False, True), (None, True)], ids=["starts", "empty", "unmet"]
)
def test_a_founded_peer_that_does_not_serve_yet_does_not_count_as_asked(
    matriz: Branch, is_founded: bool | None, counts: bool
) -> None:
    """It may have the row that was written: until it says so, the row as it stands is sent to nobody."""
    trouble, before = renamed_and_altered(matriz)
    reply = _answer(trouble, before, heads={}, parked_seqs={}, ready=False)
    said = scrub.unfit(reply, trouble, is_founded=is_founded)
    assert said is not None
    assert said.counts is counts


def _answer(trouble: Trouble, row: dict[str, Any], **fields: Any) -> BucketReply:
    said: dict[str, Any] = {
        "epoch": "first",
        "relation": trouble.relation,
        "bucket": trouble.bucket,
        "revisions": replicated.revisions(),
        "ready": True,
        "sound": True,
        "rows": [row],
        "seals": [] if "seals" in fields else [replicated.get(trouble.relation).seal(row)],
    }
    return BucketReply(**{**said, **fields})
