"""The verbs that break things between nodes: `./lab partition`, `cut`, `slow`, `flaky`, … and `disk-full`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from branchlab import interruption
from branchlab.console import out, working
from branchlab.errors import LabError
from branchlab.faults import gates
from branchlab.faults.kinds import CUT, FaultKind, LinkFault
from branchlab.faults.words import DEFAULT_LEASE_SECONDS, LONGEST_LEASE_SECONDS, Link, links_between, spoken
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import STATE_WORDS, Driver, get_driver
from branchlab.networks.homes import secrets_fit
from branchlab.networks.implementation import require
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Node, RunDir
from branchlab.steps import Tell, silent

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
    require(network.load(run_dir), "disk", "disk-full")

    async def act(clients: Clients) -> None:
        if heal:
            await gates.empty_disk(clients[node])
        else:
            await gates.fill_disk(clients[node], lease_seconds=lease)

    with_clients([node], act, run_dir, env_file)
    if heal:
        out.print(_("the disk of {node} has room again", node=node))
    else:
        out.print(
            _(
                "the disk of {node} is full for {minutes}, or until `make heal`",
                node=node,
                minutes=_minutes(lease),
            )
        )


def partition(
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="A node's name; the last branch when not given.")
    ] = None,
    fault: Annotated[
        str, typer.Option(help="pause (it hangs), stop (it refuses) or cut (its links; it sells on).")
    ] = "pause",
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Take a branch off the network: pause or stop its node, or cut all its links."""
    if fault not in ("pause", "stop", "cut"):
        raise LabError(
            _("there is no fault '{fault}' for a node; the faults are pause, stop, cut", fault=fault)
        )
    current, driver = network_and_driver(run_dir, env_file)
    node = current.members[-1].name if node is None else node
    others = current.peers(node)
    if fault == "cut":
        links = [link for other in others for link in links_between(node, other.name, one_way=False)]
        _break(links, LinkFault(CUT), run_dir, env_file)
        return
    (driver.pause if fault == "pause" else driver.stop)(node)
    out.print(_("{node} is {state}", node=node, state=_(STATE_WORDS[driver.state(node)])))
    out.print(_("undo it with `make heal`"))


def with_clients(
    needed: Sequence[str], act: Callable[[Clients], Awaitable[None]], run_dir: Path, env_file: Path
) -> None:
    """Calls `act` with a client for each node that answers. LabError when one that is needed does not."""
    current, driver = network_and_driver(run_dir, env_file)
    for name in needed:
        current.node(name)

    async def run() -> None:
        secrets = secrets_fit.read(run_dir, env_file)
        async with gates.open_clients(current, secrets, state_of=driver.state) as clients:
            for name in needed:
                if name not in clients:
                    raise LabError(
                        _(
                            "{name} is {state} and does not answer; try `make heal`",
                            name=name,
                            state=_(STATE_WORDS[driver.state(name)]),
                        )
                    )
            await act(clients)

    interruption.run(run())


def _break(links: list[Link], fault: LinkFault, run_dir: Path, env_file: Path) -> None:
    current = network.load(run_dir)
    require(current, "links", fault.kind.name)
    for link in links:
        if current.node(link.sender) == current.node(link.receiver):
            raise LabError(_("a link is between two different nodes"))
    needed = list(dict.fromkeys(link.sender for link in links))
    with working(_("waiting until calls on {links} feel the fault…", links=spoken(links))):
        with_clients(needed, lambda clients: gates.make(clients, links, fault), run_dir, env_file)
    out.print(
        _(
            "{links}: {name} for {minutes}, or until `make heal`",
            links=spoken(links),
            name=fault.kind.name,
            minutes=_minutes(fault.lease_seconds),
        )
    )


def network_and_driver(run_dir: Path, env_file: Path, *, tell: Tell = silent) -> tuple[Network, Driver]:
    """The network kept in `run_dir`, and what runs it; `tell` gets what the driver waits for."""
    current = network.load(run_dir)
    return current, get_driver(current.driver, run_dir, env_file=env_file, tell=tell)


def _minutes(seconds: float) -> str:
    return (
        _("{seconds:g} min", seconds=seconds / 60) if seconds >= 60 else _("{seconds:g} s", seconds=seconds)
    )
