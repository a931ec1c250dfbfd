"""`./lab demo`: a minute in which a branch is cut off, and `./lab demo-data`: the orders it is made of."""

from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption, settings
from branchlab.checking.run import new_name
from branchlab.checking.runs import open_log, shown_path
from branchlab.console import out, show
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import implementation, lease, network
from branchlab.networks.drivers import choose
from branchlab.networks.running import Running, find_or_start, undo_faults
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, NodeImpl, RunDir
from branchlab.teaching.demo import generator, story
from branchlab.teaching.demo.apart import STATE_IN, Fault
from branchlab.teaching.demo.screen import Screen
from branchlab.teaching.demo.summary import summary_lines

DATA_DIR = settings.ROOT / "build" / "demo"


def demo(
    *,
    driver: Annotated[str, typer.Option(help="compose, process or auto, to start one.")] = "auto",
    fault: Annotated[str, typer.Option(help="pause (it hangs) or stop (it refuses).")] = "pause",
    seconds: Annotated[float, typer.Option(min=1, max=300, help="How long the branch is away.")] = 30.0,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Orders a second meanwhile, in total.")] = 6.0,
    orders: Annotated[int, typer.Option(min=9, max=5000, help="Length of the history.")] = generator.ORDERS,
    base_port: Annotated[int | None, typer.Option(help="The first node's port, to start one.")] = None,
    node_impl: NodeImpl = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Cut a branch off while the others sell, heal, and check that nothing was lost; about a minute."""
    screen = Screen(out)
    screen.say(_("ACME/SA: a branch is cut off, the others sell on, nobody loses anything"), style="bold")
    ports = network.ports_from(base_port) if base_port is not None else None
    chosen_fault = _parse_fault(fault)
    program = implementation.parse(node_impl)
    chosen, name = choose(implementation.driver_for(program, driver), run_dir).name, new_name("demo")
    # Before anything is started: what another run has stopped must stay so.
    with lease.held(run_dir, name):
        with screen.telling() as tell:
            running = find_or_start(
                chosen,
                run_dir,
                env_file,
                ports=ports,
                starting=lambda name: screen.say(
                    _("The network is not all up: starting it with the {driver} driver…", driver=name)
                ),
                tell=tell,
                implementation=program,
            )
        screen.say(_network_words(running))
        wanted = story.plan(
            generator.generate(orders=orders),
            running.network,
            run=name,
            fault=chosen_fault,
            seconds=seconds,
            orders_per_second=rate,
        )
        raise typer.Exit(_perform(wanted, running, run_dir, screen))


def demo_data(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the CSV files go.")] = DATA_DIR,
    *,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = generator.DEFAULT_SEED,
    orders: Annotated[int, typer.Option(min=1, help="How many orders.")] = generator.ORDERS,
) -> None:
    """Write the demonstration's order history as CSV files, for `./lab replay` or your own tools."""
    history = generator.generate(seed, orders=orders)
    generator.write(history, directory)
    counts = _(
        "{products} products, {customers} customers and {orders} orders",
        products=len(history.products),
        customers=len(history.customers),
        orders=orders,
    )
    show([_("{counts} in {path}", counts=counts, path=shown_path(directory))])


def _perform(wanted: story.Plan, running: Running, run_dir: Path, screen: Screen) -> int:
    with open_log(run_dir, wanted.run) as log:
        try:
            outcome = interruption.run(story.Story(wanted, running, screen).perform(log))
        finally:
            undo_faults(running)
    for line in summary_lines(wanted, outcome):
        screen.say(line)
    screen.say(_("Run log: {path}", path=log.path))
    screen.say(_("The network stays up: `make watch` follows it, `make down` ends it."))
    return outcome.exit_code


def _network_words(running: Running) -> str:
    return _(
        "The network is up: {nodes} (driver {driver})."
        if running.started
        else "Network in use: {nodes} (driver {driver}).",
        nodes=", ".join(running.network.names),
        driver=running.driver.name,
    )


def _parse_fault(word: str) -> Fault:
    for fault in STATE_IN:
        if word == fault:
            return fault
    raise LabError(
        _(
            "there is no fault '{word}' for a node; the faults are {faults}",
            word=word,
            faults=", ".join(STATE_IN),
        )
    )
