"""Disks that go back: what a branch must notice, and what excuses it where it cannot."""

from pathlib import Path
from unittest import mock

import pytest

from app.sync.rebirth import Rebirth
from tests.simulation import rollbacks
from tests.simulation.history import play
from tests.simulation.plan import draw
from tests.simulation.rollbacks import Rollback, Rollbacks, Stock

LIFE = ("matriz", "first")
KEY = ("CAFE", *LIFE)
GRANT = (*KEY, "filial-sul", "other")
MOST_SEEDS = 40


def moved(*, received: int = 0, sold: int = 0, granted: int = 0) -> Stock:
    """The stock of LIFE after so many units of CAFE moved."""
    return Stock({KEY: (received, 0, 0, 0, 0, sold, 0, 1)}, {GRANT: granted})


def went_back(*, known: bool, fenced: bool) -> Rollbacks:
    """A life that had sold 5 and granted 3 went back to when it had sold 2 and granted none."""
    truth, kept = moved(received=20, sold=5, granted=3), moved(received=20, sold=2)
    found = Rollbacks()
    found.add(
        Rollback(
            life=LIFE,
            kept=kept,
            forgotten=rollbacks.difference(truth, kept),
            events={7: "an event"},
            fenced=fenced,
            knowers={"filial-sul"} if known else set(),
        )
    )
    return found


def test_what_was_forgotten_was_sold_nonetheless() -> None:
    found = went_back(known=True, fenced=True)

    assert found.real_cell(KEY, moved(received=20, sold=4).cells[KEY])[:6] == (20, 0, 0, 0, 0, 7)
    assert found.real_grant(GRANT, 1) == 4
    assert found.wrote(LIFE, 7, "an event")
    assert not found.wrote(LIFE, 7, "another one")


def test_who_could_be_told_is_excused_nothing() -> None:
    found = went_back(known=True, fenced=True)

    assert not found.excused()
    assert found.overspent(LIFE, moved(received=20, sold=3)) == ["CAFE"]
    assert found.overspent(LIFE, moved(received=20, sold=2)) == []
    assert found.unnoticed(LIFE)
    found.forget("filial-sul")
    assert not found.unnoticed(LIFE)


def test_who_could_not_be_told_may_spend_once_more_what_it_forgot() -> None:
    for known, fenced in ((True, False), (False, True)):
        found = went_back(known=known, fenced=fenced)

        assert found.excused() == {"CAFE": 3 + 3}
        assert found.overspent(LIFE, moved(received=20, sold=5)) == []


def test_a_node_that_goes_on_as_if_nothing_had_happened_is_caught(template: Path) -> None:
    async def ignore(_rebirth: Rebirth, _epoch: str, _why: str) -> None:
        pass

    seeds = [seed for seed in range(MOST_SEEDS) if "restore" in draw(seed, wipes=True).faults]
    with mock.patch.object(Rebirth, "begin", ignore):
        for seed in seeds:
            broken = {found.promise for found in play(seed, template=template, wipes=True).violations}
            if "respent" in broken:
                return
    pytest.fail(f"{len(seeds)} histories went by in which nobody noticed units spent twice")
