"""`./lab run NAME`: plays one scenario and says in a few lines what came of it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from branchlab.checking.run import closing_line, exit_code_of
from branchlab.console import show, working
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import implementation, network
from branchlab.networks.network import parse_policy
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, NodeImpl, RunDir
from branchlab.teaching.scenarios import registry
from branchlab.teaching.scenarios.runner import DEFAULT_DIRECTORY, RunOptions, run_here
from branchlab.teaching.scenarios.runner import run as run_fresh
from branchlab.teaching.scenarios.scenario import Scenario


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A scenario; --list shows them. With --list a group.")
    ] = None,
    *,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="How often; each scenario has its default.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="How long, where it goes by time.")] = None,
    seed: Annotated[int, typer.Option(help="Decides all that happens by chance.")] = 1,
    policy: Annotated[
        str | None, typer.Option(help="escrow or optimistic; every one the scenario is about when not given.")
    ] = None,
    driver: Annotated[str, typer.Option(help="process, compose or auto, for its own network.")] = "process",
    node_impl: NodeImpl = None,
    here: Annotated[bool, typer.Option("--here", help="On the network that `make up` started.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Only list the scenarios, or a group's.")] = False,
    names: Annotated[bool, typer.Option("--names", help="List the names alone, for scripts.")] = False,
    directory: Annotated[
        Path, typer.Option("--directory", help="Where networks of their own are kept.", show_default=False)
    ] = DEFAULT_DIRECTORY,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Play a scenario on a network of its own; exit 0 when what should happen did happen, 1 when not, 2 when
    that could not be judged."""
    if only_list or names:
        show(listed(registry.in_group(name or "all"), only_names=names))
        return
    if name is None:
        raise LabError(_("say which scenario; `./lab run --list` shows them"))
    scenario = registry.get(name)
    options = RunOptions(
        rounds=rounds,
        seconds=seconds,
        seed=seed,
        policy=parse_policy(policy),
        driver=driver,
        implementation=implementation.parse(node_impl),
        directory=directory,
    )
    show([f"{scenario.name}: {_(scenario.title)}"])
    with working(_("looking at the machine…")) as tell:
        if here:
            network.refuse_another(network.load(run_dir), options.implementation)
            outcomes = [run_here(scenario, options, run_dir=run_dir, env_file=env_file, tell=tell)]
        else:
            outcomes = run_fresh(scenario, options, tell=tell)
    for outcome in outcomes:
        show(outcome.lines())
    show([closing_line("SCENARIO", outcomes)])
    raise typer.Exit(exit_code_of(outcomes))


def listed(scenarios: Sequence[Scenario], *, only_names: bool) -> Iterator[str]:
    """A line for each scenario, with what it shows, below the name of its group; or the names alone."""
    width = max(len(one.name) for one in scenarios)
    for group, members in groupby(scenarios, key=lambda one: one.group):
        if not only_names:
            yield group
        yield from (one.name if only_names else _line(one, width) for one in members)
    if not only_names:
        yield _("* any node of docs/node-contract.md plays it, also with --node-impl plain")


def _line(scenario: Scenario, width: int) -> str:
    return f"{'*' if scenario.any_node else ' '} {scenario.name:<{width}}  {scenario.title}"
