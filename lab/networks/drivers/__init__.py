"""How the nodes of a network are run. Every driver has the same verbs; `get_driver` picks one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import settings
from lab.errors import LabError
from lab.networks import network
from lab.networks.drivers import compose_command
from lab.networks.drivers.base import Driver, NodeState
from lab.networks.drivers.compose import ComposeDriver
from lab.networks.drivers.docker import docker_answers
from lab.networks.drivers.process import ProcessDriver

__all__ = ["Choice", "Driver", "NodeState", "choose", "get_driver"]

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
        raise LabError(f"there is no driver '{name}'; the drivers are {', '.join(DRIVER_NAMES)}")
    existing = network.find(run_dir)
    if existing is not None and existing.driver not in DRIVER_NAMES:
        raise LabError(
            f"{run_dir} belongs to a driver '{existing.driver}' that is not here; run `make down clean`"
        )
    if name != "auto":
        return Choice(name, "as asked")
    if existing is not None:
        return Choice(existing.driver, "as before")
    return _best_here()


def _best_here() -> Choice:
    if not docker_answers():
        return Choice("process", "no Docker daemon answers")
    try:
        compose_command.find()
    except LabError:
        return Choice("process", "Docker answers, but there is no Compose 1.29 or later")
    return Choice("compose", "a Docker daemon answers")


def get_driver(
    name: str,
    run_dir: Path,
    *,
    env_file: Path = settings.DEFAULT_ENV_FILE,
    tell: Callable[[str], None] = lambda _line: None,
) -> Driver:
    """The driver that `choose` names. `tell` gets a line whenever something begins that takes a while."""
    if choose(name, run_dir).name == ComposeDriver.name:
        return ComposeDriver(run_dir, env_file=env_file, tell=tell)
    return ProcessDriver(run_dir, env_file=env_file, tell=tell)
