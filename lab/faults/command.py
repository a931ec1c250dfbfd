"""The verbs that break things between nodes: `lab partition`, `cut`, `slow`, `flaky`, … and `disk-full`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from lab import settings
from lab.console import out, progress
from lab.errors import LabError
from lab.faults import gates
from lab.faults.kinds import CUT, FaultKind, LinkFault
from lab.faults.words import DEFAULT_LEASE_SECONDS, LONGEST_LEASE_SECONDS, Link, links_between, spoken
from lab.networks import network
from lab.networks.drivers import Driver, get_driver
from lab.networks.network import Network
from lab.nodes.client import NodeClient
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


def link_verb(kind: FaultKind) -> Callable[..., None]:
    """The verb that makes this kind of fault: two nodes, what the kind asks for, and what all kinds have."""
    own = [*signature(kind.settings, eval_str=True).parameters.values()]

    def verb(  # the command line fills in what the signature below says
        a: str, b: str, *, one_way: bool, lease: float, run_dir: Path, env_file: Path, **given: Any
    ) -> None:
        seed = given.pop("seed", None)
        fault = LinkFault(kind, kind.settings(**given), lease, seed)
        _break(links_between(a, b, one_way=one_way), fault, run_dir, env_file)

    parameters = [
        _parameter("a", Sender),
        _parameter("b", Receiver),
        *(one.replace(kind=Parameter.KEYWORD_ONLY) for one in own),
        _parameter("one_way", OneWay, False),
        _parameter("lease", Lease, DEFAULT_LEASE_SECONDS),
        *([_parameter("seed", Seed, None)] if kind.by_chance else []),
        _parameter("run_dir", RunDir, RUN_DIR),
        _parameter("env_file", EnvFile, ENV_FILE),
    ]
    verb.__doc__ = kind.settings.__doc__
    verb.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(verb)["__signature__"] = Signature(parameters)
    return verb


def _parameter(name: str, annotation: object, default: object = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


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
        _break(links, LinkFault(CUT), run_dir, env_file)
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
    out.print(f"{spoken(links)}: {fault.kind.name} for {_minutes(fault.lease_seconds)}, or until `make heal`")


def network_and_driver(run_dir: Path, env_file: Path) -> tuple[Network, Driver]:
    """The network kept in `run_dir`, and what runs it."""
    current = network.load(run_dir)
    return current, get_driver(current.driver, run_dir, env_file=env_file)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
