"""The faults of a link, made on purpose: one small class per kind, all of one shape.

`carry` gets a way to pass the call on (`send`), its caller's patience, and `Means`. It returns the peer's
answer or raises Unreachable, as a real network would. Times are in seconds, chances between 0 and 1.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from functools import partial
from random import Random
from typing import ClassVar, Literal

from app.runtime import Clock
from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable

Kind = Literal["cut", "flaky", "slow", "reorder", "duplicate"]
Send = Callable[[float], Awaitable[Response]]
"""Passes the call on, with so many seconds of patience."""

Late = Callable[[], Awaitable[object]]
"""A call whose caller no longer waits for it."""


@dataclass(frozen=True)
class Means:
    """The tools of a fault. `hit` counts a call that the fault changed; `later` makes a late call."""

    clock: Clock
    random: Random
    hit: Callable[[], None]
    later: Callable[[Late], None]


@dataclass(frozen=True)
class Cut:
    """No call arrives. The caller gets an error at once, or after hanging for at most `hang_seconds`."""

    kind: ClassVar[Kind] = "cut"
    hang_seconds: float = 0.0

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        if self.hang_seconds > 0:
            await means.clock.sleep(min(self.hang_seconds, patience))
        raise Unreachable("the lab cut this link")


@dataclass(frozen=True)
class Flaky:
    """Of all calls, the share `loss` fails at once. Half of these never arrive; the others arrive, but their
    answers are lost. So the sender cannot know whether a call arrived."""

    kind: ClassVar[Kind] = "flaky"
    loss: float

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        if means.random.random() >= self.loss:
            return await send(patience)
        means.hit()
        if means.random.random() < 0.5:
            await send(patience)
        raise Unreachable("the lab lost this message")


@dataclass(frozen=True)
class Slow:
    """A call takes `delay_seconds` ± `jitter_seconds` longer. If its caller gives up, it still arrives,
    late."""

    kind: ClassVar[Kind] = "slow"
    delay_seconds: float
    jitter_seconds: float = 0.0

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        delay = max(0.0, self.delay_seconds + means.random.uniform(-self.jitter_seconds, self.jitter_seconds))
        if delay < patience:
            await means.clock.sleep(delay)
            return await send(patience - delay)
        await means.clock.sleep(patience)
        means.later(partial(_after, means.clock, delay - patience, partial(send, patience)))
        raise Unreachable("the lab's slow link took longer than the sender waits")


@dataclass
class Reorder:
    """At most one call is held back at a time, each with the chance `chance`. It fails for its caller, and
    arrives after the next call, or after `hold_seconds` if none comes."""

    kind: ClassVar[Kind] = "reorder"
    chance: float = 0.5
    hold_seconds: float = 2.0
    _held: Late | None = field(default=None, repr=False)

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        if self._held is None and means.random.random() < self.chance:
            means.hit()
            self._held = held = partial(send, patience)
            means.later(partial(self._release_after, held, means))
            raise Unreachable("the lab holds this message back")
        try:
            return await send(patience)
        finally:
            self._release(means)

    def _release(self, means: Means) -> None:
        held, self._held = self._held, None
        if held is not None:
            means.later(held)

    async def _release_after(self, held: Late, means: Means) -> None:
        await means.clock.sleep(self.hold_seconds)
        if self._held is held:
            self._held = None
            await held()


@dataclass(frozen=True)
class Duplicate:
    """Every answered call arrives `copies` more times; the answers to the copies are lost."""

    kind: ClassVar[Kind] = "duplicate"
    copies: int = 1

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        answer = await send(patience)
        means.hit()
        for _ in range(self.copies):
            means.later(partial(send, patience))
        return answer


LinkFault = Cut | Flaky | Slow | Reorder | Duplicate
ORDER: tuple[Kind, ...] = ("cut", "flaky", "slow", "reorder", "duplicate")
"""The order in which a call meets the faults of a link."""


def settings_of(fault: LinkFault) -> dict[str, float]:
    """A fault's settings by name."""
    named = (each.name for each in fields(fault))
    return {name: getattr(fault, name) for name in named if not name.startswith("_")}


async def _after(clock: Clock, seconds: float, call: Late) -> None:
    await clock.sleep(seconds)
    await call()
