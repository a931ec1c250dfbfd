"""The model: it keeps its promises, it replays, and it notices wrong rules."""

import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.model import demand
from tests.model.branch import Branch
from tests.model.bugs import BUGS, CAUGHT_AT, DIRECTED, Plant
from tests.model.ledger import Disk
from tests.model.messages import Refused
from tests.model.play import play
from tests.model.runner import Tally, play_chunk
from tests.model.shelf import Oversold, Shelf

MOST_SEEDS = 12_000


def test_no_history_sells_a_unit_twice_or_leaves_one_over() -> None:
    tally = Tally()
    tally.add(play_chunk(range(1, 1001)))

    assert tally.broken == {}
    assert all(tally.did[step] for step in ("wipe", "restore", "roll_back", "clone", "count", "arrive_late"))
    assert tally.sold > 1000


def test_a_seed_is_one_history() -> None:
    steps: list[str] = []
    again: list[str] = []

    assert play(7, say=steps.append) == play(7, say=again.append)
    assert steps == again != []


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_wrong_rule_is_caught(plant: Plant) -> None:
    first = CAUGHT_AT.get(plant, 1)
    with plant():
        caught = any(play(seed).broken for seed in range(first, first + MOST_SEEDS))

    assert caught, f"{MOST_SEEDS} histories with {plant.__name__} went by as if nothing were wrong"


class Pair:
    """Two branches that talk when the test says so, for what random histories seldom come to."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.ids = itertools.count(1)
        self.here, self.there = self.begin("here"), self.begin("there")
        for one, other in ((self.here, self.there), (self.there, self.here)):
            one.epochs[other.name] = other.disk.epoch

    def begin(self, name: str) -> Branch:
        branch = Branch(name, Disk(f"e{next(self.ids)}", founded=True), shelf=self.shelf, ids=self.ids)
        branch.ready = True
        return branch

    def tell(self, one: Branch, other: Branch) -> None:
        batch = one.batch(other.name)
        assert batch is not None
        one.acknowledge(other.receive(batch))

    def wipe_here(self) -> None:
        """Here loses its disk and fetches what there has."""
        self.here = self.begin("here")
        self.there.meet(self.here.say())
        self.here.meet(self.there.say())
        self.here.fetch(self.there)

    def sell_all(self) -> None:
        for branch in (self.here, self.there):
            if branch.usable() > 0:
                branch.take(branch.usable(), "sold", reserved=0)


def cancel_twice_with_a_wipe_between(pair: Pair) -> None:
    """The first cancellation and what its units were sold for died with the disk."""
    pair.here.receive_units(3, {})
    assert pair.here.order(3)
    (order,) = pair.here.disk.orders
    pair.tell(pair.here, pair.there)
    pair.here.cancel(order)
    assert pair.here.order(3)
    pair.wipe_here()
    pair.here.cancel(order)
    pair.sell_all()


def count_while_a_batch_is_under_way(pair: Pair) -> None:
    """What a life granted and told nobody arrives after a count released it."""
    pair.here.receive_units(5, {})
    pair.tell(pair.here, pair.there)
    old = pair.here
    old.move(old.own().grant(pair.there.me, 3))
    late = old.batch("there")
    assert late is not None
    pair.wipe_here()
    dead = sorted(pair.here.disk.dead)
    handovers = {"there": pair.there.seal(dead)}
    missing = pair.shelf.missing([pair.here.disk.cells.values(), pair.there.disk.cells.values()], dead)
    assert pair.here.release(dead, missing=missing, handovers=handovers)
    pair.here.disk.recovery = None
    with_refusal(lambda: pair.there.receive(late))
    pair.sell_all()


def with_refusal(act: Callable[[], object]) -> None:
    with suppress(Refused):
        act()


STORIES = {
    "a_cancellation_after_a_wipe_gives_rights": cancel_twice_with_a_wipe_between,
    "a_count_that_nobody_remembers": count_while_a_batch_is_under_way,
}


@pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.__name__)
def test_a_story_that_chance_seldom_tells_ends_well(story: Callable[[Pair], None]) -> None:
    story(Pair())


@pytest.mark.parametrize("plant", DIRECTED, ids=lambda plant: plant.__name__)
def test_a_wrong_rule_that_chance_seldom_meets_is_caught_by_its_story(plant: Plant) -> None:
    with plant(), pytest.raises(Oversold):
        STORIES[plant.__name__](Pair())


def test_rights_follow_demand() -> None:
    """The targets of a measurement over many seeds (`make model DEMAND=1`), on a few of them."""
    lines: list[str] = []

    assert demand.report(lines.append, seeds=range(1, 4)) == 0, "\n".join(lines)
