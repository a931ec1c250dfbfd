"""Disks that go back: what a branch must notice, and what excuses it where it cannot."""

from pathlib import Path
from unittest import mock

import pytest

from app.sync.guards.fencer import Fencer
from tests.simulation.history import play
from tests.simulation.plan import draw
from tests.simulation.watching.rollbacks import Rollback, Rollbacks, Stock

LIFE = ("matriz", "first")
KEY = ("CAFE", *LIFE)
GRANT = (*KEY, "filial-sul", "other")
FIRST_SEED = 59  # in which it showed last: looking for it from 0 on takes 20 s
MOST_SEEDS = 120


def moved(*, received: int = 0, sold: int = 0, granted: int = 0) -> Stock:
    """The stock of LIFE after so many units of CAFE moved."""
    return Stock({KEY: (received, 0, 0, 0, 0, sold, 0, 1)}, {GRANT: granted})


NOTHING = Stock({}, {})


def went_back(*, known: bool, fenced: bool) -> Rollbacks:
    """A life that had sold 5 and granted 3 went back to when it had sold 2 and granted none."""
    found = Rollbacks()
    go_back(
        found,
        truth=moved(received=20, sold=5, granted=3),
        kept=moved(received=20, sold=2),
        known=known,
        fenced=fenced,
    )
    return found


def go_back(
    found: Rollbacks,
    *,
    truth: Stock,
    kept: Stock,
    seen: Stock = NOTHING,
    known: bool,
    fenced: bool,
    by_rows: bool = False,
) -> None:
    """Add that the life's disk went back from the truth to a copy, while peers had `seen` so much of it; who
    has more of it has all of that, or (`by_rows`) rows only."""
    found.add(
        Rollback(
            life=LIFE,
            kept=kept,
            forgotten=found.forgot(LIFE, truth, kept),
            seen=seen,
            events={7: "an event"},
            fenced=fenced,
            knowers={"filial-sul": truth if by_rows else None} if known else {},
        )
    )


def test_what_was_forgotten_was_sold_nonetheless() -> None:
    found = went_back(known=True, fenced=True)

    assert found.real_cell(KEY, moved(received=20, sold=4).cells[KEY])[:6] == (20, 0, 0, 0, 0, 7)
    assert found.real_grant(GRANT, 1) == 4
    assert found.wrote(LIFE, 7, "an event")
    assert not found.wrote(LIFE, 7, "another one")


def test_a_disk_that_goes_back_twice_forgets_nothing_twice() -> None:
    """It sold 5, forgot 3 of them, sold 4 more and forgot 1 of those: 9 in all, and its file says 5."""
    found = went_back(known=True, fenced=False)
    real = Stock({KEY: found.real_cell(KEY, moved(received=20, sold=6).cells[KEY])}, {GRANT: 3})
    go_back(found, truth=real, kept=moved(received=20, sold=5), known=True, fenced=False)

    assert found.real_cell(KEY, moved(received=20, sold=5).cells[KEY])[:6] == (20, 0, 0, 0, 0, 9)
    assert found.real_grant(GRANT, 0) == 3
    assert found.excused() == {"CAFE": 3 + 3 + 1}


@pytest.mark.parametrize(
    ("told", "since", "gone"),
    [
        (5, 0, 0),  # peers know all that was forgotten
        (3, 0, 2),  # what nobody was told is gone
        (5, 4, 4),  # of two histories the greater count stays
        (3, 4, 2 + 3),
    ],
)
def test_of_two_histories_of_a_life_the_lesser_count_is_merged_away(told: int, since: int, gone: int) -> None:
    """It had received 20 when the copy was made, and 5 more when it went back."""
    found = Rollbacks()
    kept, seen = moved(received=20), moved(received=20 + told)
    go_back(found, truth=moved(received=25), kept=kept, seen=seen, known=True, fenced=False)

    assert found.merged_away(KEY, moved(received=25 + since).cells[KEY])[0] == gone


def test_who_could_be_told_is_excused_nothing() -> None:
    found = went_back(known=True, fenced=True)

    assert not found.excused()
    assert found.overspent(LIFE, moved(received=20, sold=3)) == ["CAFE"]
    assert found.overspent(LIFE, moved(received=20, sold=2)) == []
    assert found.unnoticed(LIFE, moved(received=20, sold=5, granted=3))
    found.forget("filial-sul")
    assert not found.unnoticed(LIFE, moved(received=20, sold=2))


@pytest.mark.parametrize(("sold", "granted", "told"), [(4, 3, True), (5, 2, True), (5, 3, False)])
def test_who_knows_rows_only_can_tell_until_those_of_the_life_hold_them(
    sold: int, granted: int, told: bool
) -> None:
    found = Rollbacks()
    truth = moved(received=20, sold=5, granted=3)
    kept = moved(received=20, sold=2)
    go_back(found, truth=truth, kept=kept, known=True, fenced=False, by_rows=True)

    assert found.unnoticed(LIFE, moved(received=20, sold=sold, granted=granted)) is told


def test_who_could_not_be_told_may_spend_once_more_what_it_forgot() -> None:
    for known, fenced in ((True, False), (False, True)):
        found = went_back(known=known, fenced=fenced)

        assert found.excused() == {"CAFE": 3 + 3}
        assert found.overspent(LIFE, moved(received=20, sold=5)) == []


def test_a_node_that_goes_on_as_if_nothing_had_happened_is_caught(template: Path) -> None:
    async def ignore(_fencer: Fencer, _epoch: str, _why: str, **_rivals: object) -> None:
        pass

    seeds = [seed for seed in range(MOST_SEEDS) if "restore" in draw(seed, wipes=True).faults]
    with mock.patch.object(Fencer, "begin", ignore):
        for seed in sorted(seeds, key=lambda seed: seed != FIRST_SEED):
            broken = {found.promise for found in play(seed, template=template, wipes=True).violations}
            if "respent" in broken:
                return
    pytest.fail(f"{len(seeds)} histories went by in which nobody noticed units spent twice")
