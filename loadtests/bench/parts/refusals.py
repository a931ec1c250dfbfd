"""What each refusal costs a node's event loop, beside an order that is taken (`loadtests.bench.rejects`)."""

import json
import subprocess
import sys
from collections.abc import Iterator

from branchlab import settings
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.room import Room, pinned, program

_TAKEN = "201"
_MOST_SECONDS = 120.0
_WORDS = ("-m", "loadtests.bench.rejects", "--rounds", "30", "--json")


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    for _ in rounds:
        costs = _costs(room)
        for kind, cost in costs.items():
            notes.figure("µs of the event loop", kind, cost)
        for status, dearest in dearest_by_status(costs).items():
            if status != _TAKEN:
                notes.ratio(status, dearest / costs[_TAKEN])


def dearest_by_status(costs: dict[str, float]) -> dict[str, float]:
    """The cost of the dearest kind of each status. The name of a kind begins with its status."""
    found: dict[str, float] = {}
    for kind, cost in costs.items():
        status = kind.split()[0]
        found[status] = max(cost, found.get(status, 0.0))
    return found


def _costs(room: Room) -> dict[str, float]:
    """Microseconds of each kind, in a process that has the measured core. SystemExit when it fails."""
    log = room.folder("rejects") / "log"
    command = pinned(room.cores.measured, [sys.executable, *_WORDS])
    paths = f"{settings.ROOT}:{settings.NODE_DIR}"
    with program(command, log=log, environment={"PYTHONPATH": paths}) as process:
        try:
            process.wait(_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the refusals were not measured in {_MOST_SECONDS:.0f} s") from None
    words = log.read_text("utf-8", errors="replace")
    if process.returncode != 0:
        raise SystemExit(f"the refusals were not measured: {words[-500:]}")
    return {str(kind): float(cost) for kind, cost in json.loads(words.splitlines()[-1]).items()}


PART = Part("refusals", ("401", "403", "409", "422", "503"), 1, 4, _play)
