"""How the nodes of a network are run. Every driver has the same verbs; `get_driver` picks one."""

from pathlib import Path

from lab import network, settings
from lab.drivers.base import Driver, NodeState
from lab.drivers.process import ProcessDriver
from lab.errors import LabError

__all__ = ["Driver", "NodeState", "get_driver"]

DRIVER_NAMES = ("auto", "process")


def get_driver(name: str, run_dir: Path, *, env_file: Path = settings.DEFAULT_ENV_FILE) -> Driver:
    """The driver called `name` for the network kept in `run_dir`.

    `auto` is the driver of the network that is there already, else the best one this machine can run.
    """
    if name not in DRIVER_NAMES:
        raise LabError(f"there is no driver '{name}'; the drivers are {', '.join(DRIVER_NAMES)}")
    existing = network.find(run_dir)
    if existing is not None and existing.driver not in DRIVER_NAMES:
        raise LabError(
            f"{run_dir} belongs to a driver '{existing.driver}' that is not here; run `make down clean`"
        )
    return ProcessDriver(run_dir, env_file=env_file)
