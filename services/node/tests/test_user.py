"""Two versions of one user become one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import forms, identity
from app.domain.errors import Invalid
from app.domain.lww import Activity, Stamp
from app.domain.user import ROLES, User

CLUSTER = "5b0c1c9e-3f0e-4f57-8f35-8a4d2f5a0001"
HASHES = [f"$2b$04${character * 53}" for character in "abc"]
STAMPS = st.builds(
    Stamp, st.integers(0, 4), st.sampled_from(["matriz", "norte"]), st.sampled_from(["e1", "e2"])
)
MAPS = st.dictionaries(st.sampled_from(["e1", "e2"]), st.integers(1, 4))
ACCOUNTS = st.builds(
    User,
    id=st.just(identity.user_id(CLUSTER, "ana")),
    username=st.sampled_from(["ana", "Ana"]),
    password_hash=st.sampled_from(HASHES),
    credentials=STAMPS,
    role=st.sampled_from(ROLES),
    role_stamp=STAMPS,
    activity=st.builds(Activity, MAPS, MAPS),
    token_version=st.integers(1, 4),
    beyond=st.dictionaries(st.sampled_from(["mark", "tax"]), st.none() | st.integers(2, 3)),
)


def ana(**values: Any) -> User:
    made = Stamp(1, "matriz", "e1")
    given = {
        "id": identity.user_id(CLUSTER, "ana"),
        "username": "ana",
        "password_hash": HASHES[0],
        "credentials": made,
        "role": "operador",
        "role_stamp": made,
        "activity": Activity(),
        "token_version": 1,
    }
    return User(**{**given, **values})


@given(ACCOUNTS, ACCOUNTS, ACCOUNTS)
def test_merging_is_commutative_associative_and_idempotent(a: User, b: User, c: User) -> None:
    assert b.merge(a) == a.merge(b)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(b).merge(b) == a.merge(b)


@given(ACCOUNTS)
def test_a_snapshot_reads_back_as_the_same_account(user: User) -> None:
    assert User.from_json(user.as_json(), cluster_id=CLUSTER) == user


def test_a_password_reset_here_and_a_role_change_there_both_survive() -> None:
    reset = ana().with_password(HASHES[1], stamp=Stamp(2, "matriz", "e1"))
    promoted = ana().with_role("admin", stamp=Stamp(9, "norte", "e2"))
    merged = reset.merge(promoted)
    assert (merged.password_hash, merged.role) == (HASHES[1], "admin")


def test_a_promotion_does_not_bring_back_who_was_deactivated_elsewhere() -> None:
    gone = ana().deactivated(stamp=Stamp(2, "matriz", "e1"))
    promoted = ana().with_role("admin", stamp=Stamp(9, "norte", "e2"))
    assert not gone.merge(promoted).active


def test_every_change_of_rights_or_password_ends_the_tokens_in_use() -> None:
    stamp = Stamp(2, "matriz", "e1")
    changed = [ana().with_role("admin", stamp=stamp), ana().with_password(HASHES[1], stamp=stamp)]
    assert {user.token_version for user in [*changed, ana().deactivated(stamp=stamp)]} == {2}


def test_passwords_set_on_both_sides_are_told_apart_though_their_versions_are_equal() -> None:
    here = ana().with_password(HASHES[1], stamp=Stamp(2, "matriz", "e1"))
    there = ana().with_password(HASHES[2], stamp=Stamp(2, "norte", "e2"))
    assert here.token_version == there.token_version
    assert here.credentials_id != there.credentials_id


def test_the_audited_row_holds_no_password_hash() -> None:
    assert HASHES[0] not in str(ana().audited())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": identity.user_id(CLUSTER, "bia")}, "id"),
        ({"username": "ana\n"}, "username"),
        ({"username": 7}, "username"),
        ({"password_hash": "secret"}, "password_hash"),
        ({"password_hash": "$2b$31$" + "a" * 53}, "password_hash"),  # would keep a thread busy for days
        ({"role": "owner"}, "role"),
        ({"credentials_lamport": -1}, "credentials_lamport"),
        ({"credentials_lamport": True}, "credentials_lamport"),
        ({"role_lamport": 2**63}, "role_lamport"),
        ({"role_lamport": 1.0}, "role_lamport"),
        ({"role_node": ""}, "role_node"),
        ({"deactivations": []}, "deactivations"),
        ({"deactivations": {"": 1}}, "deactivations"),
        ({"reactivations": {"e": "1"}}, "reactivations"),
        ({"token_version": None}, "token_version"),
        ({"nickname": "x" * 20_000}, "extra"),
    ],
)
def test_a_row_no_node_could_have_written_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        User.from_json({**ana().as_json(), **change}, cluster_id=CLUSTER)
    assert refused.value.field == field


@pytest.mark.parametrize("name", forms.USERS.columns)
def test_a_row_that_lacks_a_field_is_refused(name: str) -> None:
    row = ana().as_json()
    del row[name]
    with pytest.raises(Invalid, match=name):
        User.from_json(row, cluster_id=CLUSTER)
