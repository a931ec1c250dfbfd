"""The faults of a link, made on purpose: one small class per kind, all of one shape.

A class declares all there is to a fault: its settings with their limits, its words, and what it does to a
call. The API derives its shapes from that (app.api.schemas.faults).

`carry` gets a way to pass the call on (`send`), its caller's patience, and `Means`. It returns the peer's
answer or raises Unreachable, as a real network would. Times are in seconds, chances between 0 and 1.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from functools import partial
from random import Random
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field

from app.runtime import Clock
from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable

LONGEST_DELAY_SECONDS = 60.0

Delay = Annotated[float, Field(ge=0, le=LONGEST_DELAY_SECONDS)]
Chance = Annotated[float, Field(ge=0.001, le=1)]
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


class LinkFault(Protocol):
    """A fault of one link. Its fields are its settings, in the names and units of the API."""

    kind: ClassVar[str]

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        """Let one call meet the fault. Returns the peer's answer, or raises Unreachable."""


@dataclass(frozen=True)
class Cut:
    """No call arrives: it fails at once, or hangs `hang_seconds` first, as far as its sender waits."""

    kind: ClassVar[str] = "cut"
    hang_seconds: Delay = 0.0

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        if self.hang_seconds > 0:
            await means.clock.sleep(min(self.hang_seconds, patience))
        raise Unreachable("the lab cut this link")


@dataclass(frozen=True)
class Flaky:
    """The share `loss` of the calls fails: half of those never arrive, of the others the answer is lost."""

    kind: ClassVar[str] = "flaky"
    loss: Chance

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        if means.random.random() >= self.loss:
            return await send(patience)
        means.hit()
        if means.random.random() < 0.5:
            await send(patience)
        raise Unreachable("the lab lost this message")


@dataclass(frozen=True)
class Slow:
    """Each call takes `delay_seconds` ± `jitter_seconds` longer."""

    kind: ClassVar[str] = "slow"
    delay_seconds: Delay
    jitter_seconds: Delay = 0.0

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        delay = max(0.0, self.delay_seconds + means.random.uniform(-self.jitter_seconds, self.jitter_seconds))
        if delay < patience:
            await means.clock.sleep(delay)
            return await send(patience - delay)
        await means.clock.sleep(patience)
        # Its sender gives up, but the call still arrives: on a real slow link, too.
        means.later(partial(_after, means.clock, delay - patience, partial(send, patience)))
        raise Unreachable("the lab's slow link took longer than the sender waits")


@dataclass
class Reorder:
    """With the chance `chance` a call is held back until the next has passed, `hold_seconds` at most."""

    kind: ClassVar[str] = "reorder"
    chance: Chance = 0.5
    hold_seconds: Delay = 2.0
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
    """Each call that was answered arrives `copies` more times."""

    kind: ClassVar[str] = "duplicate"
    copies: Annotated[int, Field(ge=1, le=10)] = 1

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        answer = await send(patience)
        means.hit()
        for _ in range(self.copies):
            means.later(partial(send, patience))
        return answer


FAULTS: tuple[type[LinkFault], ...] = (Cut, Slow, Flaky, Duplicate, Reorder)
"""Every fault, in the order in which the API names them."""

ORDER = ("cut", "flaky", "slow", "reorder", "duplicate")
"""The order in which a call meets the faults of a link."""


def setting_names(fault: LinkFault | type[LinkFault]) -> tuple[str, ...]:
    """The names of a fault's settings."""
    declared: Any = fault
    return tuple(each.name for each in fields(declared) if not each.name.startswith("_"))


def settings_of(fault: LinkFault) -> dict[str, float]:
    """A fault's settings by name."""
    return {name: getattr(fault, name) for name in setting_names(fault)}


async def _after(clock: Clock, seconds: float, call: Late) -> None:
    await clock.sleep(seconds)
    await call()
