"""`lab demo`: a minute in which a branch is cut off, and `lab demo-data`: the orders it is made of."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from lab import settings
from lab.checking.run import LOG_NAME, new_name
from lab.checking.runlog import RunLog
from lab.console import out, show
from lab.errors import LabError
from lab.interruption import terminate_as_interrupt
from lab.networks import network
from lab.networks.running import Running, find_or_start, undo_faults
from lab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir
from lab.teaching.demo import generator, story
from lab.teaching.demo.apart import STATE_IN, Fault
from lab.teaching.demo.screen import Screen
from lab.teaching.demo.summary import summary_lines
from lab.teaching.demo.words import Words, words_for

DATA_DIR = settings.ROOT / "build" / "demo"
_INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def demo(
    *,
    lang: Annotated[str | None, typer.Option("--lang", help="pt-BR or en; by LANG when not given.")] = None,
    driver: Annotated[str, typer.Option(help="compose, process or auto, to start one.")] = "auto",
    fault: Annotated[str, typer.Option(help="pause (it hangs) or stop (it refuses).")] = "pause",
    seconds: Annotated[float, typer.Option(min=1, max=300, help="How long the branch is away.")] = 30.0,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Orders a second meanwhile, in total.")] = 6.0,
    orders: Annotated[int, typer.Option(min=9, max=5000, help="Length of the history.")] = generator.ORDERS,
    base_port: Annotated[
        int | None, typer.Option(envvar="BASE_PORT", help="The first node's port, to start one.")
    ] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Cut a branch off while the others sell, heal, and check that nothing was lost; about a minute."""
    words = words_for(lang, os.environ)
    screen = Screen(out, words)
    screen.say(words.title, style="bold")
    ports = network.ports_from(base_port) if base_port is not None else None
    chosen_fault = _parse_fault(fault)
    running = find_or_start(
        driver,
        run_dir,
        env_file,
        ports=ports,
        starting=lambda name: screen.say(words.network_starting.format(driver=name)),
        tell=lambda line: screen.say(f"  {line}"),
    )
    screen.say(_network_words(words, running))
    wanted = story.plan(
        generator.generate(orders=orders),
        running.network,
        run=new_name("demo"),
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
    """Write the demonstration's order history as CSV files, for `lab replay` or your own tools."""
    history = generator.generate(seed, orders=orders)
    generator.write(history, directory)
    counts = f"{len(history.products)} products, {len(history.customers)} customers and {orders} orders"
    show([f"{counts} in {directory}"])


def _perform(wanted: story.Plan, running: Running, run_dir: Path, screen: Screen) -> int:
    words = screen.words
    with terminate_as_interrupt(), RunLog(run_dir / LOG_NAME) as log:
        try:
            try:
                outcome = asyncio.run(story.Story(wanted, running, screen).perform(log))
            finally:
                undo_faults(running, undoing=lambda: screen.say(words.healing))
        except KeyboardInterrupt:
            screen.say(words.interrupted)
            return _INTERRUPTED
    for line in summary_lines(wanted, outcome, words):
        screen.say(line)
    screen.say(words.run_log.format(path=log.path))
    screen.say(words.stays_up)
    return outcome.exit_code


def _network_words(words: Words, running: Running) -> str:
    sentence = words.network_ready if running.started else words.network_in_use
    return sentence.format(nodes=", ".join(running.network.names), driver=running.driver.name)


def _parse_fault(word: str) -> Fault:
    for fault in STATE_IN:
        if word == fault:
            return fault
    raise LabError(f"there is no fault '{word}' for a node; the faults are {', '.join(STATE_IN)}")
