"""Admission control: whether a request may begin now, waits for its turn, or is refused at once. Pure.

The requests of one kind share a lane. Each lane has its own places, so a flood of one kind leaves the
others theirs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from app.domain.values import value

LaneName = Literal["commands", "reads", "status", "replica"]
LANES: Sequence[LaneName] = get_args(LaneName)
Verdict = Literal["begin", "wait", "refuse"]

STRETCH = 4.0
"""How many times as long as alone a request may take in company, before others are refused for it."""

MOST_TOGETHER = 128  # requests of one lane; a group commit gains nothing from more
LEAST_TOGETHER = 32
"""How many may be under way in any case while others are refused, if `Bounds.together` allows so many."""

KEPT_PACE = 0.92
"""Which share of its full pace a lane keeps when it lets fewer begin together because others are refused."""

FEW_REFUSED, MANY_REFUSED = 0.01, 0.10
"""Between these shares of those who come, refusals take places from a lane: none up to the first one, all
that they may take from the second one on."""

QUEUED_SECONDS = 0.0025  # for so long each one in the queue counts at least: it holds twenty of a quick lane
CALM_SECONDS = 0.2  # without a refusal, until a queue may form again
_QUICK, _STEADY, _SLOW = 1 / 4, 1 / 4, 1 / 32  # weights of a new measurement, in a running average
_LATELY = 1 / 64  # the same, of one more request among those that come
FULL_SECONDS = 0.1  # for how long a lane is watched at least, between two measurements of its pace
LONG_QUEUE = 16
"""From this place on the wait of one request alone tells the pace of a queue; nearer to the front, less."""

_FREE = ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/problems/", "/faults", "/auth/login")


def lane_of(method: str, path: str) -> LaneName | None:
    """The lane of a request. None for what never waits here: a few bytes from memory, the lab's own faults,
    and logging in, which has a lane of its own at the door."""
    if path.startswith("/replica/"):
        return "replica"
    if path == "/" or path.startswith(_FREE):
        return None
    if path == "/status":
        return "status"
    return "reads" if method in ("GET", "HEAD") else "commands"


@dataclass(frozen=True)
class Bounds:
    """What a lane may hold: requests under way, `together` in any case, and requests that wait, by the time
    that they have to wait and by the bytes of their bodies. Up to `aside` requests wait for somebody else:
    for rights, for peers, or for a client that reads slowly. Further ones keep their places meanwhile.

    With `stands` a queue forms also while others are refused, up to the same bounds, and its pace is that of
    those who went through it. Who was let in is served even if it takes twice as long as was thought."""

    together: int
    queue_seconds: float
    queue_bytes: int
    aside: int = 1000
    stands: bool = False

    @property
    def longest_wait(self) -> float:
        """For how long a request waits in the queue before it is refused after all, in seconds."""
        return 2 * self.queue_seconds if self.stands else self.queue_seconds


@dataclass(frozen=True)
class Pace:
    """How fast a lane works, in seconds, measured while it works: `alone` is what a request takes by itself,
    `each` the time from one end to the next while the lane is full, with `group` of them at a time. None is
    not known yet."""

    alone: float | None = None
    each: float | None = None
    group: float = 1.0

    def took_alone(self, seconds: float) -> "Pace":
        """The pace after one more request by itself. It follows shorter times at once and longer ones slowly:
        some commands are slow by nature, and the places are for orders."""
        shorter = self.alone is not None and seconds < self.alone
        alone = _average(self.alone, seconds, weight=_QUICK if shorter else _SLOW)
        return replace(self, alone=alone)

    def ended_after(self, seconds: float, *, under_way: int) -> "Pace":
        """The pace after another while in which the lane was full: `seconds` from one end to the next.
        Half of those under way are in the writer, while the other half comes together."""
        group = under_way / 2 if self.each is None else _average(self.group, under_way / 2, weight=_STEADY)
        return replace(self, each=_average(self.each, seconds, weight=_STEADY), group=max(1.0, group))


@value(frozen=True, slots=True)
class Load:
    """What a lane holds now. `strained` says that a request was refused lately, `refused` which share of
    those who came lately was; 0 for a lane that is not strained. `turn` is what each in a queue that stands
    takes lately, in seconds; None is not known."""

    under_way: int
    waiting: int
    waiting_bytes: int
    strained: bool
    refused: float = 0.0
    turn: float | None = None


def places(bounds: Bounds, pace: Pace, *, refused: float = 0.0) -> int:
    """How many requests may be under way at once: as many as end within STRETCH times the time that one takes
    alone. More would only wait, somewhere inside the node.

    The more of those who come are refused, the fewer begin together: a lane that is always full gains little
    from a longer wait inside it, and each request pays for it. A share from FEW_REFUSED to MANY_REFUSED moves
    the places down to those that keep KEPT_PACE. So a load that the larger number can bear finds it again.
    """
    if pace.alone is None or pace.each is None or pace.each <= 0:
        return bounds.together
    most = max(bounds.together, min(MOST_TOGETHER, int(STRETCH * pace.alone / pace.each)))
    fewest = min(most, max(LEAST_TOGETHER, _fewest(pace.alone, pace.each, pace.group, most=most)))
    strain = (refused - FEW_REFUSED) / (MANY_REFUSED - FEW_REFUSED)
    return most - int((most - fewest) * min(1.0, max(0.0, strain)))


def _fewest(alone: float, each: float, group: float, *, most: int) -> int:
    """How many under way end at KEPT_PACE of the pace that `most` reach. A group of `n` takes
    `fixed + n * member`: `alone` is that for one, `each` an `n`th of that for `group`. Half of those under
    way are such a group."""
    if group <= 1.0 or alone <= each:
        return 0  # company saves nothing
    fixed = (alone - each) / (1 - 1 / group)
    member = max(0.0, alone - fixed)
    kept = KEPT_PACE * most / (2 * fixed + member * most)  # ends a second
    return math.ceil(2 * fixed * kept / (1 - kept * member))


def judge(load: Load, bounds: Bounds, pace: Pace, *, size: int) -> Verdict:
    """Whether a request with a body of `size` bytes may begin.

    A short queue absorbs a burst. A queue that does not end is of no use to orders: each waits for all of it.
    After a refusal no queue forms until none was needed for CALM_SECONDS. Those who come again at once then
    find each place that is free, and others find none. Where all should rather wait for their turn, the queue
    `stands`.
    """
    room = places(bounds, pace, refused=load.refused)
    if load.under_way < room and not load.waiting:
        return "begin"
    each = max((load.turn if bounds.stands else pace.each) or 0.0, QUEUED_SECONDS)
    too_long = (load.waiting + 1) * each > bounds.queue_seconds
    too_large = load.waiting_bytes + size > bounds.queue_bytes
    may_queue = bounds.stands or not load.strained
    return "wait" if may_queue and not too_long and not too_large else "refuse"


def turn_after(known: float | None, waited: float, *, position: int) -> float:
    """What each in a queue takes, after one more went through it in so many seconds from this position: 1 is
    its front. The longer the queue was, the more that tells."""
    return _average(known, waited / position, weight=min(1.0, position / LONG_QUEUE))


def retry_after(chance: float) -> float:
    """After how many seconds a refused client may come again. `chance`, from 0 to 1, spreads those that were
    refused at the same time."""
    return 0.5 + chance


def share_after(known: float, *, refused: bool) -> float:
    """The share of those who are refused, after one more came."""
    return _average(known, float(refused), weight=_LATELY)


def _average(known: float | None, new: float, *, weight: float) -> float:
    return new if known is None else known + weight * (new - known)
