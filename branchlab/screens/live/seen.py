"""Which faults the nodes show that nobody told the room of, and which are over although nobody said so.

Whoever types `./lab cut` beside the room writes no log. So what lasts at the nodes for a moment gets a band
of its own, and a band ends when the nodes show the fault no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from branchlab.checking.timeline.model import Band
from branchlab.faults.kinds import BY_NAME
from branchlab.networks.drivers import NodeState
from branchlab.nodes.contract import Status

SETTLE_SECONDS = 1.5
"""For so long a difference must last: whoever makes a fault writes it down a moment before or after."""

_OF_STATE: Mapping[NodeState, str] = {"stopped": "stop", "paused": "pause"}
_MEAN_STOPPED = ("stop", "kill", "pause")


@dataclass(frozen=True)
class Shown:
    """A fault as nodes show it, by its name and target in a run log."""

    fault: str
    target: str


def shown_by(states: Mapping[str, NodeState], statuses: Mapping[str, Status | None]) -> set[Shown]:
    """The faults that states and statuses tell of."""
    found = {Shown(_OF_STATE[state], node) for node, state in states.items() if state in _OF_STATE}
    for node, status in statuses.items():
        faults = status.get("faults") if status is not None else None
        if faults is None:
            continue
        found |= {Shown(link["kind"], f"{node}→{link['peer']}") for link in faults["links"]}
        if faults["disk"] is not None:
            found.add(Shown("fill", node))
    return found


def covers(band: Band, shown: Shown) -> bool:
    """Whether a band of the log accounts for what is shown."""
    if shown.fault in BY_NAME:
        sender, _, receiver = shown.target.partition("→")
        return band.fault == shown.fault and (sender, receiver) in band.links
    if shown.target != band.target:
        return False
    if shown.fault in ("stop", "pause"):
        return band.fault in (*_MEAN_STOPPED, "wipe", "restore", "corrupt")
    return band.fault == shown.fault


def is_over(band: Band, shown: Iterable[Shown], unknown: set[str]) -> bool:
    """Whether a band that is open lasts at no node any more. A node of which nothing is known proves
    nothing; a node that lost its disk is looked after by whoever took it."""
    if band.fault in BY_NAME:
        senders = {sender for sender, _ in band.links}
        return not (senders & unknown) and not any(covers(band, one) for one in shown)
    if band.fault not in (*_MEAN_STOPPED, "fill") or band.target in unknown:
        return False
    return not any(covers(band, one) for one in shown)


@dataclass
class Watcher:
    """Tells differences that last."""

    _since: dict[object, float] = field(default_factory=dict)

    def differences(
        self, now: float, bands: Iterable[Band], shown: set[Shown], unknown: set[str]
    ) -> tuple[list[Shown], list[Band]]:
        """What is shown and has no band, and which open bands are over."""
        opened = [band for band in bands if band.healed is None]
        new = [one for one in shown if not any(covers(band, one) for band in opened)]
        over = [band for band in opened if band.active is not None and is_over(band, shown, unknown)]
        keys: dict[object, Shown | Band] = {**{one: one for one in new}, **{one.id: one for one in over}}
        self._since = {key: self._since.get(key, now) for key in keys}
        lasting = [one for key, one in keys.items() if now - self._since[key] >= SETTLE_SECONDS]
        return (
            [one for one in lasting if isinstance(one, Shown)],
            [one for one in lasting if isinstance(one, Band)],
        )
