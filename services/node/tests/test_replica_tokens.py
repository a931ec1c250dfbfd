"""X-Replica-Token."""

from typing import Any
from unittest import mock

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.security import json_web_tokens, replica_tokens
from app.security.errors import ReplicaTokenRefused, ReplicaTokenUsed
from app.security.replica_tokens import ReplicaClaims, ReplicaTokens
from app.security.used_tokens import UsedTokens

SECRET = "s" * 32
NOW = 1_795_000_000.25
NORTE = ReplicaTokens(name="norte", secret=SECRET)
REQUEST: dict[str, Any] = {"method": "POST", "path": "/replica/event", "body": b'{"a":1}'}


def issue(
    sender: ReplicaTokens | None = None, *, receiver: str = "norte", now: float = NOW, **change: Any
) -> str:
    tokens = sender or ReplicaTokens(name="matriz", secret=SECRET)
    return tokens.issue(receiver, epoch="e1", receiver_now=now, **{**REQUEST, **change})


def refusal(token: str | None, *, now: float = NOW, **change: Any) -> str:
    with pytest.raises(ReplicaTokenRefused) as refused:
        NORTE.verify(token, now=now, **{**REQUEST, **change})
    assert refused.value.now == now
    return refused.value.reason


def test_a_token_proves_sender_and_epoch() -> None:
    assert NORTE.verify(issue(), now=NOW, **REQUEST) == ReplicaClaims(sender="matriz", epoch="e1")


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW + 59.9, None),
        (NOW + 60, "expired_token"),
        (NOW + 3600, "expired_token"),
        (NOW - 4.9, None),  # the sender's idea of our clock may run a little ahead
        (NOW - 5.1, "valid_too_long"),
        (NOW - 3600, "valid_too_long"),
    ],
)
def test_a_token_lives_60_seconds_of_the_receivers_clock(now: float, reason: str | None) -> None:
    token = issue()
    if reason is None:
        NORTE.verify(token, now=now, **REQUEST)
    else:
        assert refusal(token, now=now) == reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "missing_token"),
        ("", "missing_token"),
        ("nonsense", "invalid_token"),
        (issue(receiver="sul"), "other_receiver"),
        (issue(path="/replica/hello"), "other_path"),
        (issue(method="GET"), "other_path"),
        (issue(body=b'{"a":2}'), "other_body"),
        (issue(ReplicaTokens(name="matriz", secret="x" * 32)), "invalid_token"),
        (issue(ReplicaTokens(name="", secret=SECRET)), "invalid_token"),
    ],
)
def test_a_token_is_good_for_one_request_only(token: str | None, reason: str) -> None:
    assert refusal(token) == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "later"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"epoch": None},
        {"body": "\ud800"},
        {"body": None},
        {"aud": "client"},
    ],
)
def test_a_well_signed_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    claims = {**jwt.decode(issue(), options={"verify_signature": False}), **changes}
    token = jwt.encode({k: v for k, v in claims.items() if v is not None}, SECRET, algorithm="HS256")
    refusal(token)


def test_the_previous_secret_is_taken_during_a_rotation() -> None:
    rotated = ReplicaTokens(name="norte", secret="n" * 32, previous=SECRET)
    assert rotated.verify(issue(), now=NOW, **REQUEST).sender == "matriz"


@given(st.one_of(st.text(min_size=1), st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}")))
def test_any_other_text_is_refused_and_nothing_else_is_raised(token: str) -> None:
    refusal(token)


def test_an_answer_proves_who_it_is_from_that_it_is_whole_and_what_it_answers() -> None:
    asked = issue()
    mark = NORTE.mark(asked, status=200, body=b"granted: 5")

    assert NORTE.is_marked(mark, asked, status=200, body=b"granted: 5")
    for other in (
        NORTE.is_marked(mark, asked, status=200, body=b"granted: 7"),
        NORTE.is_marked(mark, asked, status=503, body=b"granted: 5"),
        NORTE.is_marked(mark, issue(now=NOW + 1), status=200, body=b"granted: 5"),
        NORTE.is_marked(None, asked, status=200, body=b"granted: 5"),
        ReplicaTokens(name="norte", secret="x" * 32).is_marked(mark, asked, status=200, body=b"granted: 5"),
    ):
        assert not other


def test_an_answer_is_known_while_secrets_are_rotated() -> None:
    asked = issue()
    rotated = ReplicaTokens(name="matriz", secret="n" * 32, previous=SECRET)

    assert rotated.is_marked(NORTE.mark(asked, status=200, body=b""), asked, status=200, body=b"")


def test_a_token_whose_header_was_checked_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = mock.Mock(side_effect=json_web_tokens.decode)
    monkeypatch.setattr(replica_tokens, "decode", read)
    norte, token = ReplicaTokens(name="norte", secret=SECRET, used=UsedTokens(["matriz"])), issue()
    where: dict[str, Any] = {"method": "POST", "path": "/replica/event"}
    norte.check_header(token, now=NOW, **where)
    assert norte.verify(token, now=NOW, **REQUEST) == ReplicaClaims(sender="matriz", epoch="e1")
    assert read.call_count == 1
    with pytest.raises(ReplicaTokenUsed):
        norte.verify(token, now=NOW, **REQUEST)


@pytest.mark.parametrize(
    ("change", "now", "reason"),
    [
        ({"body": b"{}"}, NOW, "other_body"),
        ({"path": "/replica/transfer"}, NOW, "other_path"),
        ({}, NOW + 60, "expired_token"),
    ],
)
def test_all_of_a_checked_token_is_compared_again(change: Any, now: float, reason: str) -> None:
    norte, token = ReplicaTokens(name="norte", secret=SECRET), issue()
    norte.check_header(token, method="POST", path="/replica/event", now=NOW)
    with pytest.raises(ReplicaTokenRefused) as refused:
        norte.verify(token, now=now, **{**REQUEST, **change})
    assert refused.value.reason == reason


def test_tokens_whose_bodies_never_come_are_forgotten() -> None:
    norte = ReplicaTokens(name="norte", secret=SECRET)
    matriz = ReplicaTokens(name="matriz", secret=SECRET)
    tokens = [issue(matriz) for _ in range(300)]
    for token in tokens:
        norte.check_header(token, method="POST", path="/replica/event", now=NOW)
    assert len(norte._decoded) == 256
    for token in (tokens[0], tokens[-1]):
        assert norte.verify(token, now=NOW, **REQUEST).sender == "matriz"
