"""Every bug, by theme."""

from types import ModuleType

from tests.teeth.bug import Bug
from tests.teeth.bugs import (
    admins,
    altered,
    clones,
    conflicts,
    delivery,
    door,
    drift,
    durability,
    liars,
    lives,
    lying_histories,
    members,
    mirror,
    overload,
    parked,
    reception,
    rights,
    strictness,
    versions,
)

THEMES: tuple[ModuleType, ...] = (
    durability,
    delivery,
    reception,
    parked,
    rights,
    mirror,
    lives,
    clones,
    members,
    versions,
    liars,
    lying_histories,
    overload,
    conflicts,
    admins,
    altered,
    drift,
    door,
    strictness,
)

BUGS: dict[str, Bug] = {
    found.name: found for theme in THEMES for found in vars(theme).values() if isinstance(found, Bug)
}
"""By name, in the order in which they are written down."""
