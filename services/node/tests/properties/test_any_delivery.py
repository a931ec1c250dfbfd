"""Exactly once in effect, whatever the network does to a node's events: repeated up to ten times, shuffled
within a window of a thousand deliveries, in batches cut anywhere a sender may cut."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.sync.log import positions
from app.sync.wire.errors import Gap
from app.sync.wire.messages import Batch, Head
from tests.support import history
from tests.support.branch import Branch
from tests.support.history import History

MOST_REPEATS = 10
WINDOW = 1000  # deliveries
EXAMPLES = 25
WIDE_EXAMPLES = 2
MANY_EXAMPLES = 25_000
MANY_WIDE_EXAMPLES = 500
ROUNDS = 12  # of one list of steps: then a history has more deliveries than the window is wide

T = TypeVar("T")
MakeBranches = Callable[[], Sequence[Branch]]
# Chance is a seed: were each of its thousands of draws Hypothesis's own, no long history would be drawn.
cases = {
    "sizes": st.lists(st.integers(1, 9), max_size=20),
    "chance": st.randoms(use_true_random=True),
}


many_rounds = st.lists(history.step, min_size=20, max_size=40).map(lambda steps: steps * ROUNDS)


@given(steps=history.steps, **cases)
@settings(max_examples=EXAMPLES)
def test_any_delivery_gives_the_digest_of_one_clean_pass(
    make_branches: MakeBranches, steps: list[history.Step], sizes: list[int], chance: Random
) -> None:
    check(make_branches(), steps, sizes, chance)


@pytest.mark.whole
@given(steps=many_rounds, **cases)
@settings(max_examples=WIDE_EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_more_deliveries_than_the_window_is_wide_give_the_digest_of_one_clean_pass(
    make_branches: MakeBranches, steps: list[history.Step], sizes: list[int], chance: Random
) -> None:
    assume(check(make_branches(), steps, sizes, chance) > WINDOW)


@pytest.mark.long
@given(steps=history.steps, **cases)
@settings(max_examples=MANY_EXAMPLES)
def test_any_delivery_of_thousands_gives_the_digest_of_one_clean_pass(
    make_branches: MakeBranches, steps: list[history.Step], sizes: list[int], chance: Random
) -> None:
    check(make_branches(), steps, sizes, chance)


@pytest.mark.long
@given(steps=many_rounds, **cases)
@settings(max_examples=MANY_WIDE_EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_hundreds_of_histories_wider_than_the_window_give_the_digest_of_one_clean_pass(
    make_branches: MakeBranches, steps: list[history.Step], sizes: list[int], chance: Random
) -> None:
    assume(check(make_branches(), steps, sizes, chance) > WINDOW)


def test_disorder_repeats_up_to_ten_times_and_swaps_what_is_up_to_a_window_apart() -> None:
    arrived = disorder(range(800), Random(1))
    in_order = sorted(arrived)
    latest, widest = 0, 0
    for one in arrived:
        latest = max(latest, one)
        widest = max(widest, in_order.index(latest) - (in_order.index(one) + in_order.count(one) - 1))

    assert set(range(800)) == set(arrived)
    assert set(range(1, MOST_REPEATS + 1)) == set(Counter(arrived).values())
    assert WINDOW * 0.9 < widest < WINDOW


def check(
    branches: Sequence[Branch], steps: Sequence[history.Step], sizes: Sequence[int], chance: Random
) -> int:
    """Hold a battered branch against one that had a clean pass; how many deliveries battered it."""
    origin, clean, battered = branches
    recorded = record(origin, battered, steps, sizes)
    origin.send(clean)

    waiting, before = disorder(recorded, chance), 0
    deliveries = len(waiting)
    while len(waiting) != before:
        before = len(waiting)
        waiting = [batch for batch in waiting if not delivered(battered, batch)]
    # What begins inside a batch that was taken is never taken: its sender reads on from the reported place.
    origin.acknowledge(battered, positions.at(battered.connection, origin.life).seq)
    origin.send(battered)

    assert battered.digest() == clean.digest() == origin.digest()
    assert battered.parked() == []
    return deliveries


def record(origin: Branch, peer: Branch, steps: Sequence[history.Step], sizes: Sequence[int]) -> list[Batch]:
    """What a sender whose answers are all lost sends while its history goes on: after some steps a batch of
    so many commands, read as things stand then, and each command also in batches cut elsewhere."""
    played, recorded = History([origin]), []
    every = iter([*sizes, *[3] * (len(steps) + 1)])
    due = next(every)
    for number, (action, _, _, quantity) in enumerate(steps):
        if action != "grant":
            played.play((action, 0, 0, quantity))
        if number + 1 >= due and (batch := origin.batch_for(peer)) is not None:
            size = next(every)
            due += size
            recorded.append(cut(origin, batch, size))
            if size % 2:
                recorded.append(cut(origin, batch, size + 2))
            origin.acknowledge(peer, recorded[-1 - size % 2].through.seq)
    while (batch := origin.batch_for(peer)) is not None:
        recorded.append(cut(origin, batch, next(every, 1)))
        origin.acknowledge(peer, recorded[-1].through.seq)
    return recorded


def disorder(recorded: Sequence[T], chance: Random) -> list[T]:
    """Each one to ten times, and any two that are less than WINDOW places apart in either order."""
    repeated = [one for one in recorded for _ in range(chance.randint(1, MOST_REPEATS))]
    places = {number: number + chance.uniform(0, WINDOW) for number in range(len(repeated))}
    return [repeated[number] for number in sorted(places, key=places.__getitem__)]


def delivered(peer: Branch, batch: Batch) -> bool:
    """Whether the peer took it; a refused one is sent again later."""
    with suppress(Gap):
        peer.receive(batch)
        return True
    return False


def cut(origin: Branch, batch: Batch, commands: int) -> Batch:
    """The batch ended after so many commands, as a smaller limit would have ended it."""
    ends = origin.connection.execute(
        "SELECT seq, event_id FROM events WHERE command_end = 1 AND seq > ? AND seq <= ? ORDER BY seq",
        (batch.after.seq, batch.through.seq),
    ).fetchall()
    if commands >= len(ends):
        return batch
    through = Head(seq=ends[commands - 1]["seq"], event_id=ends[commands - 1]["event_id"])
    kept = [event for event in batch.events if event.seq <= through.seq]
    return batch.model_copy(update={"through": through, "events": kept})
