"""Admission control: whether a request may begin now, waits for its turn, or is refused at once. Pure.

The requests of one kind share a lane. Each lane has its own places, so a flood of one kind leaves the
others theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

LaneName = Literal["commands", "reads", "status", "replica"]
LANES: Sequence[LaneName] = get_args(LaneName)
Verdict = Literal["begin", "wait", "refuse"]

STRETCH = 4.0
"""How many times as long as alone a request may take in company, before others are refused for it."""

MOST_TOGETHER = 128  # requests of one lane; a group commit gains nothing from more
ASSUMED_SECONDS = 0.0025  # from one end to the next, until it was measured
LEAST_SECONDS = 0.0005
CALM_SECONDS = 0.2  # without a refusal, until a queue may form again
_QUICK, _STEADY, _SLOW = 1 / 4, 1 / 16, 1 / 32  # weights of a new measurement, in a running average
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
    for rights, for peers, or for a client that reads slowly. Further ones keep their places meanwhile."""

    together: int
    queue_seconds: float
    queue_bytes: int
    aside: int = 1000


@dataclass(frozen=True)
class Pace:
    """How fast a lane works, in seconds, measured while it works: `alone` is what a request takes by itself,
    `each` the time from one end to the next while the lane is full. None is not known yet."""

    alone: float | None = None
    each: float | None = None

    def took_alone(self, seconds: float) -> "Pace":
        """The pace after one more request by itself. It follows shorter times at once and longer ones slowly:
        some commands are slow by nature, and the places are for orders."""
        shorter = self.alone is not None and seconds < self.alone
        return Pace(_average(self.alone, seconds, weight=_QUICK if shorter else _SLOW), self.each)

    def ended_after(self, seconds: float) -> "Pace":
        """The pace after one more end in a full lane."""
        return Pace(self.alone, _average(self.each, seconds, weight=_STEADY))


@dataclass(frozen=True)
class Load:
    """What a lane holds now. `strained` says that a request was refused lately."""

    under_way: int
    waiting: int
    waiting_bytes: int
    strained: bool


def places(bounds: Bounds, pace: Pace) -> int:
    """How many requests may be under way at once: as many as end within STRETCH times the time that one takes
    alone. More would only wait, somewhere inside the node."""
    if pace.alone is None or pace.each is None or pace.each <= 0:
        return bounds.together
    return max(bounds.together, min(MOST_TOGETHER, int(STRETCH * pace.alone / pace.each)))


def judge(load: Load, bounds: Bounds, pace: Pace, *, size: int) -> Verdict:
    """Whether a request with a body of `size` bytes may begin.

    A short queue absorbs a burst. A queue that does not end is of no use: every request waits for all of it.
    So after a refusal no queue forms until none was needed for CALM_SECONDS.
    """
    room = places(bounds, pace)
    if load.under_way < room and not load.waiting:
        return "begin"
    each = ASSUMED_SECONDS if pace.each is None else max(pace.each, LEAST_SECONDS)
    too_long = (load.waiting + 1) * each > bounds.queue_seconds
    too_large = load.waiting_bytes + size > bounds.queue_bytes
    return "refuse" if load.strained or too_long or too_large else "wait"


def retry_after(chance: float) -> float:
    """After how many seconds a refused client may come again. `chance`, from 0 to 1, spreads those that were
    refused at the same time."""
    return 0.5 + chance


def _average(known: float | None, new: float, *, weight: float) -> float:
    return new if known is None else known + weight * (new - known)
