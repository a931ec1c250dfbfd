"""What is remembered about tokens, and when it is not believed any more."""

from app.domain.lww import Activity, Stamp
from app.domain.user import User
from app.security.client_tokens import Claims, ReadToken, Validity
from app.security.token_verdicts import MOST_SECONDS, TokenVerdicts

STAMP = Stamp(lamport=1, node="matriz", epoch="e1")
ANA = User("u1", "ana", "$2b$04$", STAMP, "operador", STAMP, Activity(), token_version=1)
READ = ReadToken(Claims("u1", "operador", 1, "1:matriz:e1"), Validity(since=100, until=200))


def keep(verdicts: TokenVerdicts, token: str, *, now: float = 0) -> None:
    verdicts.keep(token, READ, ANA, since=verdicts.round, now=now)


def found(verdicts: TokenVerdicts, token: str, *, wall: float = 150, now: float = 0) -> User | None:
    verdict = verdicts.find(token, wall=wall, now=now)
    return None if verdict is None else verdict.user


def test_a_verdict_is_found_by_its_very_token() -> None:
    verdicts = TokenVerdicts()
    keep(verdicts, "a.b.c")
    assert [found(verdicts, token) for token in ("a.b.c", "a.b.d", "a.b.c ", "")] == [ANA, None, None, None]


def test_a_verdict_ends_with_its_token_whichever_way_the_clock_goes() -> None:
    for wall, expected in ((99, None), (100, ANA), (199.9, ANA), (200, None)):
        verdicts = TokenVerdicts()
        keep(verdicts, "a.b.c")
        assert found(verdicts, "a.b.c", wall=wall) == expected


def test_a_verdict_is_made_again_after_some_seconds() -> None:
    verdicts = TokenVerdicts()
    keep(verdicts, "a.b.c", now=10)
    assert found(verdicts, "a.b.c", now=10 + MOST_SECONDS - 0.1) == ANA
    assert found(verdicts, "a.b.c", now=10 + MOST_SECONDS) is None


def test_a_written_user_ends_all_verdicts_those_in_use_too() -> None:
    verdicts = TokenVerdicts()
    keep(verdicts, "a.b.c")
    verdict = verdicts.find("a.b.c", wall=150, now=0)
    assert verdict is not None
    assert verdicts.holds(verdict)
    verdicts.forget()
    assert found(verdicts, "a.b.c") is None
    assert not verdicts.holds(verdict)


def test_a_user_that_was_read_before_a_change_is_not_kept_after_it() -> None:
    verdicts = TokenVerdicts()
    since = verdicts.round
    verdicts.forget()
    verdicts.keep("a.b.c", READ, ANA, since=since, now=0)
    assert found(verdicts, "a.b.c") is None


def test_the_verdict_used_longest_ago_goes_first() -> None:
    verdicts = TokenVerdicts(most=2)
    for token in ("a", "b"):
        keep(verdicts, token)
    found(verdicts, "a")
    keep(verdicts, "c")
    assert [found(verdicts, token) for token in "abc"] == [ANA, None, ANA]
    assert len(verdicts) == 2
