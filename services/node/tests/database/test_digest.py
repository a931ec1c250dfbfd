"""The digest of the replicated tables: kept up to date, and the same for the same rows."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import digest
from app.database.digest import Deltas
from tests.support import history
from tests.support.branch import Branch, Branches
from tests.support.history import History

rows = st.dictionaries(
    st.sampled_from(["id", "name", "quantity"]), st.one_of(st.text(), st.integers(), st.none()), min_size=1
)
changes = st.lists(
    st.tuples(st.sampled_from(["users", "products", "stock"]), st.sampled_from("abc"), st.none() | rows),
    max_size=12,
)


def written(branch: Branch, deltas: Deltas) -> str:
    """The digest after these changes were flushed."""
    digest.flush(branch.connection, deltas, {})
    return branch.digest()


def from_scratch(branch: Branch) -> str:
    """What the digest must be: the sum over all rows as the tables hold them."""
    deltas: Deltas = {}
    for relation, found in branch.rows().items():
        for key, row in found.items():
            digest.add_change(deltas, relation, key, before=None, after=row)
    branch.connection.execute("BEGIN")
    try:
        branch.connection.execute("DELETE FROM digest_buckets")
        return written(branch, deltas)
    finally:
        branch.connection.execute("ROLLBACK")


@given(changes=changes, random=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_same_rows_have_the_same_digest_however_they_came_about(
    make_branches: Callable[[], Sequence[Branch]], changes: list[tuple[Any, str, Any]], random: Any
) -> None:
    step_by_step, at_once = make_branches()[:2]
    held: dict[tuple[Any, str], Any] = {}
    for relation, key, row in changes:
        deltas: Deltas = {}
        digest.add_change(deltas, relation, key, before=held.get((relation, key)), after=row)
        digest.flush(step_by_step.connection, deltas, {})
        held[relation, key] = row
    shuffled = list(held.items())
    random.shuffle(shuffled)
    whole: Deltas = {}
    for (relation, key), row in shuffled:
        digest.add_change(whole, relation, key, before=None, after=row)
    assert step_by_step.digest() == written(at_once, whole)


def test_rows_that_went_again_leave_no_mark(branches: Branches) -> None:
    branch = branches.make("matriz")
    empty = branch.digest()
    for before, after in ((None, {"id": "a"}), ({"id": "a"}, None)):
        deltas: Deltas = {}
        digest.add_change(deltas, "products", "a", before=before, after=after)
        written(branch, deltas)
    assert branch.digest() == empty


def test_the_same_row_of_two_tables_is_not_the_same(branches: Branches) -> None:
    found = set()
    for relation in ("products", "customers"):
        deltas: Deltas = {}
        digest.add_change(deltas, relation, "a", before=None, after={"id": "a"})
        found.add(written(branches.make("matriz"), deltas))
    assert len(found) == 2


def test_canonical_bytes_do_not_depend_on_the_order_of_fields() -> None:
    assert digest.canonical({"b": 1, "a": "São"}) == '{"a":"São","b":1}'.encode()
    assert digest.canonical({"a": "São", "b": 1}) == digest.canonical({"b": 1, "a": "São"})


@given(steps=history.steps)
@settings(max_examples=30)
def test_the_digest_kept_up_to_date_is_the_digest_of_the_tables(
    make_branches: Callable[[], list[Branch]], steps: list[history.Step]
) -> None:
    made = make_branches()
    played = History(made)
    for step in steps:
        played.play(step)
    for branch in made:
        assert branch.digest() == from_scratch(branch)
    played.settle()
    assert {branch.digest() for branch in made} == {from_scratch(made[0])}
