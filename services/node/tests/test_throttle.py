"""The login throttle."""

import pytest

from app.security.errors import Throttled
from app.security.login_lane import Standing
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
    throttle.succeeded(*ANA, now=0.0)
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
    throttle.require_unlocked(*ANA, now=0.0)  # the oldest entry made room
    assert len(throttle) == 10_000


def fail_with_new_names(throttle: LoginThrottle, times: int, *, address: str = ANA[1]) -> None:
    for number in range(times):
        throttle.failed(f"name {number}", address, now=0.0)


def test_an_address_that_fails_with_ever_new_names_waits() -> None:
    throttle = LoginThrottle(failures=30)
    fail_with_new_names(throttle, 30)
    with pytest.raises(Throttled) as refused:
        throttle.require_open("another name", ANA[1], now=0.0)
    assert refused.value.retry_after == 2.0
    throttle.require_open("another name", "10.0.0.2", now=0.0)
    throttle.require_open("another name", ANA[1], now=2.0)


def test_a_name_that_fails_from_ever_new_addresses_waits() -> None:
    throttle = LoginThrottle(failures=30)
    for number in range(30):
        throttle.failed("ana", f"10.0.1.{number}", now=0.0)
    with pytest.raises(Throttled):
        throttle.require_open("ana", "10.0.2.1", now=0.0)
    throttle.require_open("bia", "10.0.2.1", now=0.0)


def test_failures_from_everywhere_hold_back_only_addresses_from_which_nobody_logged_in() -> None:
    throttle = LoginThrottle(failures=30)
    throttle.succeeded("bia", "10.0.0.7", now=0.0)
    for number in range(120):
        throttle.failed(f"name {number}", f"10.0.{number}.1", now=0.0)
    with pytest.raises(Throttled):
        throttle.require_open("ana", "10.9.9.9", now=0.0)
    throttle.require_open("ana", "10.0.0.7", now=0.0)


def test_a_pair_that_logged_in_lately_is_held_back_by_its_own_failures_alone() -> None:
    throttle = LoginThrottle(failures=30)
    throttle.succeeded(*ANA, now=0.0)
    fail_with_new_names(throttle, 1000)
    throttle.require_open(*ANA, now=0.0)
    fail(throttle, FREE_FAILURES)
    with pytest.raises(Throttled):
        throttle.require_open(*ANA, now=0.0)


def test_what_is_known_of_a_pair_is_forgotten_after_a_week() -> None:
    throttle = LoginThrottle()
    assert throttle.standing(*ANA, now=0.0) == Standing.UNKNOWN
    throttle.succeeded(*ANA, now=0.0)
    assert throttle.standing(*ANA, now=0.0) == Standing.PAIR_KNOWN
    assert throttle.standing("bia", ANA[1], now=0.0) == Standing.ADDRESS_KNOWN
    assert throttle.standing("ana", "10.0.0.2", now=0.0) == Standing.UNKNOWN
    assert throttle.standing(*ANA, now=7 * 24 * 3600.0) == Standing.UNKNOWN
