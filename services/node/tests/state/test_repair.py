"""Mending the rows of one digest bucket: what a peer's rows prove, and what is counted."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from app.database import Transaction, digest
from app.database.digest import bucket_of, canonical
from app.database.seals import Stored
from app.domain.identity import customer_id
from app.domain.life import Life
from app.state.registry import canonical_forms, replicated
from app.state.repair import buckets, checking
from app.state.repair.buckets import Given
from app.state.repair.checking import Trouble
from app.state.tables import customers, users
from tests.support.branch import ACTOR, CLUSTER, Branch, Branches


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

    def mend(tx: Transaction) -> buckets.Mended:
        _, rows = bucket_with(branch, "ALFKI")
        return buckets.mend(tx, trouble, Given(rows=rows, life=Life("norte", "first"), dominates=True))

    outcomes = branch.do_all([rename, mend, rename])
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert (outcomes[1].value.recounted, outcomes[1].value.settled) == (True, True)
    assert checking.find_troubles(branch.connection) == []


def test_a_total_alone_is_made_durable_too(branch: Branch) -> None:
    trouble, rows = bucket_with(branch, "ALFKI")
    branch.connection.execute("UPDATE digest_buckets SET total = zeroblob(32) WHERE relation = 'customers'")
    given = Given(rows=rows, life=Life("norte", "first"), dominates=True)
    assert branch.do(lambda tx: buckets.mend(tx, trouble, given)).recounted
    assert checking.find_troubles(branch.connection) == []


def test_a_total_that_is_set_is_counted_from_the_one_in_the_file(branches: Branches) -> None:
    """The writer remembers the totals that it wrote. Damage that came since is in the file only."""
    branch = branches.make("matriz")
    branch.customer("ALFKI")
    trouble, rows = bucket_with(branch, "ALFKI")
    given = Given(rows=rows, life=Life("norte", "first"), dominates=True)

    def damage(tx: Transaction) -> None:
        tx.connection.execute("UPDATE digest_buckets SET total = zeroblob(32) WHERE relation = 'customers'")

    outcomes = branch.do_all([damage, lambda tx: buckets.mend(tx, trouble, given)])

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert checking.find_troubles(branch.connection) == []


FATES = ("sound", "sound", "altered", "unreadable", "resealed", "gone")


def customer_row(number: int) -> dict[str, Any]:
    details = dict.fromkeys(("contact", "email", "phone", "city", "country"))
    stamp = {"lamport": number, "stamp_node": "matriz", "stamp_epoch": "first"}
    return {"id": f"c{number}", "code": f"C{number}", "name": "x", **details, **stamp}


@pytest.mark.parametrize("seed", range(300))
def test_what_the_total_counts_is_never_taken_for_unwritten(seed: int) -> None:
    """Rows that were written are altered, lost and given back by a peer, beside others that nobody wrote."""
    random, entity = Random(seed), replicated.get("customers")
    written = [customer_row(number) for number in range(random.randint(0, 4))]
    recorded = digest.total_of("customers", map(canonical, written))
    mine = []
    for row in written:
        seal, fate = entity.seal(row), random.choice(FATES)
        altered = {**row, "name": "y"}
        stands = {
            "sound": Stored("customers", row["id"], row, seal, seal),
            "altered": Stored("customers", row["id"], altered, seal, entity.seal(altered)),
            "resealed": Stored("customers", row["id"], row, seal + 1, seal),
            "unreadable": Stored("customers", row["id"], None, seal, 0),
        }
        mine += [stands[fate]] if fate in stands else []
    ghosts = [customer_row(number) for number in range(10, 10 + random.randint(0, 2))]
    mine += [Stored("customers", row["id"], row, random.choice([0, 5]), entity.seal(row)) for row in ghosts]
    random.shuffle(mine)
    theirs = [row for row in written if random.random() < 0.7]
    given = buckets.Given(rows=theirs, life=Life("norte", "first"), dominates=random.random() < 0.5)

    plan = buckets.plan(entity, mine, random.choice([given, None]), recorded=recorded)

    assert set(plan.unwritten) <= {row["id"] for row in ghosts}
    stays = {stored.key for stored in mine if stored.is_sound} | {row["id"] for row in plan.put}
    if stays == {row["id"] for row in written}:
        assert set(plan.unwritten) == {row["id"] for row in ghosts}
        assert not plan.left


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Trouble, str]:
    """A branch with two customers in one bucket, and the id of the second one."""
    made = branches.make("matriz")
    bucket = bucket_of(made.customer("ALFKI"))
    codes = (f"C{number}" for number in range(10_000))
    other = made.customer(next(code for code in codes if bucket_of(customer_id(CLUSTER, code)) == bucket))
    return made, Trouble("customers", bucket, (), False), other


def mended_alone(branch: Branch, trouble: Trouble) -> buckets.Mended:
    return branch.do(lambda tx: buckets.mend(tx, trouble, None))


def test_a_ghost_is_moved_out_when_what_was_written_beside_it_is_mended(
    pair: tuple[Branch, Trouble, str],
) -> None:
    branch, trouble, other = pair
    rows = [stored.row for stored in replicated.get("customers").in_bucket(branch.connection, trouble.bucket)]
    ghost = next(key for key in map(str, range(10_000)) if bucket_of(key) == trouble.bucket)
    branch.connection.execute("UPDATE customers SET id = ? WHERE id = ?", (ghost, other))
    branch.connection.execute("UPDATE customers SET name = 'altered' WHERE code = 'ALFKI'")
    assert mended_alone(branch, trouble).moved_out == 0
    given = buckets.Given(rows=[row for row in rows if row], life=Life("norte", "first"), dominates=False)
    mended = branch.do(lambda tx: buckets.mend(tx, trouble, given))
    assert (mended.restored, mended.missing, mended.moved_out, mended.settled) == (2, 1, 1, True)
    assert checking.find_troubles(branch.connection) == []


def count_anew(branch: Branch, trouble: Trouble) -> None:
    branch.do(lambda tx: checking.recount(tx, replicated.get(trouble.relation), trouble))


def migrate_to_another_form(branch: Branch, trouble: Trouble) -> None:
    branch.connection.execute("UPDATE canonical_forms SET revision = 99")
    canonical_forms.FORMS.recompute(branch.connection, [trouble.relation], lambda _relation, _rows: None)


@pytest.mark.parametrize("count", [count_anew, migrate_to_another_form])
@pytest.mark.parametrize("change", ["deactivations = 'no map'", "username = CAST(x'ff' AS TEXT)"])
def test_a_row_without_a_canonical_form_still_counts_in_a_total_that_was_counted_anew(
    branches: Branches, count: Callable[[Branch, Trouble], None], change: str
) -> None:
    """Nobody knows what it said, but it was written."""
    branch = branches.make("matriz")
    branch.do(lambda tx: users.found_admin(tx, "ana", "a hash"))
    (user,) = branch.connection.execute("SELECT id FROM users").fetchone()
    trouble = Trouble("users", bucket_of(user), (), False)
    branch.connection.execute(f"UPDATE users SET {change}")
    branch.connection.execute("DELETE FROM audit")
    count(branch, trouble)
    mended = mended_alone(branch, trouble)
    assert (mended.moved_out, mended.left) == (0, [user])


def test_where_the_total_is_lost_as_well_a_row_stays_that_the_audit_says_was_written_here(
    branch: Branch,
) -> None:
    trouble, (row,) = bucket_with(branch, "ALFKI")
    branch.connection.execute("DELETE FROM digest_buckets")
    branch.connection.execute("UPDATE customers SET name = 'altered'")
    mended = mended_alone(branch, trouble)
    assert (mended.moved_out, mended.left) == (0, [row["id"]])


def test_what_the_peer_has_under_the_key_is_not_moved_out_though_no_total_counts_it() -> None:
    """A total that is right counts it: this one was lost."""
    entity, row = replicated.get("customers"), customer_row(1)
    altered = Stored("customers", row["id"], {**row, "name": "y"}, 5, entity.seal({**row, "name": "y"}))
    given = Given(rows=[row], life=Life("norte", "first"), dominates=False)
    plan = buckets.plan(entity, [altered], given, recorded=0)
    assert (plan.put, plan.left, plan.unwritten) == ([], [row["id"]], [])
