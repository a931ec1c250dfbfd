"""What is handed over besides rows, at branches in memory."""

import json
from dataclasses import replace

import pytest

from app.domain.life import Life
from app.sync.catchup import donor_state
from app.sync.catchup.donor_state import DonorState
from app.sync.log import dead_letters, positions
from app.sync.wire.messages import HandedEvent, Head, TotalsReply, TotalsRequest
from tests.support.branch import Branch, Branches

LIFE = Life("matriz", "first")
KEY = "matriz@first"


def told(head: int, *parked: tuple[int, int]) -> DonorState:
    """What norte says of a life of matriz."""
    return DonorState(
        Life("norte", "any"), {KEY: Head(seq=head, event_id="x")}, {KEY: parked} if parked else {}
    )


def spoil(receiver: Branch, sender: Branch, *kinds: str) -> None:
    """Deliver all that a sender has for a receiver, with no body for events of these kinds."""
    batch = sender.batch_for(receiver)
    assert batch is not None
    events = [e.model_copy(update={"body": None} if e.kind in kinds else {}) for e in batch.events]
    receiver.receive(batch.model_copy(update={"events": events}))


def say(donor: Branch, *, after: str | None = "") -> TotalsReply:
    """A donor's answer, as it arrives."""
    wanted = TotalsRequest(to_epoch=donor.identity.epoch, epoch="any", parked_after=after)
    return TotalsReply.model_validate_json(donor_state.tell(donor.connection, wanted).model_dump_json())


def by(donor: Branch, reply: TotalsReply) -> DonorState:
    return DonorState(donor.life, reply.heads or {}, reply.parked_seqs)


def take(branch: Branch, reply: TotalsReply) -> None:
    branch.do(lambda tx: donor_state.take(tx, reply.parked, reply.heads or {}, branch=None))


def seqs(branch: Branch) -> list[int]:
    return [row["seq"] for row in branch.parked()]


@pytest.fixture
def three(branches: Branches) -> tuple[Branch, Branch, Branch]:
    return branches.make("matriz"), branches.make("norte"), branches.make("sul")


def test_only_who_surely_has_an_event_in_its_rows_speaks_for_it() -> None:
    assert told(7).has_applied(LIFE, 7)
    assert not told(7).has_applied(LIFE, 8)
    assert not told(7, (5, 6)).has_applied(LIFE, 6)
    assert not replace(told(7), parked_seqs=None).has_applied(LIFE, 6)
    assert replace(told(7), life=LIFE, parked_seqs=None).has_applied(LIFE, 6), "nobody parks its own"
    assert not told(7).has_applied(Life("matriz", "second"), 1)


def test_a_later_life_says_nothing_of_what_an_earlier_one_told(branches: Branches) -> None:
    norte, first, second = (branches.make(name) for name in ("norte", "matriz", "matriz"))
    second.next_life()  # on an empty disk
    for life in (first, second):
        life.product("rice")
        life.adjust("rice", 1)
    spoil(norte, first, "product_upserted", "stock_update")

    second.send(norte)

    assert positions.at(norte.connection, second.life).seq == second.head()
    assert {row["epoch"] for row in norte.parked()} == {first.identity.epoch}
    assert [row["kind"] for row in norte.parked()] == ["product_upserted", "stock_update"]


def test_a_state_covers_what_was_parked_of_the_range_it_was_read_in(
    three: tuple[Branch, Branch, Branch],
) -> None:
    """A coalesced state stands at its first place and holds all that followed: a donor further on may have
    parked a later event of it."""
    matriz, norte, _ = three
    matriz.product("rice")
    matriz.send(norte)
    matriz.adjust("rice", 1)
    matriz.adjust("rice", 1)
    handed = parked_of(matriz, seq=3, kind="stock_update", entity=matriz.product_id("rice"))
    norte.do(lambda tx: dead_letters.take(tx, handed, donor=None, further=True))
    matriz.send(norte)
    assert (norte.parked(), norte.digest()) == ([], matriz.digest())


