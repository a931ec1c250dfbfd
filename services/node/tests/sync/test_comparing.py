"""Which rows of two nodes can be compared by their digests."""

from collections.abc import Mapping

import pytest

from app.sync.catchup.anti_entropy import alike

OURS = {"customers": 1, "orders": 2, "suppliers": 1}


@pytest.mark.parametrize(
    ("theirs", "comparable"),
    [
        (OURS, {"customers", "orders", "suppliers"}),
        ({**OURS, "couriers": 1}, {"customers", "orders", "suppliers"}),
        ({"customers": 1, "orders": 1, "suppliers": 1}, {"customers", "suppliers"}),
        ({"customers": 1, "orders": 2}, {"customers", "orders"}),
        ({}, {"customers", "suppliers"}),
    ],
    ids=["alike", "a relation more", "another revision", "a relation less", "from before revisions"],
)
def test_relations_are_comparable_that_both_know_under_one_revision(
    theirs: Mapping[str, int], comparable: set[str]
) -> None:
    """A node that does not know a relation has no digest of it: that is no divergence."""
    assert alike(OURS, theirs) == comparable
