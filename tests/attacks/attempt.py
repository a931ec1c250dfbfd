"""One attempt at breaking a network, and what came of it."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tests.attacks.arena import Arena


@dataclass(frozen=True)
class Finding:
    """What an attempt came to: in one short line, and whether the network held."""

    held: bool
    got: str


class Ground(NamedTuple):
    """The network that an attempt needs. Attempts in a row on equal ground share one network."""

    driver: Literal["process", "compose"]
    nodes: int
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Attempt:
    """An attack, named by what the attacker does, with what must come of it.

    `run` gets a network whose nodes are ready. It stops by itself, and leaves nothing of its own running.
    `alone` asks for a network that no other attempt used, or will use. `settings` are those of all nodes.
    """

    name: str
    expected: str
    run: Callable[[Arena], Coroutine[Any, Any, Finding]]
    nodes: int = 3
    settings: Mapping[str, str] = field(default_factory=dict)
    driver: Literal["process", "compose"] = "process"
    alone: bool = False

    @property
    def ground(self) -> Ground:
        return Ground(self.driver, self.nodes, tuple(sorted(self.settings.items())))


def in_runs(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """The attempts in their order, cut into runs that can share a network."""
    runs: list[list[Attempt]] = []
    for attempt in attempts:
        last = runs[-1][-1] if runs else None
        if last is not None and not (attempt.alone or last.alone) and last.ground == attempt.ground:
            runs[-1].append(attempt)
        else:
            runs.append([attempt])
    return runs
