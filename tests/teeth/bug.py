"""What a planted bug is: a name, how to plant it, the promise it breaks, and what is known to catch it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

Plant = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Simulated:
    """Random histories catch it. `seed` is one that did; those after it are tried too, because another
    history is drawn for a seed as soon as the simulator changes. `wipes` loses disks in them, and with
    `liars` one member lies."""

    seed: int = 1
    wipes: bool = False
    liars: bool = False


@dataclass(frozen=True)
class Checked(Simulated):
    """The checker of real networks catches it, from the run log of a random history that goes on to its end
    whatever the simulation's own observer sees."""


@dataclass(frozen=True)
class Directed:
    """A test of the node catches it: `history` takes fixtures by name, and these `arguments`."""

    history: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Survived:
    """A drift of our own software, which every node may carry at once: no test keeps it out, so the network
    has to survive it. `history` plays it, raises for a broken promise, and returns what an alarm says that
    names table and bucket. Without the drift there is no such alarm, unless the history itself alters
    rows."""

    history: Callable[..., Any]
    alters: bool = False


Catcher = Simulated | Checked | Directed | Survived


@dataclass(frozen=True)
class Bug:
    """A bug that can be planted: `with bug.plant():` makes it part of every node of this process."""

    plant: Plant
    breaks: str
    catcher: Catcher

    @property
    def name(self) -> str:
        return self.plant.__name__


def bug(breaks: str, catcher: Catcher) -> Callable[[Plant], Bug]:
    """Make a bug of the function that plants it; `breaks` is the promise, in words."""
    return lambda plant: Bug(plant, breaks, catcher)
