"""Verbs that try the nodes' code itself, without a network: the work is in the test tree."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from branchlab.checking.programs import run_whole
from branchlab.networks.network import MOST_NODES
from branchlab.settings import ROOT

_MEMORY = Path("/dev/shm")  # noqa: S108  # the files of a history need no disk


def simulate(
    *,
    histories: Annotated[int, typer.Option(min=1, help="How many seeded histories to run.")] = 50,
    seed: Annotated[int, typer.Option(help="The first history's seed.")] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Draw the first seed, and say it.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Histories at once.")] = 2,
    nodes: Annotated[
        int | None,
        typer.Option(min=2, max=MOST_NODES, help="Branches of every network.  [default: drawn]"),
    ] = None,
    wipes: Annotated[bool, typer.Option(help="Lose disks, too.")] = False,
    liars: Annotated[bool, typer.Option(help="Let one member of every network lie.")] = False,
    twice: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="The share to play twice.")] = None,
) -> None:
    """Run seeded histories of whole networks under a virtual clock; exits 1 on any violation."""
    options = {"--histories": histories, "--seed": seed, "--jobs": jobs, "--nodes": nodes, "--twice": twice}
    flags = {"--wipes": wipes, "--liars": liars, "--fresh": fresh}
    words = [str(word) for name, value in options.items() if value is not None for word in (name, value)]
    words += [name for name, wanted in flags.items() if wanted]
    _run("tests.simulation", *words)


def model(
    *,
    histories: Annotated[int, typer.Option(min=1, help="How many seeded histories to play.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="The first history's seed.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = 2,
    demand: Annotated[bool, typer.Option("--demand", help="Measure whether rights follow demand.")] = False,
) -> None:
    """Play histories of the stock rules alone, a million in under an hour; exits 1 on any violation."""
    words = ("--histories", str(histories), "--seed", str(seed), "--jobs", str(jobs))
    _run("tests.model", *words, *(["--demand"] if demand else []))


def teeth(
    only: Annotated[str, typer.Option(help="Plant the bugs with this in their names.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Bugs at once.")] = 2,
) -> None:
    """Plant bugs into the nodes' code, one at a time, and see each caught; exits 1 if one survives."""
    _run("tests.teeth", "--only", only, "--jobs", str(jobs))


def _run(module: str, *words: str) -> NoReturn:
    """Run a module of the test tree, which sees the nodes' code as the lab does not; exit as it does. All its
    files are in a folder that goes with it, however it ends."""
    place = _MEMORY if _MEMORY.is_dir() and "TMPDIR" not in os.environ else None
    path = os.pathsep.join((str(ROOT), str(ROOT / "services" / "node")))
    with tempfile.TemporaryDirectory(prefix="lab-", dir=place) as files:
        environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": files, "LAB_MEMORY": files}
        exit_code = run_whole([sys.executable, "-m", module, *words], cwd=ROOT, environment=environment)
    raise typer.Exit(exit_code)
