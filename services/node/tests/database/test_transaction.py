"""What a command may do inside its transaction, and what is undone with a part of it."""

from contextlib import suppress
from typing import Any

import pytest

from app.database import Transaction
from tests.support.branch import ACTOR, Branch, Branches


class Refused(Exception):
    """What a part of a command raises."""


@pytest.fixture
def branch(branches: Branches) -> Branch:
    return branches.make("matriz")


def counters(branch: Branch) -> tuple[Any, ...]:
    return tuple(branch.connection.execute("SELECT lamport, seq FROM node").fetchone())


def test_a_command_has_one_logical_time_later_than_the_last(branch: Branch) -> None:
    times = [branch.do(lambda tx: (tx.lamport, tx.lamport)) for _ in range(2)]
    assert times == [(1, 1), (2, 2)]


def test_what_was_witnessed_is_earlier_than_what_comes_next(branch: Branch) -> None:
    branch.do(lambda tx: tx.advance(40))
    branch.do(lambda tx: tx.advance(3))
    assert branch.do(lambda tx: tx.lamport) == 41


def test_a_part_that_fails_is_undone_alone(branch: Branch) -> None:
    def command(tx: Transaction) -> None:
        tx.emit("product_upserted", "before")
        with suppress(Refused), tx.savepoint():
            tx.emit("product_upserted", "a ghost")
            tx.changed("products", "p", before=None, after={"id": "p"})
            tx.audit(ACTOR, action="a", entity="e", entity_id="i", before=None, after=None, version=1)
            raise Refused
        tx.emit("product_upserted", "after")

    digest = branch.digest()
    branch.do(command)
    rows = branch.connection.execute("SELECT seq, entity, command_end FROM events ORDER BY seq")
    assert [tuple(row) for row in rows] == [(1, "before", 0), (2, "after", 1)]
    assert (branch.audited("a"), branch.digest()) == ([], digest)


def test_a_part_that_succeeds_stays(branch: Branch) -> None:
    def command(tx: Transaction) -> None:
        with tx.savepoint():
            tx.emit("product_upserted", "a")
            tx.effects.stock.add("p")
        assert (tx.effects.emitted, tx.effects.stock) == (True, {"p"})

    branch.do(command)
    assert branch.head() == 1


def test_parts_may_be_nested(branch: Branch) -> None:
    def command(tx: Transaction) -> None:
        with tx.savepoint():
            tx.emit("product_upserted", "outer")
            with suppress(Refused), tx.savepoint():
                tx.emit("product_upserted", "inner")
                raise Refused

    branch.do(command)
    assert branch.head() == 1


def test_logical_time_first_read_in_a_failed_part_is_still_later_than_the_last_commands(
    branch: Branch,
) -> None:
    def command(tx: Transaction) -> int:
        with suppress(Refused), tx.savepoint():
            assert tx.lamport == 2
            raise Refused
        return tx.lamport

    assert branch.do(lambda tx: tx.lamport) == 1
    assert branch.do(command) == 2
    assert counters(branch) == (2, 0)


def test_a_new_epoch_begins_its_own_log_and_the_old_one_is_dead(branch: Branch) -> None:
    branch.do(lambda tx: tx.emit("product_upserted", "old"))
    old = branch.identity.epoch

    def command(tx: Transaction) -> int:
        tx.begin_epoch("next")
        return tx.emit("product_upserted", "new")

    assert branch.do(command) == 1
    lives = branch.connection.execute("SELECT epoch, dead FROM epochs ORDER BY dead")
    assert [tuple(row) for row in lives] == [("next", 0), (old, 1)]
    assert branch.identity.epoch == "next"


def test_a_life_learnt_in_a_part_that_failed_is_forgotten(branch: Branch) -> None:
    """What a command remembers of the lives is what its transaction holds."""

    def command(tx: Transaction) -> tuple[bool, bool]:
        with suppress(Refused), tx.savepoint():
            tx.learn_life(("norte", "e1"), over=True)
            raise Refused
        forgotten = ("norte", "e1") not in tx.lives
        tx.learn_life(("norte", "e1"), over=False)
        return forgotten, tx.lives["norte", "e1"]

    assert branch.do(command) == (True, False)


def test_a_new_epoch_that_was_rolled_back_is_forgotten(branch: Branch) -> None:
    def command(tx: Transaction) -> None:
        tx.begin_epoch("next")
        raise Refused

    before = branch.identity
    with pytest.raises(Refused):
        branch.do(command)
    assert branch.identity == before
    assert branch.connection.execute("SELECT epoch FROM node").fetchone()[0] == before.epoch


def test_a_failed_part_forgets_a_new_epoch(branch: Branch) -> None:
    def command(tx: Transaction) -> None:
        with suppress(Refused), tx.savepoint():
            tx.begin_epoch("next")
            raise Refused

    before = branch.identity
    branch.do(command)
    assert branch.identity == before


def test_the_audit_keeps_states_in_canonical_form(branch: Branch) -> None:
    branch.do(
        lambda tx: tx.audit(
            ACTOR, action="a", entity="e", entity_id="i", before={"b": 1, "a": "é"}, after=None, version=3
        )
    )
    (row,) = branch.audited("a")
    assert (row["before"], row["after"], row["version"]) == ('{"a":"é","b":1}', None, 3)
    assert (row["origin"], row["epoch"]) == branch.life