def parked_of(branch: Branch, *, seq: int, kind: str, entity: str) -> HandedEvent:
    """An event of a branch as a donor hands it over that could not apply it."""
    event = {"seq": seq, "event_id": "x", "kind": kind, "entity": entity, "schema_version": 1, "lamport": 1}
    return HandedEvent.model_validate(
        {
            "origin": branch.life[0],
            "epoch": branch.life[1],
            "event": {**event, "body": None},
            "reason": "Invalid: body not_an_object",
        }
    )


def test_of_a_life_that_two_processes_lived_both_events_at_one_seq_are_kept(branches: Branches) -> None:
    """Each wrote its own, on its copy of one disk. What one of them tells says nothing of the other's."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.product("rice")
    spoil(norte, matriz, "product_upserted")
    other = parked_of(matriz, seq=1, kind="product_upserted", entity="another product")
    norte.do(lambda tx: dead_letters.take(tx, other, donor=None, further=True))
    assert [row["entity"] for row in norte.parked()] == [matriz.product_id("rice"), "another product"]
    assert dead_letters.seqs_of(norte.connection, matriz.life) == [(1, 1)]
    matriz.acknowledge(norte, 1)

    later = parked_of(matriz, seq=2, kind="product_upserted", entity="another product")
    norte.do(lambda tx: dead_letters.take(tx, later, donor=None, further=True))
    matriz.adjust("rice", 1)
    matriz.send(norte)
    assert norte.digest() == matriz.digest()
    assert [(row["seq"], row["entity"]) for row in norte.parked()] == [
        (1, "another product"),
        (2, "another product"),
    ]


def test_what_a_donor_keeps_parked_is_taken_whole_page_by_page(
    three: tuple[Branch, Branch, Branch], monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz, norte, sul = three
    for sku in ("rice", "beans", "salt"):
        matriz.product(sku)
    spoil(norte, matriz, "product_upserted")
    monkeypatch.setattr(dead_letters, "_HANDED_BYTES", 1)
    after: str | None = ""
    pages = 0
    while after is not None:
        reply = say(norte, after=after)
        take(sul, reply)
        after, pages = reply.parked_next, pages + 1
    assert pages == 4
    kept = [(row["seq"], row["event_id"], row["body"], row["reason"]) for row in norte.parked()]
    assert [(row["seq"], row["event_id"], row["body"], row["reason"]) for row in sul.parked()] == kept


def test_nothing_is_taken_that_is_here_already_or_is_ones_own(
    three: tuple[Branch, Branch, Branch],
) -> None:
    matriz, norte, sul = three
    matriz.product("rice")
    spoil(norte, matriz, "product_upserted")
    matriz.send(sul)
    reply = say(norte)
    for branch in (sul, matriz):
        take(branch, reply)
        assert branch.parked() == []


def test_what_a_donor_was_handed_is_taken_though_it_has_no_position_there_yet(
    three: tuple[Branch, Branch, Branch],
) -> None:
    """The donor's rows may already show the orders. Nobody has the event in its rows."""
    matriz, norte, sul = three
    matriz.product("rice")
    matriz.send(norte)
    matriz.send(sul)
    handed = parked_of(matriz, seq=2, kind="stock_update.2", entity=matriz.product_id("rice"))
    norte.do(lambda tx: dead_letters.take(tx, handed, donor=None, further=False))
    take(sul, say(norte))
    assert seqs(sul) == [2]


def test_what_was_taken_is_tried_when_the_donors_heads_count(three: tuple[Branch, Branch, Branch]) -> None:
    """Before, an order might show without what it took."""
    matriz, norte, sul = three
    matriz.product("rice")
    batch = matriz.batch_for(norte)
    assert batch is not None
    newer = [event.model_copy(update={"schema_version": 2}) for event in batch.events]
    norte.receive(batch.model_copy(update={"events": newer}))
    mended = [p.model_copy(update={"event": batch.events[0]}) for p in say(norte).parked]
    heads = say(norte).heads or {}
    sul.do(lambda tx: donor_state.take(tx, mended, heads, branch=None))
    sul.do(lambda tx: dead_letters.retry(tx, "waiting"))
    sul.do(lambda tx: dead_letters.retry(tx, "tried"))
    sul.do(lambda tx: dead_letters.retry(tx, "taken"))
    assert seqs(sul) == [1]

    told = by(norte, say(norte))
    sul.do(lambda tx: donor_state.adopt(tx, told, left=told.parked_seqs or {}, lives=lambda _: True))

    assert (sul.parked(), sul.digest()) == ([], matriz.digest())
    assert positions.at(sul.connection, matriz.life).seq == 1


