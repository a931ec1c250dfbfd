"""The receiving side: what a batch changes, what it is refused for, and what is parked."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import StorageFull
from app.domain.errors import DeadEpoch
from app.state.tables import life_table, orders
from app.sync.log import positions
from app.sync.log.receiver import Receipt
from app.sync.wire.errors import Fork, Gap, WrongEpoch
from app.sync.wire.messages import Batch, Head
from tests.support import history
from tests.support.branch import Branch, Branches
from tests.support.history import History
from tests.sync.received import next_batch, position, with_body, with_ten_units


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    return with_ten_units(branches)


def test_a_batch_is_applied_and_the_position_advances(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    placed = matriz.place("ALFKI", ("rice", 3))
    batch = next_batch(matriz, norte)
    receipt = norte.receive(batch)
    assert (receipt.position, receipt.parked) == (batch.through, 0)
    assert position(norte, matriz) == batch.through
    assert orders.view(norte.connection, placed).total_cents == 3000
    assert norte.digest() == matriz.digest()


def test_a_duplicate_changes_nothing_and_reports_the_position(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 3))
    batch = next_batch(matriz, norte)
    norte.receive(batch)
    before = norte.connection.total_changes
    assert norte.receive(batch) == Receipt(batch.through)
    assert norte.connection.total_changes == before


def test_an_old_batch_reports_the_position_reached_since(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 3))
    old = next_batch(matriz, norte)
    matriz.send(norte)
    matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    assert norte.receive(old).position.seq == matriz.head()


def test_a_batch_beyond_the_position_is_a_gap_that_says_where_this_node_is(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    known = position(norte, matriz)
    matriz.place("ALFKI", ("rice", 3))
    matriz.acknowledge(norte, matriz.head())
    matriz.place("ALFKI", ("rice", 1))
    with pytest.raises(Gap) as raised:
        norte.receive(next_batch(matriz, norte))
    assert raised.value.position == known
    assert position(norte, matriz) == known


@pytest.mark.parametrize("end", ["after", "through"])
def test_another_event_at_a_known_seq_is_a_fork_and_no_duplicate(
    pair: tuple[Branch, Branch], end: str
) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    batch = next_batch(matriz, norte)
    if end == "through":
        norte.receive(batch)
    other = Head(seq=getattr(batch, end).seq, event_id="another")
    before = norte.digest()
    with pytest.raises(Fork):
        norte.receive(batch.model_copy(update={end: other}))
    assert norte.digest() == before


def test_a_dead_epoch_says_nothing_any_more(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    norte.do(lambda tx: life_table.learn_life(tx, matriz.life, dead=True))
    with pytest.raises(DeadEpoch):
        norte.receive(next_batch(matriz, norte))


def test_a_batch_for_another_life_of_this_node_is_refused_with_the_present_one(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    matriz.place("ALFKI", ("rice", 1))
    batch = next_batch(matriz, norte)
    norte.next_life()
    with pytest.raises(WrongEpoch) as raised:
        norte.receive(batch)
    assert raised.value.epoch == norte.identity.epoch


def test_the_origins_lamport_is_witnessed(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: tx.advance(1000))
    matriz.place("ALFKI", ("rice", 1))
    matriz.send(norte)
    assert norte.do(lambda tx: tx.lamport) > 1000


def test_a_batch_is_one_transaction(pair: tuple[Branch, Branch]) -> None:
    """A full disk in the middle of it leaves neither half of its events nor a position beyond them."""
    matriz, norte = pair
    matriz.adjust("rice", 1)
    for number in range(300):
        matriz.customer(f"CODE{number}")
    batch = next_batch(matriz, norte)
    before = (norte.digest(), position(norte, matriz), norte.rows())
    (pages,) = norte.connection.execute("PRAGMA page_count").fetchone()
    norte.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull):
        norte.receive(batch)
    assert (norte.digest(), position(norte, matriz), norte.rows()) == before
    norte.connection.execute("PRAGMA max_page_count = 1000000")
    norte.receive(batch)
    assert norte.digest() == matriz.digest()


def test_a_fork_of_a_row_and_a_newer_row_of_ones_own_are_reported(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    rice = matriz.product_id("rice")
    matriz.adjust("rice", 1)
    forged = with_body(next_batch(matriz, norte), 0, lambda body: body["cells"][0].update(version=1))
    assert norte.receive(forged).merged.forks == [f"{rice} of matriz@{matriz.identity.epoch}"]


@given(
    steps=history.steps,
    cuts=st.lists(st.integers(0, 6), max_size=30),
    duplicates=st.lists(st.booleans(), max_size=30),
)
@settings(max_examples=40)
def test_however_batches_are_cut_lost_and_repeated_the_digest_is_that_of_one_clean_pass(
    make_branches: Callable[[], Sequence[Branch]],
    steps: list[history.Step],
    cuts: list[int],
    duplicates: list[bool],
) -> None:
    origin, clean, battered = make_branches()
    for action, _, _, quantity in steps:
        if action != "grant":
            History([origin]).play((action, 0, 0, quantity))
    origin.send(clean)
    delivered: list[Batch] = []
    for cut, again in zip([*cuts, 0], [*duplicates, True], strict=False):
        batch = origin.batch_for(battered)
        if batch is None:
            break
        delivered.append(_cut(origin, batch, cut))
        battered.receive(delivered[-1])
        if again:
            for old in delivered:
                battered.receive(old)
        origin.acknowledge(battered, positions.at(battered.connection, origin.life).seq)
    origin.send(battered)
    assert battered.digest() == clean.digest() == origin.digest()
    assert battered.parked() == []


def _cut(origin: Branch, batch: Batch, commands: int) -> Batch:
    """The batch ended after that many commands, as a smaller limit would have ended it; 0 leaves it whole.
    Bodies stay as they were read: the newest of all, also of what comes later."""
    ends = origin.connection.execute(
        "SELECT seq, event_id FROM events WHERE command_end = 1 AND seq > ? AND seq <= ? ORDER BY seq",
        (batch.after.seq, batch.through.seq),
    ).fetchall()
    if not 0 < commands < len(ends):
        return batch
    through = Head(seq=ends[commands - 1]["seq"], event_id=ends[commands - 1]["event_id"])
    kept = [event for event in batch.events if event.seq <= through.seq]
    return batch.model_copy(update={"through": through, "events": kept})
