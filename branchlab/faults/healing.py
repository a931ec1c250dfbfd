"""`./lab heal`: undoes every fault there is, or those of one node or one link."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption
from branchlab.console import out, working
from branchlab.errors import LabError
from branchlab.faults import gates
from branchlab.faults.command import Clients, network_and_driver, with_clients
from branchlab.faults.words import Link, links_between, spoken
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import Driver
from branchlab.networks.homes import secrets_fit
from branchlab.networks.network import Network
from branchlab.networks.status import StatusReader
from branchlab.nodes import convergence
from branchlab.nodes.contract import Status
from branchlab.options import ENV_FILE, RUN_DIR, Deadline, EnvFile, RunDir
from branchlab.settings import Secrets
from branchlab.steps import Tell


def heal(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NODE | A B]", help="One node, or the link between two; all when left out."),
    ] = None,
    *,
    deadline: Deadline = convergence.DEFAULT_DEADLINE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Undo every fault and wait until nothing is pending anywhere; safe to run twice."""
    network.load(run_dir)
    with working(_("healing: looking at the nodes…")) as tell:
        healed = _heal(what or (), run_dir, env_file, deadline, tell)
    out.print(healed)


def _heal(what: Sequence[str], run_dir: Path, env_file: Path, deadline: float, tell: Tell) -> str:
    """Undoes what is asked for; what was healed, in words."""
    current, driver = network_and_driver(run_dir, env_file, tell=tell)
    if what:
        return _heal_some(what, current, driver, run_dir, env_file)
    secrets = secrets_fit.read(run_dir, env_file)
    tell(_("healing: ending the faults of links and disks…"))
    _lift_all(driver, current, secrets)
    tell(_("healing: starting what is stopped, resuming what is paused…"))
    driver.heal()
    tell(_("healing: waiting until nothing is pending…"))
    interruption.run(_drain(driver, current, secrets, deadline, tell))
    return _("healed: every node is ready and nothing is pending")


def _heal_some(what: Sequence[str], current: Network, driver: Driver, run_dir: Path, env_file: Path) -> str:
    """Undoes the faults of one node, or of the link between two; what was healed, in words."""
    for name in what:
        current.node(name)
    if len(what) > 2:
        raise LabError(_("heal takes nothing (all faults), one node, or the two nodes of a link"))
    if len(what) == 2:
        links = links_between(*what, one_way=False)
        with_clients(what, lambda clients: gates.lift(clients, links), run_dir, env_file)
        return _("{links} is healed; other faults stay", links=spoken(links))
    (node,) = what
    _bring_back(driver, node)

    async def act(clients: Clients) -> None:
        await gates.lift_all({node: clients[node]})
        await gates.lift(clients, [Link(name, node) for name in clients if name != node])

    with_clients([node], act, run_dir, env_file)
    return _("{node} is healed; other faults stay", node=node)


def _lift_all(driver: Driver, current: Network, secrets: Secrets) -> None:
    """Ends the faults in the nodes' gates before anything waits for a node to be ready. The node may wait for
    a peer that a gate keeps away. A stopped node comes back without faults."""
    for node in current.names:
        if driver.state(node) == "paused":
            driver.resume(node)
    interruption.run(gates.lift_everywhere(current, secrets, state_of=driver.state))


def _bring_back(driver: Driver, node: str) -> None:
    if driver.state(node) == "paused":
        driver.resume(node)
    elif driver.state(node) == "stopped":
        driver.start(node)


async def _drain(driver: Driver, current: Network, secrets: Secrets, deadline: float, tell: Tell) -> None:
    async with StatusReader(current, secrets, state_of=driver.state) as reader:

        async def read() -> dict[str, Status | None]:
            return (await reader.read()).statuses

        await convergence.wait_clear(
            read, convergence.pending_obstacles, deadline_seconds=deadline, tell=tell
        )
