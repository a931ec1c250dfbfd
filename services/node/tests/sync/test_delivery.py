"""What a sender does after each answer, and how long it rests before the next attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sync.rules.retry import Advance, Answer, Retry, decide, pause_seconds


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (Answer(200, position=7), Advance(7)),
        (Answer(200, position=0), Advance(0)),  # it lost everything it had: backwards
        (Answer(409, "gap", position=3), Advance(3)),  # it says where it is
        # A bare 2xx is no acknowledgement.
        (Answer(200), Retry("backing_off", "200")),
        (Answer(200, "unreadable_answer"), Retry("backing_off", "200 unreadable_answer")),
        (Answer(204), Retry("blocked", "204", hello_first=True)),
        # Nobody answered: it may be another process when it does.
        (Answer(None, "ReadTimeout"), Retry("backing_off", "ReadTimeout", hello_first=True)),
        (Answer(None), Retry("backing_off", "no answer", hello_first=True)),
        # It lives another life; hello tells which.
        (Answer(409, "wrong_epoch"), Retry("backing_off", "409 wrong_epoch", hello_first=True)),
        # It cannot now.
        (Answer(429, "throttled"), Retry("backing_off", "429 throttled")),
        (Answer(500), Retry("backing_off", "500")),
        (Answer(502), Retry("backing_off", "502")),
        (Answer(503, "not_ready"), Retry("backing_off", "503 not_ready")),
        (Answer(507, "disk_full"), Retry("backing_off", "507 disk_full")),
        (Answer(507, "kept_full"), Retry("backing_off", "507 kept_full")),
        # What it lacks is not in the log any more.
        (Answer(410), Retry("needs_snapshot", "410")),
        # It refuses for good: people must see why; it is tried again all the same.
        (Answer(400, "malformed"), Retry("blocked", "400 malformed", hello_first=True)),
        (Answer(401, "unauthenticated"), Retry("blocked", "401 unauthenticated", hello_first=True)),
        (Answer(403), Retry("blocked", "403", hello_first=True)),
        (Answer(404), Retry("blocked", "404", hello_first=True)),
        (Answer(409, "fork"), Retry("blocked", "409 fork", hello_first=True)),
        (Answer(409, "gap"), Retry("blocked", "409 gap", hello_first=True)),  # a gap without a position
        (Answer(409, "dead_epoch"), Retry("blocked", "409 dead_epoch", hello_first=True)),
        (Answer(413, "body_too_large"), Retry("blocked", "413 body_too_large", hello_first=True)),
        (Answer(302), Retry("blocked", "302", hello_first=True)),
    ],
)
def test_every_answer_moves_the_cursor_or_is_retried(answer: Answer, decision: Advance | Retry) -> None:
    assert decide(answer) == decision


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (6, 5.0), (10_000, 5.0)],
)
def test_pauses_double_up_to_the_cap(attempt: int, longest: float) -> None:
    assert pause_seconds(attempt, base=0.5, cap=5.0, chance=1.0) == longest


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_jitter_is_full(attempt: int, chance: float) -> None:
    """Every pause from none to the longest is possible, so nodes that failed together come back apart."""
    longest = pause_seconds(attempt, base=0.5, cap=5.0, chance=1.0)
    assert pause_seconds(attempt, base=0.5, cap=5.0, chance=chance) == chance * longest
    assert 0 <= pause_seconds(attempt, base=0.5, cap=5.0, chance=chance) <= 5.0
