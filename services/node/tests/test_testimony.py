"""Who may say what about a life."""

import pytest

from app.domain.bounds import LAMPORT_STEP, LAMPORTS_A_SECOND, lamport_limit
from app.domain.life import Life
from app.domain.testimony import (
    Word,
    may_store_life,
    unbelieved,
    unconfirmed_units,
    weigh_death,
    weigh_rows,
)

SUL, NEXT, NORTE = Life("sul", "e1"), Life("sul", "e2"), Life("norte", "e1")


@pytest.mark.parametrize(
    ("speaker", "is_over", "stands_in", "word"),
    [
        (None, False, False, Word.OWN),
        (SUL, False, False, Word.OWN),
        (NEXT, False, False, Word.BRANCH),
        (NEXT, True, False, Word.BRANCH),  # it has its earlier life's rows from others itself
        (NORTE, False, False, Word.REFUSED),
        (NORTE, True, False, Word.HEARSAY),
        (NORTE, False, True, Word.HEARSAY),
    ],
)
def test_rows_of_a_life_count_by_who_tells_them(
    speaker: Life | None, is_over: bool, stands_in: bool, word: Word
) -> None:
    assert weigh_rows(SUL, speaker, is_over=is_over, stands_in=stands_in) is word


@pytest.mark.parametrize(
    ("speaker", "is_known", "word"),
    [
        (SUL, True, Word.OWN),
        (NEXT, True, Word.BRANCH),
        (NEXT, False, Word.BRANCH),
        (NORTE, True, Word.REFUSED),
        (NORTE, False, Word.HEARSAY),
    ],
)
def test_only_its_own_branch_ends_a_life_that_is_known(speaker: Life, is_known: bool, word: Word) -> None:
    assert weigh_death(SUL, speaker, is_known=is_known) is word


@pytest.mark.parametrize(
    ("of_branch", "by_hearsay", "known", "own", "stored"),
    [
        (0, 0, 9_999, False, True),
        (0, 0, 10_000, False, False),
        (200, 200, 200, False, False),
        (200, 199, 200, False, True),
        (1_199, 199, 1_199, False, True),
        (1_200, 199, 1_200, False, False),  # those that were hearsay, and that the branch named since
        (200, 0, 10_000, True, True),
        (1_000, 0, 1_000, True, False),
        (1_100, 200, 1_100, True, True),
        (1_200, 200, 1_200, True, False),
    ],
)
def test_a_branch_and_others_have_room_of_their_own_for_deaths(
    of_branch: int, by_hearsay: int, known: int, own: bool, stored: bool
) -> None:
    found = may_store_life(
        known_of_branch=of_branch, over_by_hearsay=by_hearsay, is_death=True, known=known, by_own_word=own
    )
    assert found is stored


@pytest.mark.parametrize(
    ("of_branch", "own", "stored"), [(199, False, True), (200, False, False), (200, True, True)]
)
def test_others_name_fewer_living_lives_of_a_branch_than_itself(
    of_branch: int, own: bool, stored: bool
) -> None:
    found = may_store_life(
        known_of_branch=of_branch, over_by_hearsay=0, is_death=False, known=300, by_own_word=own
    )
    assert found is stored


@pytest.mark.parametrize(
    ("granted", "confirmed", "left"), [(7, None, 0), (7, 0, 7), (7, 5, 2), (7, 7, 0), (5, 7, 0)]
)
def test_only_what_the_giver_itself_said_may_be_spent(granted: int, confirmed: int | None, left: int) -> None:
    assert unconfirmed_units(granted, confirmed) == left


def test_the_deaths_that_a_member_alone_believes_are_named_in_order() -> None:
    assert unbelieved([NEXT, NORTE, SUL], {SUL}) == [NORTE, NEXT]


@pytest.mark.parametrize(
    ("known", "now", "limit"),
    [
        (7, 0.0, 7 + LAMPORT_STEP),  # a clock that is decades slow refuses no honest node
        (0, 1_795_000_000.5, 1_795_000_000 * LAMPORTS_A_SECOND),  # an empty node joins an old network
        (2**61, 1_795_000_000.5, 2**61 + LAMPORT_STEP),
    ],
)
def test_logical_time_is_bounded_by_what_is_known_and_by_the_clock(
    known: int, now: float, limit: int
) -> None:
    assert lamport_limit(known, now) == limit
