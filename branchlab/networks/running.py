"""The network that a verb works on: the one that is up, or one it starts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from branchlab import interruption, settings
from branchlab.console import note
from branchlab.language import _
from branchlab.networks import lease, network
from branchlab.networks.drivers import Driver, get_driver
from branchlab.networks.homes import folder, secrets_fit
from branchlab.networks.interrupted import say_cleaning, until_interrupted
from branchlab.networks.network import Network, UpOptions
from branchlab.networks.pace import Pace
from branchlab.networks.ports import find_free
from branchlab.settings import Secrets
from branchlab.steps import Tell, silent


@dataclass(frozen=True)
class Running:
    """A network that is up. `started` says whether this program started any of it, `alone` that nobody else
    can log in to it. The `pace` is measured by the driver's verbs."""

    driver: Driver
    network: Network
    secrets: Secrets
    started: bool
    pace: Pace = field(default_factory=Pace)
    alone: bool = False


def find_or_start(
    driver_name: str,
    run_dir: Path,
    env_file: Path,
    *,
    ports: tuple[int, ...] | None,
    starting: Callable[[str], None],
    tell: Tell,
    implementation: str | None = None,
) -> Running:
    """The network kept in `run_dir` as it is when all its nodes run, else after `up` with that driver.

    `starting` is told the driver's name before anything is started, `tell` what takes a while; `ports` are
    those of a network that is started. LabError as from `up`.
    """
    pace = Pace()
    folder.become_own(run_dir, env_file, note)
    if (existing := network.find(run_dir)) is not None:
        network.refuse_another(existing, implementation)
    driver = pace.watch(get_driver(driver_name, run_dir, env_file=env_file, tell=until_interrupted(tell)))
    if existing is not None and existing.driver == driver.name and not at_fault(driver, existing):
        return Running(driver, existing, secrets_fit.read(run_dir, env_file), started=False, pace=pace)
    starting(driver.name)
    with undone_if_interrupted(driver, run_dir):
        wanted = None if existing is not None else ports
        started = driver.up(UpOptions(ports=wanted, implementation=implementation))
    return Running(driver, started, secrets_fit.read(run_dir, env_file), started=True, pace=pace)


def at_fault(driver: Driver, current: Network) -> bool:
    """Whether any member does not run."""
    return any(driver.state(node.name) != "running" for node in current.members)


@contextmanager
def undone_if_interrupted(driver: Driver, run_dir: Path) -> Iterator[None]:
    """Starts nodes in the block. Ctrl-C stops those that did not run before it."""
    existing = network.find(run_dir)
    before = [name for name in existing.names if driver.state(name) != "stopped"] if existing else []
    try:
        yield
    except KeyboardInterrupt:
        say_cleaning()
        if (present := network.find(run_dir)) is not None:
            for name in present.names:
                if name not in before:
                    driver.stop(name)
        raise


def undo_faults(running: Running) -> None:
    """Brings back every node that does not run. Ctrl-C is heeded after it. LabError when a node does not come
    back."""
    with interruption.shielded():
        if at_fault(running.driver, running.network):
            say_cleaning()
            running.driver.heal()


@contextmanager
def network_of_its_own(
    driver_name: str,
    directory: Path,
    wanted: UpOptions,
    *,
    run: str,
    keeps_data: bool = True,
    tell: Tell = silent,
) -> Iterator[Running]:
    """A fresh network under `directory` for the run of that name alone. It is stopped at the end in any case,
    also after Ctrl-C. With `keeps_data` its data and logs stay until the next network there."""
    env_file = directory / "env"
    pace = Pace()
    tell = until_interrupted(tell)
    with lease.held(directory, run), interruption.heeded():
        interruption.note_place(directory)
        folder.remove_copied(directory / "network", env_file, note)
        driver = pace.watch(get_driver(driver_name, directory / "network", env_file=env_file, tell=tell))
        try:
            tell(_("clearing away the network of the last run…"))
            driver.clean()
            tell(_("starting a network for this run alone (driver {name})…", name=driver.name))
            ports = wanted.ports or find_free(wanted.nodes or network.DEFAULT_NODES)
            started = driver.up(replace(wanted, ports=ports))
            secrets = settings.load(env_file)
            yield Running(driver, started, secrets, started=True, pace=pace, alone=True)
        finally:
            with interruption.shielded():
                say_cleaning()
                tell(_("stopping the nodes…"))
                driver.down() if keeps_data else driver.clean()
