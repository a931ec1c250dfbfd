"""`./lab torture`: a network of its own, clients and faults for some minutes, healing, and the verdict."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption, settings
from branchlab.checking.run import Run, RunOutcome, begin, closing_line, new_name, new_tag
from branchlab.checking.runlog import RunLog, read_records
from branchlab.checking.runs import open_log
from branchlab.console import note, out, show, working
from branchlab.errors import LabError, NotInTimeError
from branchlab.faults import gates
from branchlab.language import _, shown
from branchlab.networks import network
from branchlab.networks.drivers import choose
from branchlab.networks.interrupted import until_interrupted
from branchlab.networks.network import UpOptions
from branchlab.networks.running import Running, network_of_its_own
from branchlab.nodes import convergence
from branchlab.nodes.convergence import NotConvergedError
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.steps import Step, Tell
from branchlab.teaching.torture import schedule
from branchlab.teaching.torture.nemesis import Nemesis
from branchlab.teaching.torture.sampler import sample
from branchlab.teaching.torture.shoppers import Shoppers
from branchlab.teaching.torture.timeline import timeline

MOST_MINUTES = 240.0
CLIENTS_PER_NODE = 3
SETTINGS = {"LAB_FAULTS": "1"}
DEFAULT_DIRECTORY = settings.ROOT / "build" / "torture"
_ANSWER_SECONDS = 8.0
_SHOWN_SECONDS = 1.0
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
    base_port: Annotated[int | None, typer.Option(help="The first node's port; else any free ones.")] = None,
    directory: Annotated[
        Path, typer.Option("--directory", help="Where the network and the run log are kept.")
    ] = DEFAULT_DIRECTORY,
) -> None:
    """Sell at every branch while all that can be broken is broken; heal, and judge by the log."""
    with working(_("looking for what can run the nodes…")):
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
    out.print(
        _(
            "torture: {minutes:g} min, seed {seed}, {nodes} nodes, driver {name}",
            minutes=minutes,
            seed=seed,
            nodes=nodes,
            name=name,
        )
    )
    with working(_("looking at the machine…")) as tell:
        outcome = run(options, tell=tell, note=note)
    show([*timeline(read_records(outcome.log)), *outcome.lines(), closing_line("TORTURE", [outcome])])
    raise typer.Exit(outcome.exit_code)


def run(options: Options, *, tell: Tell, note: Tell) -> RunOutcome:
    """Plays on a network of its own and always stops it, Ctrl-C included. Its run log stays, its data and
    node logs stay until the next run. `tell` gets what it waits for, `note` each fault that is made."""
    name, place = new_name("torture"), options.directory / options.driver
    wanted = UpOptions(nodes=options.nodes, policy="escrow", ports=options.ports, settings=SETTINGS)
    with (
        network_of_its_own(options.driver, place, wanted, run=name, tell=tell) as running,
        open_log(place, name) as log,
    ):
        return interruption.run(_play(options, running, log, tell=tell, note=note))


async def _play(options: Options, running: Running, log: RunLog, *, tell: Tell, note: Tell) -> RunOutcome:
    tag = new_tag("torture")
    async with begin(
        log,
        running.network,
        running.secrets,
        what="torture",
        run=tag,
        seed=options.seed,
        answer_seconds=_ANSWER_SECONDS,
        alone=running.alone,
        tell=tell,
    ) as under_way:
        shoppers = Shoppers(under_way.operations, options.seed, tag)
        nemesis = Nemesis(running.driver, shoppers, pace=running.pace, tell=until_interrupted(note))
        await _open_shop(under_way, shoppers)
        await _use_and_break(options, shoppers, nemesis, tell=tell)
        failures = await _heal(running, under_way, nemesis.unjudged)
        verdict = await under_way.conclude(deadline_seconds=0)
    failures += nemesis.failures
    failures += [
        _("a node answered {words} ({n} times)", words=words, n=n) for words, n in shoppers.strange.items()
    ]
    return RunOutcome(
        verdict=verdict,
        log=log.path,
        facts=tuple(_facts(nemesis)),
        failures=tuple(failures),
        unjudged=tuple(nemesis.unjudged),
    )


async def _open_shop(under_way: Run, shoppers: Shoppers) -> None:
    try:
        await under_way.look_around()
        await shoppers.open_shop(next(iter(under_way.operations.clients)))
        await under_way.converge()
    except (Refused, Unknown) as error:
        raise LabError(
            _("a node that nothing was done to yet does not do its part: {error}", error=error)
        ) from None


async def _use_and_break(options: Options, shoppers: Shoppers, nemesis: Nemesis, *, tell: Tell) -> None:
    """Clients and samples go on until the last fault is over."""
    over = asyncio.Event()
    operations = shoppers.operations
    assaults = schedule.plan(tuple(operations.clients), seconds=options.seconds, seed=options.seed)
    async with asyncio.TaskGroup() as group:
        group.create_task(shoppers.shop(over, each=options.clients))
        group.create_task(sample(operations.clients, operations.log, over))
        group.create_task(_show_time(over, options.seconds, nemesis, tell))
        try:
            await asyncio.gather(nemesis.rage(assaults), asyncio.sleep(options.seconds))
        finally:
            over.set()


async def _show_time(over: asyncio.Event, seconds: float, nemesis: Nemesis, tell: Tell) -> None:
    """How much of the time is over, and how many faults were made. The last faults may last beyond it."""
    began = time.monotonic()
    while not over.is_set():
        done = min(int(time.monotonic() - began), int(seconds))
        words = _(
            "selling while things break: {done} of {seconds:.0f} s, {made} faults made",
            done=done,
            seconds=seconds,
            made=nemesis.made.total(),
        )
        waits = "" if done < int(seconds) else _("; waiting for the last fault to end")
        tell(Step(words + waits, done=done, total=int(seconds), passing=done > 0))
        await asyncio.sleep(_SHOWN_SECONDS)


async def _heal(running: Running, under_way: Run, unjudged: list[str]) -> list[str]:
    """Undoes whatever is still broken, and waits until all agree with no help; what did not come about. What
    did not come about in time is added to `unjudged`."""
    failures = []
    try:
        under_way.tell(_("healing: ending the faults of links and disks…"))
        await gates.lift_everywhere(running.network, running.secrets, state_of=running.driver.state)
        under_way.tell(_("healing: starting what is stopped, resuming what is paused…"))
        await asyncio.to_thread(running.driver.heal)
    except NotInTimeError as error:
        unjudged.append(shown(error.args[0]))
    except LabError as error:
        failures.append(shown(error.args[0]))
    try:
        statuses = await under_way.converge(deadline_seconds=running.pace.patience(_DRAIN_SECONDS))
    except NotConvergedError as error:
        unjudged.append(_("the nodes did not agree {error}", error=error))
        return failures
    return [*failures, *left_broken(statuses)]


def left_broken(statuses: convergence.Statuses) -> list[str]:
    """A line for each node that has a fault yet after all was healed."""
    faults = {name: status.get("faults") for name, status in statuses.items() if status is not None}
    return [
        _("{name} still has faults: {left}", name=name, left=left)
        for name, left in faults.items()
        if left and (left["links"] or left["disk"])
    ]


def _facts(nemesis: Nemesis) -> list[str]:
    made, skipped = (
        ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or _("none")
        for counts in (nemesis.made, nemesis.skipped)
    )
    return [
        _("{n} faults: {made}", n=nemesis.made.total(), made=made),
        _("not made, since another one was in the way: {skipped}", skipped=skipped),
        _("{at_risk} orders were at risk when their disks were lost", at_risk=nemesis.at_risk),
    ]
