"""What became of what a set-aside file held."""

from hypothesis import given
from hypothesis import strategies as st

from app.database.salvage import Keys, Summary
from app.database.salvage.report import Key, salvage_report

SUMMARY = Summary(pages=9, damaged=2, sound=False, rows={})
keys = st.frozensets(st.tuples(st.sampled_from("abcdefgh")))


def test_each_order_is_held_back_or_lost() -> None:
    found = salvage_report(
        SUMMARY,
        keys=Keys(named=frozenset({("a",), ("b",), ("c",)}), perhaps=frozenset({("d",), ("e",)})),
        verified={("a",), ("b",), ("e",)},
        altered={("f",)},
        held={("a",), ("z",)},
    )

    assert found.held == {("a",)}
    assert found.back == {("b",), ("e",)}
    assert found.lost == {("c",), ("f",)}
    assert found.doubtful == {("d",)}
    assert (found.pages, found.damaged) == (9, 2)


@given(named=keys, perhaps=keys, verified=keys, altered=keys, held=keys)
def test_nothing_the_file_is_known_to_have_held_is_passed_over_or_told_twice(
    named: frozenset[Key],
    perhaps: frozenset[Key],
    verified: frozenset[Key],
    altered: frozenset[Key],
    held: frozenset[Key],
) -> None:
    found = salvage_report(SUMMARY, keys=Keys(named, perhaps), verified=verified, altered=altered, held=held)

    groups = [found.held, found.back, found.lost]
    assert frozenset.union(*groups) == named | verified | altered
    assert sum(map(len, groups)) == len(frozenset.union(*groups))
    assert not found.doubtful & frozenset.union(*groups)
