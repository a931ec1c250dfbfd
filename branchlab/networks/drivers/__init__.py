"""How the nodes of a network are run. Every driver has the same verbs; `get_driver` picks one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import compose_command
from branchlab.networks.drivers.base import STATE_WORDS, Driver, NodeState
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import why_silent
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.homes import folder

__all__ = ["STATE_WORDS", "Choice", "Driver", "NodeState", "choose", "get_driver"]

DRIVER_NAMES = ("auto", "compose", "process")


@dataclass(frozen=True)
class Choice:
    """A driver's name, and why it is that one."""

    name: str
    reason: str


def choose(name: str, run_dir: Path) -> Choice:
    """The driver called `name` for the network kept in `run_dir`.

    `auto` is the driver of the network that is there already, else compose when a Docker daemon answers,
    else process. LabError for a name that is none.
    """
    if name not in DRIVER_NAMES:
        raise LabError(
            _(
                "there is no driver '{name}'; the drivers are {driver_names}",
                name=name,
                driver_names=", ".join(DRIVER_NAMES),
            )
        )
    existing = network.find(run_dir)
    if existing is not None and existing.driver not in DRIVER_NAMES:
        raise LabError(
            _(
                "{run_dir} belongs to a driver '{driver}' that is not here; run `make down clean`",
                run_dir=run_dir,
                driver=existing.driver,
            )
        )
    if name != "auto":
        return Choice(name, _("as asked"))
    if existing is not None:
        return Choice(existing.driver, _("as before"))
    return _best_here()


def _best_here() -> Choice:
    if (silent := why_silent()) is not None:
        return Choice("process", silent)
    try:
        compose_command.find()
    except LabError:
        return Choice("process", _("Docker answers, but there is no Compose 1.29 or later"))
    return Choice("compose", _("a Docker daemon answers"))


def get_driver(
    name: str,
    run_dir: Path,
    *,
    env_file: Path = settings.DEFAULT_ENV_FILE,
    tell: Callable[[str], None] = lambda _line: None,
) -> Driver:
    """The driver that `choose` names. `tell` gets a line whenever something begins that takes a while.
    LabError where the network described in `run_dir` belongs to another folder."""
    folder.require_own(run_dir)
    if choose(name, run_dir).name == ComposeDriver.name:
        return ComposeDriver(run_dir, env_file=env_file, tell=tell)
    return ProcessDriver(run_dir, env_file=env_file, tell=tell)
