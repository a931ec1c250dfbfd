"""`lab heal`: undoes every fault there is, or those of one node or one link."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab import settings
from lab.console import out, progress
from lab.errors import LabError
from lab.faults import gates
from lab.faults.command import Clients, network_and_driver, with_clients
from lab.faults.words import Link, links_between, spoken
from lab.networks.drivers import Driver
from lab.networks.network import Network
from lab.networks.status import StatusReader
from lab.nodes import convergence
from lab.nodes.contract import Status
from lab.options import ENV_FILE, RUN_DIR, Deadline, EnvFile, RunDir


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
    current, driver = network_and_driver(run_dir, env_file)
    with progress.status("healing…"):
        if what:
            out.print(_heal_some(what, current, driver, run_dir, env_file))
            return
        _lift_all(driver, current, env_file)
        driver.heal()
        asyncio.run(_drain(driver, current, env_file, deadline))
    out.print("healed: every node is ready and nothing is pending")


def _heal_some(what: Sequence[str], current: Network, driver: Driver, run_dir: Path, env_file: Path) -> str:
    """Undoes the faults of one node, or of the link between two; what was healed, in words."""
    for name in what:
        current.node(name)
    if len(what) > 2:
        raise LabError("heal takes nothing (all faults), one node, or the two nodes of a link")
    if len(what) == 2:
        links = links_between(*what, one_way=False)
        with_clients(what, lambda clients: gates.lift(clients, links), run_dir, env_file)
        return f"{spoken(links)} is healed; other faults stay"
    (node,) = what
    _bring_back(driver, node)

    async def act(clients: Clients) -> None:
        await gates.lift_all({node: clients[node]})
        await gates.lift(clients, [Link(name, node) for name in clients if name != node])

    with_clients([node], act, run_dir, env_file)
    return f"{node} is healed; other faults stay"


def _lift_all(driver: Driver, current: Network, env_file: Path) -> None:
    """Ends the faults in the nodes' gates before anything waits for a node to be ready. The node may wait for
    a peer that a gate keeps away. A stopped node comes back without faults."""
    for node in current.names:
        if driver.state(node) == "paused":
            driver.resume(node)
    secrets = settings.load_or_create(env_file)
    asyncio.run(gates.lift_everywhere(current, secrets, state_of=driver.state))


def _bring_back(driver: Driver, node: str) -> None:
    if driver.state(node) == "paused":
        driver.resume(node)
    elif driver.state(node) == "stopped":
        driver.start(node)


async def _drain(driver: Driver, current: Network, env_file: Path, deadline: float) -> None:
    secrets = settings.load_or_create(env_file)
    async with StatusReader(current, secrets, state_of=driver.state) as reader:

        async def read() -> dict[str, Status | None]:
            return (await reader.read()).statuses

        await convergence.wait_clear(read, convergence.pending_obstacles, deadline_seconds=deadline)
