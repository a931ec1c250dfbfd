"""`python -m tests.simulation`: see `--help`."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.simulation.runner import Request, Runner, Tally, Worker

MOST_NODES = 9

out = Console(soft_wrap=True, highlight=False, markup=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def simulate(
    *,
    histories: Annotated[int, typer.Option(min=1, help="How many histories to run.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The first history's seed; the others follow.")] = 1,
    jobs: Annotated[int, typer.Option(min=2, help="Processes at once: two for each history.")] = 2,
    nodes: Annotated[int, typer.Option(min=2, max=MOST_NODES, help="Branches of the network.")] = 3,
    wipes: Annotated[bool, typer.Option(help="Lose disks, too.")] = False,
    trace: Annotated[Path | None, typer.Option(help="Write the first history's journal here.")] = None,
) -> None:
    """Play seeded histories of a whole network in one process, under virtual time and faults.

    Each seed is played twice, in processes with different hash seeds, and must end with the same digest of
    everything that happened. Exits 1 if any promise is broken.
    """
    if trace is not None:
        result = asyncio.run(_trace(Request(seed, nodes=nodes, wipes=wipes, lines=True)))
        trace.write_text("\n".join(result["lines"]) + "\n", encoding="utf-8")
        out.print(f"{len(result['lines']):,} lines of seed {seed}, digest {result['digest']}")
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("histories", total=histories)

        def progress(tally: Tally) -> None:
            rate = tally.histories / (time.monotonic() - began)
            description = f"{rate:.1f} histories/s, {len(tally.failed)} failed"
            bar.update(task, completed=tally.histories, description=description)

        seeds = range(seed, seed + histories)
        tally = asyncio.run(
            Runner(nodes=nodes, wipes=wipes, report=err.print, progress=progress).run(seeds, jobs=jobs)
        )
    rate = tally.histories / (time.monotonic() - began)
    out.print(f"{rate:.2f} histories/s, each played twice")
    if tally.failed:
        out.print(f"failing seeds: {', '.join(map(str, sorted(tally.failed)))}")
    out.print(tally.summary())
    raise typer.Exit(0 if tally.passed else 1)


async def _trace(request: Request) -> dict[str, Any]:
    async with Worker("0") as worker:
        return await worker.play(request)


if __name__ == "__main__":
    typer.run(simulate)
