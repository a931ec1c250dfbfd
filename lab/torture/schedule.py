"""Which faults, where and when: decided by a seed before anything happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, get_args

from lab.faults.words import Link, links_between, spoken

NodeKind = Literal["kill", "stop", "pause", "fill", "wipe", "corrupt"]
LinkKind = Literal["cut", "slow", "flaky", "duplicate", "reorder"]
Kind = NodeKind | LinkKind
NODE_KINDS: tuple[NodeKind, ...] = get_args(NodeKind)
LINK_KINDS: tuple[LinkKind, ...] = get_args(LinkKind)
DISK_KINDS = ("wipe", "corrupt")  # after these a node comes back by itself, when it has what its peers have

# How often each comes, and for how many seconds.
_WEIGHTS: Mapping[Kind, float] = {
    **{"kill": 6, "stop": 2, "pause": 4, "fill": 2, "wipe": 1.5, "corrupt": 1.5},
    **{"cut": 4, "slow": 2, "flaky": 3, "duplicate": 2, "reorder": 2},
}
_SECONDS: Mapping[Kind, tuple[float, float]] = {
    **{"kill": (0.0, 3.0), "stop": (0.5, 8.0), "pause": (0.5, 12.0), "fill": (2.0, 6.0)},
    **{"wipe": (0.0, 0.0), "corrupt": (0.0, 0.0)},
    **dict.fromkeys(LINK_KINDS, (2.0, 15.0)),
}
_BETWEEN_SECONDS = 1.2  # on average
_CALM_AT_FIRST_SECONDS = 3.0
_CALM_AFTER_DISK_SECONDS = 15.0  # two disks at once may lose what both had: the promise is for one
_ONE_WAY = 0.4
_DELAYS = (0.05, 0.3, 1.0)  # seconds of a slow call


@dataclass(frozen=True)
class Assault:
    """One fault from `begins` to `ends`, in seconds since the start: of a node, or of links."""

    kind: Kind
    begins: float
    ends: float
    node: str | None = None
    links: tuple[Link, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    @property
    def target(self) -> str:
        """The node, or the links as they are spoken."""
        return self.node if self.node is not None else spoken([*self.links])


def plan(nodes: Sequence[str], *, seconds: float, seed: int) -> tuple[Assault, ...]:
    """Faults in the order in which they begin; all end before `seconds` are over, but for those that nodes
    recover from by themselves. No node has two faults at once, no link either, and the disks are lost one
    after the other. The same nodes, seconds and seed give the same schedule everywhere.
    """
    random = Random(seed)
    assaults: list[Assault] = []
    felt: list[Assault] = []  # those that one which begins now may still clash with
    now = _CALM_AT_FIRST_SECONDS
    while (now := now + random.expovariate(1 / _BETWEEN_SECONDS)) < seconds:
        assault = _draw(random, nodes, now)
        felt = [one for one in felt if now <= one.ends + _CALM_AFTER_DISK_SECONDS]
        fits = assault.ends < seconds and not any(_clash(one, assault) for one in felt)
        if assault.kind in DISK_KINDS:
            fits = fits and now + _CALM_AFTER_DISK_SECONDS < seconds
        if fits:
            assaults.append(assault)
            felt.append(assault)
    return tuple(assaults)


def _draw(random: Random, nodes: Sequence[str], now: float) -> Assault:
    kind = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    ends = now + random.uniform(*_SECONDS[kind])
    if kind in NODE_KINDS:
        return Assault(kind, now, ends, node=random.choice(nodes))
    one, other = random.sample(nodes, 2)
    links = links_between(one, other, one_way=random.random() < _ONE_WAY)
    settings = _settings(random, kind)
    return Assault(kind, now, ends, links=tuple(links), settings=settings, seed=random.getrandbits(31))


def _settings(random: Random, kind: Kind) -> dict[str, float]:
    if kind == "cut":
        return {"hang_seconds": random.choice((0.0, 0.0, 3.0))}
    if kind == "slow":
        delay = random.choice(_DELAYS)
        return {"delay_seconds": delay, "jitter_seconds": delay / 2}
    if kind == "flaky":
        return {"loss": random.choice((0.2, 0.5, 0.8))}
    if kind == "duplicate":
        return {"copies": random.randint(1, 3)}
    return {"chance": random.choice((0.3, 0.7))}


def _clash(one: Assault, later: Assault) -> bool:
    """Whether the later one begins too early for what the earlier one broke."""
    if one.kind in DISK_KINDS and later.kind in DISK_KINDS:
        return later.begins < one.ends + _CALM_AFTER_DISK_SECONDS
    same = (one.node is not None and one.node == later.node) or not {*one.links}.isdisjoint(later.links)
    return same and later.begins <= one.ends
