"""The verbs that break things between nodes: `lab partition`, `cut`, `slow`, `flaky`, … and `disk-full`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab import network, settings
from lab.client import NodeClient
from lab.console import out, progress
from lab.drivers import Driver, get_driver
from lab.errors import LabError
from lab.faults import gates
from lab.faults.words import (
    DEFAULT_LEASE_SECONDS,
    LONGEST_LEASE_SECONDS,
    Link,
    LinkFault,
    links_between,
    parse_delay,
    parse_share,
    spoken,
)
from lab.network import Network
from lab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir

Clients = Mapping[str, NodeClient]
Sender = Annotated[str, typer.Argument(metavar="A", help="A node's name, such as matriz.")]
Receiver = Annotated[str, typer.Argument(metavar="B", help="Another node's name.")]
OneWay = Annotated[bool, typer.Option("--one-way", help="Only what A sends to B.")]
Lease = Annotated[
    float,
    typer.Option("--lease", min=1, max=LONGEST_LEASE_SECONDS, help="Seconds until it ends by itself."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Decides what it leaves to chance.")]


def cut(
    a: Sender,
    b: Receiver,
    *,
    one_way: OneWay = False,
    hang: Annotated[float, typer.Option(min=0, max=60, help="Seconds a call hangs before it fails.")] = 0,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Cut the link between two nodes; both go on and stay reachable from here."""
    fault = LinkFault("cut", {"hang_seconds": hang}, lease)
    _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)


def slow(
    a: Sender,
    b: Receiver,
    delay: Annotated[str, typer.Argument(metavar="DELAY", help="Such as 800ms or 800ms±200.")],
    *,
    one_way: OneWay = False,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    seed: Seed = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Slow the link between two nodes down: every call takes that much longer."""
    fault = LinkFault("slow", parse_delay(delay), lease, seed)
    _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)


def flaky(
    a: Sender,
    b: Receiver,
    loss: Annotated[str, typer.Argument(metavar="LOSS", help="Such as 30%.")],
    *,
    one_way: OneWay = False,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    seed: Seed = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Lose that share of the calls between two nodes: half of them before they arrive, half after."""
    fault = LinkFault("flaky", {"loss": parse_share(loss)}, lease, seed)
    _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)


def duplicate(
    a: Sender,
    b: Receiver,
    *,
    copies: Annotated[int, typer.Option(min=1, max=10, help="How many more times each call arrives.")] = 1,
    one_way: OneWay = False,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let every call between two nodes arrive more than once."""
    fault = LinkFault("duplicate", {"copies": copies}, lease)
    _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)


def reorder(
    a: Sender,
    b: Receiver,
    share: Annotated[str, typer.Argument(metavar="SHARE", help="Of how many calls, such as 50%.")] = "50%",
    *,
    one_way: OneWay = False,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    seed: Seed = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let calls between two nodes overtake each other."""
    fault = LinkFault("reorder", {"chance": parse_share(share)}, lease, seed)
    _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)


def disk_full(
    node: Node,
    *,
    heal: Annotated[bool, typer.Option("--heal", help="Give the disk its room again.")] = False,
    lease: Lease = DEFAULT_LEASE_SECONDS,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let a node's disk be full: it answers 507 to what needs more room, and reads on."""

    async def act(clients: Clients) -> None:
        if heal:
            await gates.empty_disk(clients[node])
        else:
            await gates.fill_disk(clients[node], lease_seconds=lease)

    with_clients([node], act, run_dir, env_file)
    if heal:
        out.print(f"the disk of {node} has room again")
    else:
        out.print(f"the disk of {node} is full for {_minutes(lease)}, or until `make heal`")


def partition(
    node: Node,
    fault: Annotated[
        str, typer.Option(help="pause (it hangs), stop (it refuses) or cut (its links; it sells on).")
    ] = "pause",
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Take a branch off the network: pause or stop its node, or cut all its links."""
    if fault not in ("pause", "stop", "cut"):
        raise LabError(f"there is no fault '{fault}' for a node; the faults are pause, stop, cut")
    current, driver = network_and_driver(run_dir, env_file)
    others = current.peers(node)
    if fault == "cut":
        links = [link for other in others for link in links_between(node, other.name, one_way=False)]
        _break(links, LinkFault("cut"), run_dir, env_file)
        return
    (driver.pause if fault == "pause" else driver.stop)(node)
    out.print(f"{node} is {driver.state(node)}")
    out.print("undo it with `make heal`")


def with_clients(
    needed: Sequence[str], act: Callable[[Clients], Awaitable[None]], run_dir: Path, env_file: Path
) -> None:
    """Calls `act` with a client for each node that answers. LabError when one that is needed does not."""
    current, driver = network_and_driver(run_dir, env_file)
    for name in needed:
        current.node(name)

    async def run() -> None:
        secrets = settings.load_or_create(env_file)
        async with gates.open_clients(current, secrets, state_of=driver.state) as clients:
            for name in needed:
                if name not in clients:
                    raise LabError(f"{name} is {driver.state(name)} and does not answer; try `make heal`")
            await act(clients)

    asyncio.run(run())


def _break(links: list[Link], fault: LinkFault, run_dir: Path, env_file: Path) -> None:
    current = network.load(run_dir)
    for link in links:
        if current.node(link.sender) == current.node(link.receiver):
            raise LabError("a link is between two different nodes")
    needed = list(dict.fromkeys(link.sender for link in links))
    with progress.status("waiting for the fault to be felt…"):
        with_clients(needed, lambda clients: gates.make(clients, links, fault), run_dir, env_file)
    out.print(f"{spoken(links)}: {fault.kind} for {_minutes(fault.lease_seconds)}, or until `make heal`")


def network_and_driver(run_dir: Path, env_file: Path) -> tuple[Network, Driver]:
    """The network kept in `run_dir`, and what runs it."""
    current = network.load(run_dir)
    return current, get_driver(current.driver, run_dir, env_file=env_file)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
