"""Client tokens."""

from random import Random
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.security.client_tokens import AUDIENCE, ISSUER, Claims, ClientTokens
from app.security.errors import Unauthenticated
from app.security.replica_tokens import ReplicaTokens

SECRET = "s" * 32
NOW = 1_795_000_000.5
ANA = Claims(user_id="u1", role="admin", token_version=3, credentials="5:matriz:e1")


def tokens(secret: str = SECRET, previous: str | None = None) -> ClientTokens:
    return ClientTokens(secret=secret, previous=previous, minutes=480, random=Random(1))


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u1",
        "role": "admin",
        "ver": 3,
        "cred": "5:matriz:e1",
        "jti": "j",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
    }
    payload.update(changes)
    return jwt.encode({k: v for k, v in payload.items() if v is not None}, secret, algorithm=algorithm)


def test_a_token_says_what_it_was_issued_for() -> None:
    issued = tokens().issue(ANA, now=NOW)
    assert tokens().read(issued.access_token, now=NOW).claims == ANA
    assert issued.expires_in == 480 * 60


def test_a_token_ends_by_the_injected_clock() -> None:
    issued = tokens().issue(ANA, now=NOW)
    assert tokens().read(issued.access_token, now=NOW + 480 * 60 - 1).claims == ANA
    with pytest.raises(Unauthenticated, match="expired_token"):
        tokens().read(issued.access_token, now=NOW + 480 * 60)


def test_a_token_of_the_previous_secret_is_taken_during_a_rotation_only() -> None:
    old = tokens("o" * 32).issue(ANA, now=NOW).access_token
    assert tokens(previous="o" * 32).read(old, now=NOW).claims == ANA
    with pytest.raises(Unauthenticated):
        tokens().read(old, now=NOW)


def test_a_token_of_a_branch_whose_clock_is_an_hour_ahead_is_taken() -> None:
    issued = tokens().issue(ANA, now=NOW + 3600)
    assert tokens().read(issued.access_token, now=NOW).claims == ANA


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "replica:matriz"},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"role": ["admin"]},
        {"ver": "3"},
        {"ver": True},
        {"cred": None},
        {"jti": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1e999},
        {"exp": int(NOW) + 10**9},  # good for longer than any token is issued for
        {"iat": int(NOW) + 86_400},
        {"iat": "now"},
        {"exp": int(NOW)},
    ],
)
def test_a_well_signed_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        tokens().read(signed(**changes), now=NOW)


def test_only_hs256_under_our_secret_counts() -> None:
    unsigned = jwt.encode({"sub": "u1"}, None, algorithm="none")
    for token in (signed("x" * 32), signed("s" * 64, "HS512"), unsigned):
        with pytest.raises(Unauthenticated):
            tokens().read(token, now=NOW)


def test_a_replica_token_is_no_client_token_even_under_the_same_secret() -> None:
    replica = ReplicaTokens(name="matriz", secret=SECRET).issue(
        "client", epoch="e", method="GET", path="/auth/me", body=b"", receiver_now=NOW
    )
    with pytest.raises(Unauthenticated):
        tokens().read(replica, now=NOW)


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}")))
def test_any_other_text_is_refused_and_nothing_else_is_raised(token: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens().read(token, now=NOW)
