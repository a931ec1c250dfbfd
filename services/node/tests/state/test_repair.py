"""Mending the rows of one digest bucket: what a peer's rows prove, and what is counted."""

from typing import Any

import pytest

from app.database import Transaction
from app.database.digest import bucket_of
from app.life import Life
from app.state import checking, customers, repair, replicated
from app.state.checking import Trouble
from app.state.repair import Given
from tests.support.branch import ACTOR, Branch, Branches


@pytest.fixture
def branch(branches: Branches) -> Branch:
    made = branches.make("matriz")
    made.customer("ALFKI")
    return made


def bucket_with(branch: Branch, code: str) -> tuple[Trouble, list[dict[str, Any]]]:
    """The bucket of a customer, as if its total were in doubt, and its rows."""
    found = customers.find(branch.connection, code)
    assert found is not None
    bucket = bucket_of(found.id)
    rows = [stored.row for stored in replicated.get("customers").in_bucket(branch.connection, bucket)]
    return Trouble("customers", bucket, (), True), [row for row in rows if row is not None]


def rename(tx: Transaction) -> None:
    customers.update(tx, "ALFKI", {"name": "Another"}, actor=ACTOR)


def test_a_bucket_is_counted_anew_in_the_middle_of_a_group_that_changes_it(branch: Branch) -> None:
    """The changes of the commands before it are not written yet, and must not be counted twice."""
    trouble, _ = bucket_with(branch, "ALFKI")
    branch.connection.execute("UPDATE digest_buckets SET total = zeroblob(32) WHERE relation = 'customers'")

    def mend(tx: Transaction) -> repair.Mended:
        _, rows = bucket_with(branch, "ALFKI")
        return repair.mend(tx, trouble, Given(rows=rows, life=Life("norte", "first"), dominates=True))

    outcomes = branch.do_all([rename, mend, rename])
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert (outcomes[1].value.recounted, outcomes[1].value.settled) == (True, True)
    assert checking.find_troubles(branch.connection) == []


def test_a_total_alone_is_made_durable_too(branch: Branch) -> None:
    trouble, rows = bucket_with(branch, "ALFKI")
    branch.connection.execute("UPDATE digest_buckets SET total = zeroblob(32) WHERE relation = 'customers'")
    given = Given(rows=rows, life=Life("norte", "first"), dominates=True)
    assert branch.do(lambda tx: repair.mend(tx, trouble, given)).recounted
    assert checking.find_troubles(branch.connection) == []
