"""The faults of links: one table. The verbs, the schedule of a torture and what nodes receive derive from
it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Annotated

import typer

from branchlab.faults.words import DEFAULT_LEASE_SECONDS, parse_delay, parse_share
from branchlab.nodes.contract import LinkProbe

Settings = Mapping[str, float]
"""The settings of a fault by the names and units of the nodes' API."""

_OF_THE_LAB = "the lab"  # begins what a node's gate reports instead of a peer's answer


def _is_lost(_settings: Settings, probe: LinkProbe) -> bool:
    return str(probe["error"]).startswith(_OF_THE_LAB)


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault, by its name in the nodes' API.

    settings   makes its settings of what a person writes; its parameters and its docstring are the verb's
    draw       its settings where a torture makes it
    weight     how often a torture makes it, beside the other faults
    by_chance  whether a seed decides anything, so that the verb takes one
    is_felt    whether a probe that met the fault fared as it should
    """

    name: str
    settings: Callable[..., Settings]
    draw: Callable[[Random], Settings]
    weight: float
    by_chance: bool = False
    is_felt: Callable[[Settings, LinkProbe], bool] = _is_lost


@dataclass(frozen=True)
class LinkFault:
    """What is done to the calls on a link. `seed` decides what is left to chance; with None the node draws
    one."""

    kind: FaultKind
    settings: Settings = field(default_factory=dict)
    lease_seconds: float = DEFAULT_LEASE_SECONDS
    seed: int | None = None


def _cut(
    *, hang: Annotated[float, typer.Option(min=0, max=60, help="Seconds a call hangs before it fails.")] = 0
) -> Settings:
    """Cut the link between two nodes; both go on and stay reachable from here."""
    return {"hang_seconds": hang}


def _slow(
    delay: Annotated[str, typer.Argument(metavar="DELAY", help="Such as 800ms or 800ms±200.")],
) -> Settings:
    """Slow the link between two nodes down: every call takes that much longer."""
    return parse_delay(delay)


def _draw_slow(random: Random) -> Settings:
    delay = random.choice((0.05, 0.3, 1.0))
    return {"delay_seconds": delay, "jitter_seconds": delay / 2}


def _is_late(settings: Settings, probe: LinkProbe) -> bool:
    return probe["seconds"] >= settings["delay_seconds"] - settings["jitter_seconds"]


def _flaky(loss: Annotated[str, typer.Argument(metavar="LOSS", help="Such as 30%.")]) -> Settings:
    """Lose that share of the calls between two nodes: half of them before they arrive, half after."""
    return {"loss": parse_share(loss)}


def _duplicate(
    *,
    copies: Annotated[int, typer.Option(min=1, max=10, help="How many more times each call arrives.")] = 1,
) -> Settings:
    """Let every call between two nodes arrive more than once."""
    return {"copies": copies}


def _reorder(
    share: Annotated[str, typer.Argument(metavar="SHARE", help="Of how many calls, such as 50%.")] = "50%",
) -> Settings:
    """Let calls between two nodes overtake each other."""
    return {"chance": parse_share(share)}


CUT = FaultKind("cut", _cut, lambda random: {"hang_seconds": random.choice((0.0, 0.0, 3.0))}, weight=4)

KINDS: tuple[FaultKind, ...] = (
    CUT,
    FaultKind("slow", _slow, _draw_slow, weight=2, by_chance=True, is_felt=_is_late),
    FaultKind(
        "flaky", _flaky, lambda random: {"loss": random.choice((0.2, 0.5, 0.8))}, weight=3, by_chance=True
    ),
    FaultKind(
        "duplicate",
        _duplicate,
        lambda random: {"copies": random.randint(1, 3)},
        weight=2,
        is_felt=lambda _settings, _probe: True,  # its calls are answered as ever
    ),
    FaultKind(
        "reorder", _reorder, lambda random: {"chance": random.choice((0.3, 0.7))}, weight=2, by_chance=True
    ),
)

BY_NAME: Mapping[str, FaultKind] = {kind.name: kind for kind in KINDS}