def test_heads_are_not_taken_over_when_events_took_the_place_of_what_was_taken(
    three: tuple[Branch, Branch, Branch],
) -> None:
    """The state that the donor parked holds all three units. What is under way holds one of them, and takes
    its place: the others must still come."""
    matriz, norte, sul = three
    matriz.product("rice")
    matriz.send(norte)
    matriz.send(sul)
    before = {matriz.life.key: positions.at(sul.connection, matriz.life)}
    matriz.adjust("rice", 1)
    under_way = matriz.batch_for(sul)
    assert under_way is not None
    for _ in range(2):
        matriz.adjust("rice", 1)
    spoil(norte, matriz, "stock_update")
    reply = say(norte)
    take(sul, reply)
    assert seqs(sul) == [2]
    sul.receive(under_way)

    told = replace(by(norte, reply), before=before)
    sul.do(lambda tx: donor_state.adopt(tx, told, left=told.parked_seqs or {}, lives=lambda _: True))

    assert (seqs(sul), positions.at(sul.connection, matriz.life).seq) == ([], 2)


@pytest.mark.parametrize(("adopting", "units"), [(True, 2), (False, 1)])
def test_of_two_states_parked_at_one_place_that_of_the_donor_whose_heads_count_is_kept(
    three: tuple[Branch, Branch, Branch], *, adopting: bool, units: int
) -> None:
    matriz, norte, sul = three
    matriz.product("rice")
    for branch in (norte, sul):
        matriz.send(branch)
    for branch in (sul, norte):
        matriz.adjust("rice", 1)
        batch = matriz.batch_for(branch)
        assert batch is not None
        newer = [event.model_copy(update={"schema_version": 2}) for event in batch.events]
        branch.receive(batch.model_copy(update={"events": newer}))
    reply = say(norte)

    sul.do(lambda tx: donor_state.take(tx, reply.parked, reply.heads or {}, branch=None, adopting=adopting))

    (kept,) = sul.parked()
    assert json.loads(kept["body"])["body"]["cells"][0]["received"] == units


def test_a_donor_that_is_not_as_far_does_not_speak_for_a_state_that_holds_more(branches: Branches) -> None:
    """The state parked here stands at a seq that the donor has applied, and holds what it has not."""
    matriz, norte, sul = (branches.make(name) for name in ("matriz", "norte", "sul"))
    matriz.product("rice")
    matriz.send(norte)
    matriz.send(sul)
    matriz.adjust("rice", 1)
    matriz.send(sul)
    matriz.adjust("rice", 1)
    spoil(norte, matriz, "stock_update")
    assert seqs(norte) == [2]

    norte.do(lambda tx: donor_state.forget_applied(tx, by(sul, say(sul))))
    assert seqs(norte) == [2]
    matriz.send(sul)
    norte.do(lambda tx: donor_state.forget_applied(tx, by(sul, say(sul))))
    assert seqs(norte) == []


def test_an_older_version_that_says_nothing_of_what_it_parked_speaks_for_its_own_events_only(
    three: tuple[Branch, Branch, Branch],
) -> None:
    matriz, norte, sul = three
    matriz.product("rice")
    spoil(norte, matriz, "product_upserted")
    matriz.send(sul)
    silent = replace(by(sul, say(sul)), parked_seqs=None)
    norte.do(lambda tx: donor_state.forget_applied(tx, silent))
    assert seqs(norte) == [1]
    itself = replace(by(matriz, say(matriz)), parked_seqs=None)
    norte.do(lambda tx: donor_state.forget_applied(tx, itself))
    assert seqs(norte) == []
