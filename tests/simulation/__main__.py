"""`python -m tests.simulation`: see `--help`."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.simulation.plan import FAULTS, GO_BACK, LIES, LOST_DISKS, UPGRADE
from tests.simulation.runner import Request, Runner, Tally, Worker

MOST_NODES = 9
MOST_FRESH = 10**9
FEW = 100  # histories that are all played twice
SHARE_OF_MANY = 0.05
LINES_OF_A_LOG = 20

out = Console(soft_wrap=True, highlight=False, markup=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def simulate(
    *,
    histories: Annotated[int, typer.Option(min=1, help="How many histories to run.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The first history's seed; the others follow.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Draw the first seed, and say it.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Histories at once.")] = 2,
    nodes: Annotated[
        int | None, typer.Option(min=2, max=MOST_NODES, help="Branches of every network.  [default: drawn]")
    ] = None,
    wipes: Annotated[bool, typer.Option(help="Lose disks, too.")] = False,
    liars: Annotated[bool, typer.Option(help="Let one member of every network lie.")] = False,
    twice: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="The share to play twice.  [default: all of up to 100, else 1/20]"
        ),
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="Write the first history's journal here.")] = None,
) -> None:
    """Play seeded histories of whole networks in one process each, under virtual time and faults.

    Those played twice are played in processes with different hash seeds, and must end with the same digest
    of everything that happened. Exits 1 if any promise is broken.
    """
    if wipes and liars:
        raise typer.BadParameter("--liars goes without --wipes: what a lost disk had, a liar may invent")
    first = secrets.randbelow(MOST_FRESH) if fresh else seed
    if fresh:
        out.print(f"the first seed is {first}")
    if trace is not None:
        _write_journal(trace, Request(first, nodes=nodes, wipes=wipes, liars=liars, lines=True))
        return
    share = _default_share(histories) if twice is None else twice
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    step = max(1, histories // LINES_OF_A_LOG)
    began = time.monotonic()
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("histories", total=histories)

        def progress(tally: Tally) -> None:
            rate = tally.histories / (time.monotonic() - began)
            description = f"{rate:.1f} histories/s, {len(tally.failed)} failed"
            bar.update(task, completed=tally.histories, description=description)
            if not err.is_terminal and tally.histories % step == 0:  # in a log the bar comes at the end only
                err.print(f"{tally.histories:,} of {histories:,}: {description}")

        runner = Runner(
            nodes=nodes, wipes=wipes, liars=liars, twice=share, report=err.print, progress=progress
        )
        tally = asyncio.run(runner.run(range(first, first + histories), jobs=jobs))
    rate = tally.histories / (time.monotonic() - began)
    out.print(f"{rate:.2f} histories/s, {tally.twice:,} of {tally.histories:,} played twice")
    if tally.failed:
        out.print(f"failing seeds: {', '.join(map(str, sorted(tally.failed)))}")
    out.print(tally.never(_kinds(wipes=wipes, liars=liars)))
    out.print(tally.summary())
    raise typer.Exit(0 if tally.passed else 1)


def _kinds(*, wipes: bool, liars: bool) -> Sequence[str]:
    """The kinds of faults and lies that such histories may have."""
    lost = LOST_DISKS if wipes else ()
    faults = [kind for kind in FAULTS if not liars or kind != "poison"]
    return (*faults, UPGRADE, GO_BACK, *lost, *(LIES if liars else ()))


def _default_share(histories: int) -> float:
    """Replaying exactly is a property of the code, not of one seed: a part of many shows it as well."""
    return 1.0 if histories <= FEW else SHARE_OF_MANY


def _write_journal(file: Path, request: Request) -> None:
    result = asyncio.run(_trace(request))
    file.write_text("\n".join(result["lines"]) + "\n", encoding="utf-8")
    out.print(f"{len(result['lines']):,} lines of seed {request.seed}, digest {result['digest']}")


async def _trace(request: Request) -> dict[str, Any]:
    async with Worker("0") as worker:
        return await worker.play(request)


if __name__ == "__main__":
    typer.run(simulate)
