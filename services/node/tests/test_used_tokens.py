"""A replica token is good for one request."""

from app.security.used_tokens import ReceiverClock, UsedTokens
from tests.support.virtual import VirtualClock


def take(used: UsedTokens, name: str, *, at: float, now: float | None = None, sender: str = "sul") -> bool:
    return used.use(sender, name.encode(), issued_at=at, ends_at=at + 60, now=at if now is None else now)


def test_a_token_is_taken_once() -> None:
    used = UsedTokens(["sul"])
    assert take(used, "a", at=100)
    assert not take(used, "a", at=100)
    assert take(used, "b", at=100)


def test_a_token_from_before_the_process_began_is_refused() -> None:
    used = UsedTokens(["sul"], began_at=lambda: 100.0)
    assert not take(used, "a", at=99.9)
    assert take(used, "b", at=100)


def test_what_was_forgotten_for_want_of_room_is_refused_with_all_that_is_as_old() -> None:
    used = UsedTokens(["sul", "norte"], most=2)
    assert take(used, "a", at=100)
    assert take(used, "b", at=101)
    assert take(used, "c", at=102)
    assert not take(used, "a", at=100, now=102)
    assert not take(used, "never seen", at=99, now=102)
    assert take(used, "d", at=103)
    assert take(used, "a", at=100, sender="norte")  # one sender's flood is no other's


def test_an_expired_token_makes_room_without_refusing_others() -> None:
    used = UsedTokens(["sul"], most=1)
    assert take(used, "a", at=100)
    assert take(used, "b", at=90, now=160)


def test_who_is_no_peer_takes_no_room() -> None:
    used = UsedTokens([], most=1)
    assert take(used, "a", at=100)
    assert take(used, "b", at=101)


def test_the_receivers_clock_goes_on_when_the_wall_clock_goes_back() -> None:
    class Jumping(VirtualClock):
        def wall(self) -> float:
            return 1_000.0 if self.monotonic() == 0.0 else 10.0

        def monotonic(self) -> float:
            return self.passed

        passed = 0.0

    clock = Jumping()
    receiver = ReceiverClock(clock)
    assert receiver.now() == 1_000.0
    clock.passed = 5.0
    assert receiver.now() == 1_005.0
    assert receiver.began_at() == 1_000.0
