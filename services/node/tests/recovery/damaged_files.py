"""Files that are damaged, and the nodes that hold them."""

from collections.abc import Callable
from pathlib import Path

from tests.recovery.damage import PAGE, Damage, zeroed
from tests.recovery.trial import NAMES, Trial

NOISE = b"\xa5"


def flip_bits(path: Path) -> None:
    """All pages but the first are noise."""
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(NOISE * (path.stat().st_size - PAGE))


zero_a_page = zeroed("orders")


async def sold_by_all(trial: Trial, *names: str) -> None:
    """Nodes that had as many units each and sold one; three of them unless others are named."""
    await trial.stocked(*names, at="matriz", units=15, share="equal")
    for name in names or NAMES:
        await trial.sell(name)
    await trial.converged()


async def damage_at_rest(trial: Trial, *names: str, damage: Damage = zero_a_page) -> None:
    """Stop nodes, damage their files, and start them again."""
    await trial.stop(*names)
    for name in names:
        damage(trial.company.path(name))
    for name in names:
        await trial.start(name, ready=False)


def waits_for(trial: Trial, reason: str, *names: str) -> Callable[[], bool]:
    return lambda: all(trial[name].readiness.reason == reason for name in names)
