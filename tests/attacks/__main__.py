"""`python -m tests.attacks`: run every attempt against real nodes and print what came of each."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from branchlab.networks.drivers.docker import docker_answers
from tests.attacks.attempt import Attempt, Finding, in_runs
from tests.attacks.catalogue import catalogue
from tests.attacks.ground import prepared


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 if the network held against all, 1 otherwise. Without a Docker daemon the attempts on
    containers do not run, and the last line says how many."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--only", default="", help="attempts whose room or name has this in it")
    only = parser.parse_args(arguments).only
    console = Console(width=160 if not sys.stdout.isatty() else None)
    containers = docker_answers()
    chosen = {
        room: [each for each in attempts if only in f"{room} {each.name}"]
        for room, attempts in catalogue().items()
    }
    broken = missing = held = 0
    table = Table("room", "attempt", "expected", "got", "", title="Attacks")
    with tempfile.TemporaryDirectory(prefix="attacks-") as directory:
        for room, attempts in chosen.items():
            can_run = [each for each in attempts if containers or each.driver != "compose"]
            missing += len(attempts) - len(can_run)
            for attempt, finding in _findings(can_run, Path(directory) / room):
                held += finding.held
                broken += not finding.held
                mark = "held" if finding.held else "BROKE"
                console.print(f"{mark:6}{room}: {attempt.name}: {finding.got}", highlight=False, markup=False)
                table.add_row(room, attempt.name, attempt.expected, finding.got, mark)
    console.print(table)
    unseen = f", {missing} not run (no Docker daemon answers)" if missing else ""
    console.print(f"{held + broken} attempts: {held} held, {broken} broke{unseen}", highlight=False)
    return 1 if broken or not held else 0


def _findings(attempts: Sequence[Attempt], directory: Path) -> Iterator[tuple[Attempt, Finding]]:
    for number, run in enumerate(in_runs(attempts)):
        with prepared(run[0].ground, directory / str(number)) as arena:
            for attempt in run:
                yield attempt, asyncio.run(attempt.run(arena))


if __name__ == "__main__":
    sys.exit(main())
