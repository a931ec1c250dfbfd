"""Every bug, by theme."""

from types import ModuleType

from tests.teeth.bug import Bug
from tests.teeth.bugs import (
    altered,
    clones,
    conflicts,
    delivery,
    drift,
    durability,
    lives,
    members,
    parked,
    reception,
    rights,
)

THEMES: tuple[ModuleType, ...] = (
    durability,
    delivery,
    reception,
    parked,
    rights,
    lives,
    clones,
    members,
    conflicts,
    altered,
    drift,
)

BUGS: dict[str, Bug] = {
    found.name: found for theme in THEMES for found in vars(theme).values() if isinstance(found, Bug)
}
"""By name, in the order in which they are written down."""
