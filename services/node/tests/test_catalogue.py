"""How two versions of a row become one."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lww import Activity, Edit, Stamp, newer

EPOCHS = st.sampled_from(["e1", "e2", "e3"])
LAMPORTS = st.integers(0, 5)
STAMPS = st.builds(Stamp, LAMPORTS, st.sampled_from(["matriz", "norte"]), EPOCHS)
EDITS = st.builds(Edit, STAMPS, st.sampled_from([b"", b"a", b"b"]))
MAPS = st.dictionaries(EPOCHS, st.integers(1, 5))
ACTIVITIES = st.builds(Activity, MAPS, MAPS)


@pytest.mark.parametrize(
    ("current", "incoming", "expected"),
    [
        (Stamp(1, "matriz", "e"), Stamp(2, "filial", "e"), True),  # later in logical time
        (Stamp(2, "matriz", "e"), Stamp(1, "zebra", "e"), False),  # earlier, whatever the name
        (Stamp(1, "matriz", "e"), Stamp(1, "norte", "e"), True),  # concurrent: by name
        (Stamp(1, "norte", "e"), Stamp(1, "matriz", "e"), False),
        (Stamp(1, "norte", "e1"), Stamp(1, "norte", "e2"), True),  # two lives of one branch
        (Stamp(1, "norte", "e1"), Stamp(1, "norte", "e1"), False),  # the same edit again
    ],
)
def test_the_later_edit_wins(current: Stamp, incoming: Stamp, expected: bool) -> None:
    assert newer(Edit(current, b"x"), Edit(incoming, b"x")) is expected


def test_bytes_decide_between_two_edits_with_one_stamp() -> None:
    stamp = Stamp(3, "matriz", "e")
    assert newer(Edit(stamp, b"a"), Edit(stamp, b"b"))
    assert not newer(Edit(stamp, b"b"), Edit(stamp, b"a"))


@given(st.lists(EDITS, min_size=1), st.data())
def test_every_order_of_arrival_leaves_the_same_edit(edits: list[Edit], data: st.DataObject) -> None:
    def last(arrived: list[Edit]) -> Edit:
        return reduce(lambda current, incoming: incoming if newer(current, incoming) else current, arrived)

    again = data.draw(st.permutations(edits + edits[:1]))
    assert last(again) == last(edits)


@given(ACTIVITIES, ACTIVITIES, ACTIVITIES)
def test_merging_activity_is_commutative_associative_and_idempotent(
    a: Activity, b: Activity, c: Activity
) -> None:
    assert b.merge(a) == a.merge(b)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(b).merge(b) == a.merge(b)


@given(ACTIVITIES, EPOCHS)
def test_a_deactivation_wins_over_whoever_had_not_seen_it(seen: Activity, epoch: str) -> None:
    lamport = max([0, *seen.deactivations.values(), *seen.reactivations.values()]) + 1
    deactivated = seen.deactivated(epoch=epoch, lamport=lamport)
    assert not deactivated.merge(seen.reactivated()).active


@given(ACTIVITIES, EPOCHS, st.integers(1, 9))
def test_a_reactivation_wins_over_every_deactivation_it_had_seen(
    before: Activity, epoch: str, lamport: int
) -> None:
    deactivated = before.deactivated(epoch=epoch, lamport=lamport)
    assert deactivated.reactivated().merge(deactivated).active


def test_everybody_is_active_until_deactivated() -> None:
    assert Activity().active
