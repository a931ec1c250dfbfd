"""`lab torture`: a network of its own, clients and faults for some minutes, healing, and the verdict."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lab import settings
from lab.checking.run import LOG_NAME, Run, RunOutcome, begin, new_tag
from lab.checking.runlog import RunLog, read_records
from lab.console import Tell, note, out, show
from lab.errors import LabError
from lab.faults import gates
from lab.networks import network
from lab.networks.drivers import choose
from lab.networks.network import UpOptions
from lab.networks.running import Running, network_of_its_own
from lab.nodes import convergence
from lab.nodes.convergence import NotConvergedError
from lab.nodes.outcome import Refused, Unknown
from lab.teaching.torture import schedule
from lab.teaching.torture.nemesis import Nemesis
from lab.teaching.torture.sampler import sample
from lab.teaching.torture.shoppers import Shoppers
from lab.teaching.torture.timeline import timeline

MOST_MINUTES = 240.0
CLIENTS_PER_NODE = 3
SETTINGS = {"LAB_FAULTS": "1"}
DEFAULT_DIRECTORY = settings.ROOT / "build" / "torture"
_ANSWER_SECONDS = 8.0
_DRAIN_SECONDS = 180.0  # back-offs of half a minute included


@dataclass(frozen=True)
class Options:
    """What a torture is asked for; the driver's name is a driver's, no longer `auto`."""

    seconds: float
    seed: int
    driver: str
    nodes: int = network.DEFAULT_NODES
    ports: tuple[int, ...] | None = None
    clients: int = CLIENTS_PER_NODE
    directory: Path = DEFAULT_DIRECTORY


def torture(
    *,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=MOST_MINUTES, help="How long; then all is healed and judged.")
    ] = 3.0,
    seed: Annotated[int, typer.Option(help="Decides which faults come when, and what the clients do.")] = 1,
    nodes: Annotated[
        int, typer.Option(min=network.FEWEST_NODES, max=network.MOST_NODES, help="How many branches.")
    ] = network.DEFAULT_NODES,
    driver: Annotated[str, typer.Option(help="compose, process or auto.")] = "auto",
    clients: Annotated[int, typer.Option(min=1, max=50, help="At each branch.")] = CLIENTS_PER_NODE,
    base_port: Annotated[
        int | None, typer.Option(envvar="BASE_PORT", help="The first node's port; else any free ones.")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--directory", help="Where the network and the run log are kept.")
    ] = DEFAULT_DIRECTORY,
) -> None:
    """Sell at every branch while all that can be broken is broken; heal, and judge by the log."""
    name = choose(driver, directory / driver / "network").name
    options = Options(
        seconds=minutes * 60,
        seed=seed,
        driver=name,
        nodes=nodes,
        ports=None if base_port is None else network.ports_from(base_port),
        clients=clients,
        directory=directory,
    )
    out.print(f"torture: {minutes:g} min, seed {seed}, {nodes} nodes, driver {name}")
    outcome = run(options, tell=note)
    show([*timeline(read_records(outcome.log)), *outcome.lines()])
    raise typer.Exit(outcome.exit_code)


def run(options: Options, *, tell: Tell) -> RunOutcome:
    """Plays on a network of its own and always stops it, Ctrl-C included; its data, node logs and run log
    stay until the next run."""
    place = options.directory / options.driver
    wanted = UpOptions(nodes=options.nodes, policy="escrow", ports=options.ports, settings=SETTINGS)
    with (
        network_of_its_own(options.driver, place, wanted, tell=tell) as running,
        RunLog(place / LOG_NAME) as log,
    ):
        return asyncio.run(_play(options, running, log, tell=tell))


async def _play(options: Options, running: Running, log: RunLog, *, tell: Tell) -> RunOutcome:
    tag = new_tag("torture")
    async with begin(
        log,
        running.network,
        running.secrets,
        what="torture",
        run=tag,
        seed=options.seed,
        answer_seconds=_ANSWER_SECONDS,
    ) as under_way:
        shoppers = Shoppers(under_way.operations, options.seed, tag)
        nemesis = Nemesis(running.driver, shoppers, tell=tell)
        await _open_shop(under_way, shoppers)
        await _use_and_break(options, shoppers, nemesis)
        tell("healing…")
        failures = [*nemesis.failures, *await _heal(running, under_way)]
        tell("reading every node…")
        verdict = await under_way.conclude(deadline_seconds=0)
    failures += [f"a node answered {words} ({n} times)" for words, n in shoppers.strange.items()]
    return RunOutcome(verdict=verdict, log=log.path, facts=tuple(_facts(nemesis)), failures=tuple(failures))


async def _open_shop(under_way: Run, shoppers: Shoppers) -> None:
    try:
        await under_way.look_around()
        await shoppers.open_shop(next(iter(under_way.operations.clients)))
        await under_way.converge()
    except (Refused, Unknown) as error:
        raise LabError(f"a node that nothing was done to yet does not do its part: {error}") from None


async def _use_and_break(options: Options, shoppers: Shoppers, nemesis: Nemesis) -> None:
    """Clients and samples go on until the last fault is over."""
    over = asyncio.Event()
    operations = shoppers.operations
    assaults = schedule.plan(tuple(operations.clients), seconds=options.seconds, seed=options.seed)
    async with asyncio.TaskGroup() as group:
        group.create_task(shoppers.shop(over, each=options.clients))
        group.create_task(sample(operations.clients, operations.log, over))
        try:
            await asyncio.gather(nemesis.rage(assaults), asyncio.sleep(options.seconds))
        finally:
            over.set()


async def _heal(running: Running, under_way: Run) -> list[str]:
    """Undoes whatever is still broken, and waits until all agree with no help; what did not come about."""
    failures = []
    try:
        await gates.lift_everywhere(running.network, running.secrets, state_of=running.driver.state)
        await asyncio.to_thread(running.driver.heal)
    except LabError as error:
        failures.append(str(error))
    try:
        statuses = await under_way.converge(deadline_seconds=_DRAIN_SECONDS)
    except NotConvergedError as error:
        return [*failures, f"the nodes did not agree {error}"]
    return [*failures, *left_broken(statuses)]


def left_broken(statuses: convergence.Statuses) -> list[str]:
    """A line for each node that has a fault yet after all was healed."""
    faults = {name: status.get("faults") for name, status in statuses.items() if status is not None}
    return [
        f"{name} still has faults: {left}"
        for name, left in faults.items()
        if left and (left["links"] or left["disk"])
    ]


def _facts(nemesis: Nemesis) -> list[str]:
    made, skipped = (
        ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"
        for counts in (nemesis.made, nemesis.skipped)
    )
    return [
        f"{nemesis.made.total()} faults: {made}",
        f"not made, since another one was in the way: {skipped}",
        f"{nemesis.at_risk} orders were at risk when their disks were lost",
    ]
