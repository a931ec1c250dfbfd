"""Simulated histories of this tree beside those of an earlier commit: the same seeds, in turn."""

import io
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from branchlab import settings
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.room import Room, pinned, program

_HISTORIES = 6
_MOST_SECONDS = 300.0
_WORDS = ("--histories", str(_HISTORIES), "--twice", "0", "--jobs", "1")


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    before = room.folder("before")
    if why_not := _unpack(room.before, before):
        notes.remark(f"simulated histories: skipped; {why_not}")
        return
    trees = {"now": settings.ROOT, "before": before}
    for number in rounds:
        rates = {what: _HISTORIES / _seconds(room, tree, seed=1 + number) for what, tree in trees.items()}
        for what, rate in rates.items():
            notes.figure("histories/s", what, rate)
        notes.ratio("simulation", rates["now"] / rates["before"])


def _unpack(commit: str, place: Path) -> str | None:
    """Writes the files of a commit into a folder; in one word why it cannot, or None."""
    archive = ("git", "archive", "--format=tar", commit)
    done = subprocess.run(archive, cwd=settings.ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        return f"git has no commit {commit} here"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(place, filter="data")
    return None


def _seconds(room: Room, tree: Path, *, seed: int) -> float:
    """How long a tree's simulation takes, its start included. SystemExit when it fails or does not end."""
    log = room.folder("simulation") / "log"
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), *_WORDS]
    paths = f"{tree}:{tree / 'services/node'}"
    began = time.monotonic()
    with program(
        pinned(room.cores.measured, command), log=log, cwd=tree, environment={"PYTHONPATH": paths}
    ) as process:
        try:
            process.wait(_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"a simulation did not end in {_MOST_SECONDS:.0f} s") from None
    if process.returncode != 0:
        raise SystemExit(f"a simulation failed: {log.read_text('utf-8', errors='replace')[-500:]}")
    return time.monotonic() - began


PART = Part("simulation", ("simulation",), 2, 20, _play)
