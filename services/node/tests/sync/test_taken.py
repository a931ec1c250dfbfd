"""When an asker is sure to have what a donor keeps parked of the orders that a page shows."""

from typing import Any

import pytest

from app.domain.life import Life
from app.sync.catchup.donor_state import DonorState
from app.sync.catchup.taken import Taken
from app.sync.log import dead_letters
from app.sync.wire.messages import Page
from tests.support.branch import Branch, Branches
from tests.sync.test_handover import parked_of

FIRST, SECOND = Life("matriz", "first"), Life("matriz", "second")


def page(*branches: str, marks: dict[str, str] | None) -> Page:
    """A page with an order of each of these branches."""
    return Page(
        epoch="any",
        relation="orders",
        rows=[{"branch": branch} for branch in branches],
        next=None,
        sha256="",
        heads={},
        parked_marks=marks,
    )


def donor(*, reports: bool = True, **marks: str) -> DonorState:
    """A donor whose parked events were taken over under these marks of first lives."""
    taken = Taken({f"{branch}@first": mark for branch, mark in marks.items()})
    return DonorState(Life("norte", "any"), {}, {} if reports else None, taken=taken)


@pytest.mark.parametrize(
    ("shown", "marks", "is_sure"),
    [
        ("matriz", {}, True),
        ("matriz", {"matriz@first": "a"}, True),
        ("matriz", {"matriz@first": "b"}, False),
        ("matriz", {"matriz@first": "a", "matriz@second": "b"}, False),
        ("matriz", {"sul@first": "b"}, True),
        ("matriz", None, False),
    ],
    ids=["nothing parked", "the same", "more", "of another life", "of another branch", "not said"],
)
def test_a_page_is_shown_if_what_its_donor_parks_of_its_branches_is_what_was_taken_over(
    shown: str, marks: dict[str, str] | None, *, is_sure: bool
) -> None:
    assert donor(matriz="a").is_sure_of(page(shown, marks=marks)) is is_sure


def test_a_donor_that_never_says_what_it_parks_is_believed() -> None:
    assert donor(reports=False).is_sure_of(page("matriz", marks=None))


def test_what_changed_while_it_was_taken_over_counts_as_not_taken() -> None:
    taken = Taken()
    taken.note([{"a@1": "x", "b@1": "x"}, {"a@1": "x", "b@1": "y"}, {"a@1": "x"}], refused=set())
    assert taken.marks == {"a@1": "x"}
    taken.note([None], refused=set())
    assert taken.marks == {}


@pytest.mark.parametrize(
    ("row", "lacks"),
    [
        ({"branch": "matriz", "epoch": "first", "version": 1}, False),
        ({"branch": "matriz", "epoch": "second", "version": 1}, True),
        ({"branch": "matriz", "epoch": "first", "version": 2}, True),
        ({"branch": "sul", "epoch": "first", "version": 2}, False),
        ({"branch": "matriz"}, False),
        (None, False),
    ],
)
def test_an_order_lacks_its_effect_where_events_of_the_lives_that_may_hold_it_were_refused(
    row: Any, *, lacks: bool
) -> None:
    """An earlier life's order is cancelled by a later one."""
    assert Taken(refused={SECOND}).lacks(row) is lacks


def test_a_mark_changes_with_all_that_is_parked_but_for_orders(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    park(norte, matriz, seq=1, kind="stock_update")
    before = dead_letters.marks(norte.connection)
    assert list(before) == [matriz.life.key]

    park(norte, matriz, seq=2, kind="order_created")
    assert dead_letters.marks(norte.connection) == before
    park(norte, matriz, seq=1, kind="stock_update", entity="another")
    assert dead_letters.marks(norte.connection) != before


def park(receiver: Branch, sender: Branch, *, seq: int, kind: str, entity: str = "rice") -> None:
    handed = parked_of(sender, seq=seq, kind=kind, entity=entity)
    receiver.do(lambda tx: dead_letters.take(tx, handed, donor=None, further=True))
