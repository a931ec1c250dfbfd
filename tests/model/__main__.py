"""`python -m tests.model`: see `--help`."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.model import demand
from tests.model.play import play
from tests.model.runner import Tally, run

out = Console(soft_wrap=True, highlight=False, markup=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def model(
    *,
    histories: Annotated[int, typer.Option(min=1, help="How many histories to play.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="The first history's seed; the others follow.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = 2,
    steps: Annotated[bool, typer.Option("--steps", help="Show the steps of one seed instead.")] = False,
    only_demand: Annotated[bool, typer.Option("--demand", help="Measure rebalancing instead.")] = False,
) -> None:
    """Play seeded histories of the bounded counter on the node's pure rules alone: messages lost, late and
    repeated, disks lost, gone back and copied. Exits 1 if anything was oversold or another promise broken."""
    if only_demand:
        raise typer.Exit(demand.report(out.print, seeds=range(seed, seed + demand.RUNS)))
    if steps:
        outcome = play(seed, say=out.print)
        out.print(f"seed {seed}: {outcome.broken or 'every promise kept'}")
        raise typer.Exit(0 if outcome.broken is None else 1)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("histories", total=histories)

        def progress(tally: Tally) -> None:
            rate = tally.histories / (time.monotonic() - began)
            bar.update(
                task,
                completed=tally.histories,
                description=f"{rate:,.0f} histories/s, {len(tally.broken)} failed",
            )

        tally = run(range(seed, seed + histories), jobs=jobs, report=err.print, progress=progress)
    seconds = time.monotonic() - began
    out.print(f"{tally.histories / seconds:,.0f} histories/s, {tally.operations / seconds:,.0f} operations/s")
    out.print(tally.summary())
    raise typer.Exit(1 if tally.broken else 0)


if __name__ == "__main__":
    typer.run(model)
