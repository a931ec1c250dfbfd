"""What the lab turns on a node for a while: the clock it reads, and how many events a batch holds."""

from dataclasses import dataclass

from app.runtime import Clock


@dataclass(frozen=True)
class Turned:
    """A knob that stands at `value` until `ends_at` (monotonic)."""

    value: float
    seconds: float
    ends_at: float


class Knob:
    """A number that counts while its lease runs, and not at all before and after."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turned: Turned | None = None

    @property
    def active(self) -> Turned | None:
        """How it stands; None where nobody turned it, or the lease is over."""
        if self._turned is not None and self._turned.ends_at <= self._clock.monotonic():
            self._turned = None
        return self._turned

    @property
    def value(self) -> float | None:
        """The number that counts now, or None."""
        return None if (turned := self.active) is None else turned.value

    def turn(self, value: float, *, seconds: float) -> None:
        """Let `value` count for so long, in place of another one."""
        self._turned = Turned(value, seconds, self._clock.monotonic() + seconds)

    def release(self) -> float | None:
        """End the lease. Returns the number that counted, or None."""
        value, self._turned = self.value, None
        return value


class SkewedClock:
    """A clock whose wall time the lab may shift. Pauses and leases are not changed by it."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self.skew = Knob(inner)

    def wall(self) -> float:
        return self._inner.wall() + (self.skew.value or 0.0)

    def monotonic(self) -> float:
        return self._inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
