"""The login throttle."""

import pytest

from app.security.errors import Throttled
from app.security.throttle import FREE_FAILURES, LoginThrottle

ANA = ("ana", "10.0.0.1")


def fail(throttle: LoginThrottle, times: int, *, now: float = 0.0) -> None:
    for _ in range(times):
        throttle.failed(*ANA, now=now)


def test_four_failures_lock_nobody_out() -> None:
    throttle = LoginThrottle()
    fail(throttle, FREE_FAILURES - 1)
    throttle.require_open(*ANA, now=0.0)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(5, 1.0), (6, 2.0), (7, 4.0), (10, 32.0), (15, 900.0), (5000, 900.0)]
)
def test_each_further_failure_doubles_the_lock_up_to_15_minutes(failures: int, seconds: float) -> None:
    throttle = LoginThrottle()
    fail(throttle, failures)
    with pytest.raises(Throttled) as locked:
        throttle.require_open(*ANA, now=0.0)
    assert locked.value.retry_after == seconds
    throttle.require_open(*ANA, now=seconds)


def test_another_user_and_another_address_are_not_locked() -> None:
    throttle = LoginThrottle()
    fail(throttle, FREE_FAILURES)
    throttle.require_open("bia", ANA[1], now=0.0)
    throttle.require_open(ANA[0], "10.0.0.2", now=0.0)


def test_a_success_forgets_the_failures() -> None:
    throttle = LoginThrottle()
    fail(throttle, FREE_FAILURES - 1)
    throttle.succeeded(*ANA)
    fail(throttle, FREE_FAILURES - 1)
    throttle.require_open(*ANA, now=0.0)


def test_failures_are_forgotten_15_minutes_after_the_lock_ended() -> None:
    throttle = LoginThrottle()
    fail(throttle, 6)  # locked for 2 s
    throttle.failed(*ANA, now=902.0)
    throttle.require_open(*ANA, now=902.0)


def test_a_flood_of_names_takes_a_bounded_amount_of_memory() -> None:
    throttle = LoginThrottle()
    fail(throttle, FREE_FAILURES)
    for number in range(10_000):
        throttle.failed(f"user {number}", "10.0.0.9", now=0.0)
    throttle.require_open(*ANA, now=0.0)  # the oldest entry made room
    assert len(throttle._failures) == 10_000
