"""What a peer's hello decides about the peer's life and about this node's own."""

from collections.abc import Collection, Sequence

import pytest

from app.domain.life import Life
from app.sync.rules.acknowledgement import Finding
from app.sync.rules.hello_rules import (
    Accepted,
    Behind,
    NoMember,
    Over,
    Process,
    Sender,
    judge,
    judge_own,
    newer_rows,
    unlike,
)

ME = Life("matriz", "m1")
PEER = Life("norte", "n1")
OTHER = Life("norte", "n2")
KNOWN = Sender(is_decommissioned=False, is_over=False, living=["n1"])
OVER = Sender(is_decommissioned=False, is_over=True, living=["n2"])
GONE = Sender(is_decommissioned=True, is_over=True, living=[])


@pytest.mark.parametrize(
    ("other", "before", "after"),
    [
        (Process("one", (3, "b")), True, False),
        (Process("one", (1, "b")), False, True),
        (Process("one", (2, "b")), False, False),
        # Two that started equally often live on copies of one disk; chance orders them.
        (Process("one", (2, "c")), True, False),
        (Process("one", (2, "a")), False, True),
        # Those of another epoch have nothing to do with it.
        (Process("two", (1, "b")), False, False),
        (Process("two", (3, "b")), False, False),
        (Process(), False, False),
    ],
)
def test_of_two_processes_of_one_life_the_one_with_more_starts_is_the_later(
    other: Process, before: bool, after: bool
) -> None:
    process = Process("one", (2, "b"))
    assert (process.is_before(other), process.is_after(other)) == (before, after)


@pytest.mark.parametrize(
    ("dead", "known", "verdict"),
    [
        ([], KNOWN, Accepted()),
        ([], Sender(is_decommissioned=False, is_over=False, living=[]), Accepted()),  # never heard of
        ([OTHER, ("sul", "s1")], KNOWN, Accepted()),
        ([ME], KNOWN, Behind("norte names this epoch dead")),
        # Its life is over, by somebody's word or its own: what it says of this node's counts no more.
        ([], OVER, Over(living=["n2"], contested=[])),
        ([ME], OVER, Over(living=["n2"], contested=[])),
        ([PEER], KNOWN, Over(living=[], contested=[])),
        ([PEER, ME], KNOWN, Over(living=[], contested=[])),
        # It names the living epoch of its branch dead, so it lived beside it.
        ([OTHER], OVER, Over(living=[], contested=["n2"])),
        ([PEER, OTHER], Sender(False, False, ["n1", "n2", "n3"]), Over(living=["n3"], contested=["n2"])),
        ([Life("sul", "n2")], OVER, Over(living=["n2"], contested=[])),  # another branch's
        # A decommissioned branch has no life that counts.
        ([], GONE, NoMember()),
        ([ME, PEER], GONE, NoMember()),
    ],
)
def test_a_hello_counts_unless_its_life_is_over(
    dead: Collection[Life], known: Sender, verdict: Accepted | Behind | Over | NoMember
) -> None:
    assert judge(PEER, dead, known=known, me=ME) == verdict


@pytest.mark.parametrize(
    ("seq", "finding", "newer", "verdict"),
    [
        (3, Finding.WRITTEN, [], Accepted()),
        (3, Finding.TRIMMED, [], Accepted()),
        (4, Finding.BEYOND, [], Behind("norte has event 4 of this epoch, which ends at 3")),
        (3, Finding.OTHER, [], Behind("norte has another event 3 of this epoch")),
        (3, Finding.OTHER, ["p"], Behind("norte has another event 3 of this epoch")),
        # A grant's answer can outrun the outbox, so heads alone miss a roll-back.
        (3, Finding.WRITTEN, ["p"], Behind("norte has newer rows of this epoch: p")),
        (1, Finding.TRIMMED, ["p"], Behind("norte has newer rows of this epoch: p")),
        (3, Finding.WRITTEN, ["a", "b", "c", "d"], Behind("norte has newer rows of this epoch: a, b, c")),
    ],
)
def test_a_peer_that_has_more_or_other_of_this_epoch_ends_it(
    seq: int, finding: Finding, newer: Sequence[str], verdict: Accepted | Behind
) -> None:
    assert judge_own("norte", seq, finding, end=3, newer=newer) == verdict


def test_rows_are_newer_where_more_movements_were_made() -> None:
    said = {"tea": 3, "rice": 2, "beans": 1, "salt": 1}
    assert newer_rows(said, {"rice": 1, "beans": 1, "tea": 4}) == ["rice", "salt"]
    assert newer_rows({}, said) == []


def test_lives_are_unlike_where_positions_differ_or_one_node_has_none() -> None:
    ours = {"sul@1": 3, "sul@2": 4, "norte@1": 1}
    theirs = {"sul@1": 3, "sul@2": 5, "matriz@1": 1}
    assert unlike(ours, theirs) == {Life("sul", "2"), Life("norte", "1"), Life("matriz", "1")}
    assert unlike(ours, ours) == set()
