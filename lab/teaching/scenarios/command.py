"""`lab run NAME`: plays one scenario and says in a few lines what came of it."""

from typing import Annotated

import typer

from lab.console import out, progress, show
from lab.errors import LabError
from lab.networks.network import parse_policy
from lab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir
from lab.teaching.scenarios import registry
from lab.teaching.scenarios.runner import RunOptions, run_here
from lab.teaching.scenarios.runner import run as run_fresh


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A scenario; --list all shows them.")
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
    here: Annotated[bool, typer.Option("--here", help="On the network that `make up` started.")] = False,
    list_group: Annotated[
        str | None,
        typer.Option("--list", metavar="GROUP", help="Only list a group's names; all is every one."),
    ] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Play a scenario on a network of its own; exit 0 when what should happen did happen, else 1."""
    if list_group is not None:
        for scenario in registry.in_group(list_group):
            out.print(scenario.name)
        return
    if name is None:
        raise LabError("say which scenario: " + ", ".join(one.name for one in registry.in_group("all")))
    scenario = registry.get(name)
    options = RunOptions(
        rounds=rounds, seconds=seconds, seed=seed, policy=parse_policy(policy), driver=driver
    )
    show([f"{scenario.name}: {scenario.title}"])
    with progress.status("playing…"):
        if here:
            outcomes = [run_here(scenario, options, run_dir=run_dir, env_file=env_file)]
        else:
            outcomes = run_fresh(scenario, options)
    for outcome in outcomes:
        show(outcome.lines())
    raise typer.Exit(max(outcome.exit_code for outcome in outcomes))
