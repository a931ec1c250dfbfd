"""`python -m tests.simulation.digests`: do the histories of this tree and of another commit end alike?

A change that is to alter no behaviour leaves the digest of every history as it was. The other commit is asked
by `python -m tests.simulation.worker`, so that module keeps its name and what it reads and answers.
"""

import asyncio
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tests.simulation.runner import ROOT, Request, Worker, WorkerDied

HASH_SEED = "1"  # of every worker: whether sets in another order matter is what playing twice is for
NO_DIGEST = "none"  # of a history that ended its process


@dataclass(frozen=True)
class Compared:
    """The digests of one seed's history: of the commit before, and of this tree."""

    request: Request
    before: str
    after: str

    @property
    def same(self) -> bool:
        return self.before == self.after != NO_DIGEST

    def __str__(self) -> str:
        """Its line in the file."""
        kind = "lost-disks" if self.request.wipes else "plain"
        return f"{self.request.seed:>6}  {kind:<10}  {self.before:<64}  {self.after:<64}  {_yes(self.same)}"


HEADER = f"{'# seed':>6}  {'history':<10}  {'before':<64}  {'after':<64}  same"


def compare(
    *,
    before: Annotated[str, typer.Option(help="The other commit: a name git knows.")],
    plain: Annotated[int, typer.Option(min=0, help="Histories in which no disk is lost.")] = 150,
    wipes: Annotated[int, typer.Option(min=0, help="Histories in which disks are lost.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The first seed of both kinds; the others follow.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Seeds at once.")] = 2,
    file: Annotated[Path, typer.Option(help="Where both digests of every seed go.")] = Path(
        "build/house-digests.txt"
    ),
) -> None:
    """Play the same seeds with the code of this tree and of another commit, and write both digests of each.

    Exits 1 if any two differ, or if a history has none.
    """
    seeds = [Request(number, wipes=False) for number in range(seed, seed + plain)]
    seeds += [Request(number, wipes=True) for number in range(seed, seed + wipes)]
    commit = _git("rev-parse", "--verify", f"{before}^{{commit}}").decode().strip()
    with tempfile.TemporaryDirectory(prefix="digests-") as place:
        _unpack(commit, Path(place))
        compared = asyncio.run(play_all(seeds, before=Path(place), after=ROOT, jobs=jobs))
    same = sum(both.same for both in compared)
    file.parent.mkdir(parents=True, exist_ok=True)
    titles = (f"# before: {commit}", f"# after: {_this_tree()}", HEADER)
    file.write_text("\n".join([*titles, *map(str, compared)]) + "\n", encoding="utf-8")
    typer.echo(f"{same:,} of {len(compared):,} digests are the same before and after; all are in {file}")
    raise typer.Exit(0 if same == len(compared) else 1)


async def play_all(seeds: Sequence[Request], *, before: Path, after: Path, jobs: int) -> list[Compared]:
    """Play every seed with the code of both trees, `jobs` seeds at once. Their digests, in their order."""
    found: dict[Request, Compared] = {}
    waiting = iter(seeds)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for _ in range(jobs):
            workers = [
                await stack.enter_async_context(Worker(HASH_SEED, root=tree)) for tree in (before, after)
            ]
            tasks.create_task(_play(waiting, workers, found))
    return [found[request] for request in seeds]


async def _play(
    waiting: Iterator[Request], workers: Sequence[Worker], found: dict[Request, Compared]
) -> None:
    for request in waiting:  # shared by all jobs: each seed is taken once
        before, after = [await _digest(worker, request) for worker in workers]
        found[request] = both = Compared(request, before, after)
        if not both.same:
            typer.echo(f"not the same: {both}", err=True)


async def _digest(worker: Worker, request: Request) -> str:
    try:
        return str((await worker.play(request))["digest"])
    except WorkerDied as death:
        typer.echo(str(death), err=True)
        return NO_DIGEST


def _unpack(commit: str, place: Path) -> None:
    """Write a commit's files to a folder. The repository stores nothing of it, so nothing is left behind."""
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as files:
        files.extractall(place, filter="data")


def _this_tree() -> str:
    changed = " and what is not committed" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return _git("rev-parse", "HEAD").decode().strip() + changed


def _git(*words: str) -> bytes:
    """What git says. Exits with git's own words where it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        typer.echo(done.stderr.decode().strip(), err=True)
        raise typer.Exit(2)
    return done.stdout


def _yes(same: bool) -> str:
    return "yes" if same else "NO"


if __name__ == "__main__":
    typer.run(compare)
