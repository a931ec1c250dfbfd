"""How long events take from the branch that wrote them to each peer, from samples of the nodes' heads.

A head says how many events of a life a node has. An event is taken for written when its own branch was first
sampled with it, and for arrived when the peer was: so a lag is as exact as the samples are frequent.
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_WINDOW_SECONDS = 5.0


class Arrival(NamedTuple):
    """So many events arrived at a peer, each so long after it was written."""

    at: float
    seconds: float
    events: int


@dataclass
class _Written:
    """The heads of one life by samples of its own branch: which was first seen when."""

    moments: list[float] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)

    def add(self, at: float, head: int) -> None:
        if not self.heads or head > self.heads[-1]:
            self.moments.append(at)
            self.heads.append(head)

    def forget_up_to(self, head: int) -> None:
        """Leaves out what every peer has, but for the last of it: it says where the next event begins."""
        place = bisect_right(self.heads, head) - 1
        if place > 0:
            del self.heads[:place], self.moments[:place]


class Lags:
    """The arrivals of the last seconds, and their p50 and p99."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = defaultdict(_Written)
        self._known: dict[str, dict[str, int]] = defaultdict(dict)  # life → peer → head
        self._recent: deque[Arrival] = deque()

    def add(self, node: str, at: float, heads: dict[str, int]) -> list[Arrival]:
        """Takes in the heads that a node showed; returns what had arrived there since it was asked last."""
        arrived: list[Arrival] = []
        for life, head in heads.items():
            if life.partition("@")[0] == node:
                self._written[life].add(at, head)
                continue
            known = self._known[life]
            if node in known and head > known[node]:
                arrived += self._arrivals(life, known[node], head, at)
            known[node] = head
            self._written[life].forget_up_to(min(known.values()))
        self._recent.extend(arrived)
        while self._recent and self._recent[0].at < at - _WINDOW_SECONDS:
            self._recent.popleft()
        return arrived

    def percentiles(self) -> tuple[float | None, float | None]:
        """p50 and p99 in seconds over the last seconds' arrivals; None where nothing arrived."""
        return percentile(self._recent, 0.50), percentile(self._recent, 0.99)

    def _arrivals(self, life: str, before: int, head: int, at: float) -> list[Arrival]:
        written = self._written[life]
        arrived = []
        for place in range(1, len(written.heads)):
            first, last = written.heads[place - 1], written.heads[place]
            events = min(last, head) - max(first, before)
            if events > 0:
                arrived.append(Arrival(at, at - written.moments[place], events))
        unseen = head - max(written.heads[-1], before) if written.heads else 0
        if unseen > 0:  # it arrived before its own branch was asked again
            arrived.append(Arrival(at, 0.0, unseen))
        return arrived


def percentile(arrivals: Sequence[Arrival] | deque[Arrival], share: float) -> float | None:
    """The lag that this share of all events did not exceed; None for no event."""
    total = sum(arrival.events for arrival in arrivals)
    reached = 0
    for arrival in sorted(arrivals, key=lambda one: one.seconds):
        reached += arrival.events
        if reached >= share * total:
            return arrival.seconds
    return None
