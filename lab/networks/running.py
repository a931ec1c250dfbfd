"""The network that a verb works on: the one that is up, or one it starts."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab import settings
from lab.errors import LabError
from lab.interruption import terminate_as_interrupt, uninterrupted
from lab.networks import network
from lab.networks.drivers import Driver, get_driver
from lab.networks.network import Network, UpOptions
from lab.networks.ports import find_free
from lab.settings import Secrets


@dataclass(frozen=True)
class Running:
    """A network that is up. `started` says whether this program started any of it."""

    driver: Driver
    network: Network
    secrets: Secrets
    started: bool


def find_or_start(
    driver_name: str,
    run_dir: Path,
    env_file: Path,
    *,
    ports: tuple[int, ...] | None,
    starting: Callable[[str], None],
    tell: Callable[[str], None],
) -> Running:
    """The network kept in `run_dir` as it is when all its nodes run, else after `up` with that driver.

    `starting` is told the driver's name before anything is started, `tell` what takes a while; `ports` are
    those of a network that is started. LabError as from `up`.
    """
    driver = get_driver(driver_name, run_dir, env_file=env_file, tell=tell)
    existing = network.find(run_dir)
    if existing is not None and existing.driver == driver.name and not at_fault(driver, existing):
        return Running(driver, existing, settings.load_or_create(env_file), started=False)
    starting(driver.name)
    started = driver.up(UpOptions(ports=None if existing is not None else ports))
    return Running(driver, started, settings.load_or_create(env_file), started=True)


def at_fault(driver: Driver, current: Network) -> bool:
    """Whether any member does not run."""
    return any(driver.state(node.name) != "running" for node in current.members)


def undo_faults(running: Running, *, undoing: Callable[[], None]) -> None:
    """Brings back every node that does not run. `undoing` is called first if there is any. A second Ctrl-C
    cannot stop it. LabError when a node does not come back."""
    with uninterrupted():
        if at_fault(running.driver, running.network):
            undoing()
            running.driver.heal()


@contextmanager
def keep_to_one(directory: Path) -> Iterator[None]:
    """Reserves `directory` for this run; LabError while another run uses it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:  # the system lets go of it however this process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"something is being played in {directory} now; wait for its end") from None
        yield


@contextmanager
def network_of_its_own(
    driver_name: str,
    directory: Path,
    wanted: UpOptions,
    *,
    keeps_data: bool = True,
    tell: Callable[[str], None] = lambda _line: None,
) -> Iterator[Running]:
    """A fresh network under `directory` for this run alone. It is stopped at the end in any case, also after
    Ctrl-C. With `keeps_data` its data and logs stay until the next network there."""
    env_file = directory / "env"
    driver = get_driver(driver_name, directory / "network", env_file=env_file, tell=tell)
    with keep_to_one(directory), terminate_as_interrupt():
        try:
            driver.clean()
            ports = wanted.ports or find_free(wanted.nodes or network.DEFAULT_NODES)
            started = driver.up(replace(wanted, ports=ports))
            yield Running(driver, started, settings.load_or_create(env_file), started=True)
        finally:
            with uninterrupted():
                driver.down() if keeps_data else driver.clean()
