"""Which faults, where and when: decided by a seed before anything happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from branchlab.faults.kinds import BY_NAME, KINDS
from branchlab.faults.words import Link, links_between, spoken


@dataclass(frozen=True)
class NodeFault:
    """How often a fault of a node comes, beside the others, and for how many seconds."""

    weight: float
    seconds: tuple[float, float] = (0.0, 0.0)


NODE_FAULTS: Mapping[str, NodeFault] = {
    "kill": NodeFault(6, (0.0, 3.0)),
    "stop": NodeFault(2, (0.5, 8.0)),
    "pause": NodeFault(4, (0.5, 12.0)),
    "fill": NodeFault(2, (2.0, 6.0)),
    "wipe": NodeFault(1.5),
    "corrupt": NodeFault(1.5),
}
DISK_KINDS = ("wipe", "corrupt")  # after these a node comes back by itself, when it has what its peers have
_LINK_SECONDS = (2.0, 15.0)
_WEIGHTS: Mapping[str, float] = {
    **{name: fault.weight for name, fault in NODE_FAULTS.items()},
    **{kind.name: kind.weight for kind in KINDS},
}
_BETWEEN_SECONDS = 1.2  # on average
_CALM_AT_FIRST_SECONDS = 3.0
_CALM_AFTER_DISK_SECONDS = 15.0  # two disks at once may lose what both had: the promise is for one
_ONE_WAY = 0.4


@dataclass(frozen=True)
class Assault:
    """One fault from `begins` to `ends`, in seconds since the start: of a node, or of links."""

    kind: str
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
    if kind in NODE_FAULTS:
        ends = now + random.uniform(*NODE_FAULTS[kind].seconds)
        return Assault(kind, now, ends, node=random.choice(nodes))
    ends = now + random.uniform(*_LINK_SECONDS)
    one, other = random.sample(nodes, 2)
    links = links_between(one, other, one_way=random.random() < _ONE_WAY)
    settings = BY_NAME[kind].draw(random)
    return Assault(kind, now, ends, links=tuple(links), settings=settings, seed=random.getrandbits(31))


def _clash(one: Assault, later: Assault) -> bool:
    """Whether the later one begins too early for what the earlier one broke."""
    if one.kind in DISK_KINDS and later.kind in DISK_KINDS:
        return later.begins < one.ends + _CALM_AFTER_DISK_SECONDS
    same = (one.node is not None and one.node == later.node) or not {*one.links}.isdisjoint(later.links)
    return same and later.begins <= one.ends
