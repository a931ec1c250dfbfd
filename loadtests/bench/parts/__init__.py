"""The parts of `make bench`; each measures some of the ratios, in rounds in which the rivals take turns."""

from loadtests.bench.parts import (
    dead,
    drain,
    grants,
    lag,
    large,
    orders,
    peers,
    rebuilding,
    refusals,
    simulation,
)
from loadtests.bench.parts.part import Part

ALL: tuple[Part, ...] = (
    orders.PART,
    peers.PART,
    grants.PART,
    lag.PART,
    drain.PART,
    large.PART,
    dead.PART,
    rebuilding.PART,
    refusals.PART,
    simulation.PART,
)
