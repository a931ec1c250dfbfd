"""Two processes on copies of one disk: what both moved, what excuses it, and that both are refused."""

from pathlib import Path

from tests.simulation.history import play
from tests.simulation.plan import draw
from tests.simulation.test_rollbacks import GRANT, KEY, LIFE, moved
from tests.simulation.watching.forks import Fork, Forks
from tests.simulation.watching.rollbacks import Stock

FIRST, COPY = LIFE[0], f"{LIFE[0]}-copy-1"


def two(*, heard: bool, first: Stock, copy: Stock) -> Forks:
    """A life that had sold 2 when its disk was copied; since then the first and the copy came to this."""
    found = Forks()
    kept = moved(received=20, sold=2)
    found.add(Fork(life=LIFE, kept=kept, heard=heard, first=FIRST, copy=COPY))
    found.move(LIFE, FIRST, first)
    found.move(LIFE, COPY, copy)
    return found


def test_what_either_moved_was_moved_in_truth() -> None:
    first, copy = moved(received=20, sold=5), moved(received=20, sold=3, granted=4)
    found = two(heard=False, first=first, copy=copy)

    for label, stock in ((FIRST, first), (COPY, copy)):
        assert found.real_cell(KEY, stock.cells[KEY], label)[:6] == (20, 0, 0, 0, 0, 6)
        assert found.real_grant(GRANT, stock.grants[GRANT], label) == 4
    assert found.is_split(LIFE[0])


def test_no_more_is_excused_than_both_spent() -> None:
    first = moved(received=20, sold=10)

    assert two(heard=False, first=first, copy=moved(received=20, sold=3, granted=2)).excused() == {"CAFE": 3}
    alone = two(heard=False, first=first, copy=moved(received=20, sold=2))
    assert not alone.excused()
    assert not alone.is_split(LIFE[0])


def test_a_copy_that_could_be_held_against_the_first_may_spend_nothing() -> None:
    first, copy = moved(received=20, sold=10), moved(received=20, sold=3)

    assert two(heard=True, first=first, copy=copy).overspent(LIFE, COPY) == ["CAFE"]
    assert two(heard=True, first=first, copy=copy).overspent(LIFE, FIRST) == []
    assert two(heard=False, first=first, copy=copy).overspent(LIFE, COPY) == []


def test_lives_that_begin_while_there_are_two_may_end_and_those_after_may_not() -> None:
    found = two(heard=False, first=moved(), copy=moved())
    found.begin((LIFE[0], "second"))
    found.close(LIFE[0], keeps_copy=True)
    found.begin((LIFE[0], "third"))

    assert [found.may_end((LIFE[0], epoch)) for epoch in (LIFE[1], "second", "third")] == [True, True, False]


def test_what_the_one_that_is_gone_moved_stays_true() -> None:
    found = two(heard=False, first=moved(received=20, sold=5), copy=moved(received=20, sold=3))
    found.close(LIFE[0], keeps_copy=True)

    assert found.real_cell(KEY, moved(received=20, sold=4).cells[KEY], FIRST)[5] == 7


def test_histories_in_which_disks_are_copied_keep_every_promise(template: Path) -> None:
    """Whoever is heard is refused, and what one of two disks alone had is declared at risk."""
    seeds = [seed for seed in range(60) if "clone" in draw(seed, wipes=True).faults]
    kinds: set[str] = set()
    for seed in seeds[:6]:
        result = play(seed, template=template, wipes=True)
        assert result.violations == []
        kinds |= result.faults.keys()
    assert {"clone", "clone_heard"} <= kinds
