"""Runs many histories in processes of their own, some of them twice, and reports the outcome."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import comb
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
HASH_SEEDS = ("1", "2")
"""The hash seeds of the two runs of a history: sets of texts then come in different orders."""

LONGEST_SECONDS = 300.0  # real ones, of one history: more means that virtual time stands still
ENDING_SECONDS = 5.0
MOST_PAIRS = 12  # of faults that never met, to be listed
LONGEST_LINE = 64 << 20


@dataclass(frozen=True)
class Request:
    """One history to play, of so many nodes or of as many as its seed draws; `lines` asks for its journal."""

    seed: int
    nodes: int | None = None
    wipes: bool = False
    liars: bool = False
    lines: bool = False


class WorkerDied(Exception):
    """A worker ended or hung; the message says at which history."""


class Worker:
    """A process that plays one history after the other, with the code below `root`."""

    def __init__(self, hash_seed: str, *, root: Path = ROOT) -> None:
        self._hash_seed = hash_seed
        self._root = root
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self._end()

    async def play(self, request: Request) -> dict[str, Any]:
        """Play a history and return its result. Raises WorkerDied; the next call begins a new process."""
        process = self._process = self._process or await self._begin()
        assert process.stdin is not None, "the worker's input is a pipe"
        assert process.stdout is not None, "the worker's output is a pipe"
        process.stdin.write(json.dumps(vars(request)).encode() + b"\n")
        try:
            await process.stdin.drain()
            async with asyncio.timeout(LONGEST_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        except ConnectionError:
            line = b""
        if not line:
            await self._end()
            raise WorkerDied(f"seed {request.seed} ended its process or ran {LONGEST_SECONDS:.0f} s")
        result: dict[str, Any] = json.loads(line)
        return result

    async def _begin(self) -> asyncio.subprocess.Process:
        path = os.pathsep.join((str(self._root), str(self._root / "services" / "node")))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.simulation.worker"),
            cwd=self._root,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": self._hash_seed},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None, "the worker's input is a pipe"
        process.stdin.close()  # it ends by itself and takes its files along, unless it hangs
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class Tally:
    """The outcome of all histories so far. Of the `twice` that were played twice, `same_digest` ended alike.
    With `judged`, the checker of real networks found no fault."""

    histories: int = 0
    operations: int = 0
    twice: int = 0
    same_digest: int = 0
    judged: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    broken: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)

    def add(self, result: Mapping[str, Any]) -> None:
        self.histories += 1
        self.operations += result["operations"]
        self.judged += bool(result["judged"]) and "FAIL" not in result["judged"].values()
        self.outcomes.update(result["outcomes"])
        self.faults.update(result["faults"])
        self.pairs.update(combinations(sorted(result["faults"]), 2))
        self.broken.update(violation["promise"] for violation in result["violations"])

    @property
    def passed(self) -> bool:
        return not self.failed and not self.broken and self.same_digest == self.twice

    def never(self, kinds: Iterable[str]) -> str:
        """Which of these kinds of faults did not occur, and which pairs of the others never met in one
        history. These histories say nothing about those."""
        missing = [kind for kind in kinds if not self.faults[kind]]
        apart = [pair for pair in combinations(sorted(self.faults), 2) if pair not in self.pairs]
        pairs = ", ".join("+".join(pair) for pair in apart[:MOST_PAIRS])
        more = f" and {len(apart) - MOST_PAIRS} more" if len(apart) > MOST_PAIRS else ""
        return f"never occurred: {', '.join(missing) or 'none'}; never met: {pairs or 'none'}{more}"

    def summary(self) -> str:
        """The last line of a run."""
        others = {promise: n for promise, n in sorted(self.broken.items()) if promise not in _NAMED}
        faults = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.faults.items()))
        return (
            f"{self.histories:,} histories, {self.operations:,} operations"
            f" ({self.outcomes['order ok']:,} orders acknowledged), faults: {faults or 'none'};"
            f" {len(self.pairs)} of {comb(len(self.faults), 2)} pairs of them met in one history;"
            f" oversold {self.broken['oversold']}, lost {self.broken['lost']},"
            f"{_shortages(self.outcomes)} other promises broken {others or 0},"
            f" checker: PASS {self.judged:,} of {self.histories:,},"
            f" same digest twice: {self.same_digest:,} of {self.twice:,}"
        )


def _shortages(outcomes: Counter[str]) -> str:
    """What was oversold where the policy allows it, if there were such histories."""
    histories, units = outcomes["optimistic histories"], outcomes["units short"]
    return f" {units:,} units short in {histories:,} optimistic histories," if histories else ""


_NAMED = ("oversold", "lost")

Report = Callable[[str], None]
Pair = Sequence[Worker]


class Runner:
    """Plays seeds, a share of them twice, and adds up the outcomes. A failing one is always played twice.

    `report` gets a few lines for each seed that fails; `progress` is called with the tally after each seed.
    """

    def __init__(
        self,
        *,
        nodes: int | None = None,
        wipes: bool = False,
        liars: bool = False,
        twice: float = 1.0,
        report: Report,
        progress: Callable[[Tally], None],
    ) -> None:
        self._nodes = nodes
        self._wipes = wipes
        self._liars = liars
        self._twice = twice
        self._report = report
        self._progress = progress
        self._tally = Tally()

    async def run(self, seeds: Iterable[int], *, jobs: int) -> Tally:
        """Play all seeds, `jobs` at once."""
        waiting = enumerate(seeds)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for _ in range(jobs):
                pair = [await stack.enter_async_context(Worker(hash_seed)) for hash_seed in HASH_SEEDS]
                tasks.create_task(self._play_all(waiting, pair))
        return self._tally

    async def _play_all(self, waiting: Iterator[tuple[int, int]], pair: Pair) -> None:
        for number, seed in waiting:  # shared by all pairs: each seed is taken once
            request = Request(seed, nodes=self._nodes, wipes=self._wipes, liars=self._liars)
            twice = int((number + 1) * self._twice) > int(number * self._twice)
            try:
                await self._play(request, pair if number % 2 else pair[::-1], twice=twice)
            except WorkerDied as death:
                self._tally.histories += 1
                self._tally.failed.append(seed)
                self._report(f"{death}\n{_how_to_repeat(request)}")
            self._progress(self._tally)

    async def _play(self, request: Request, pair: Pair, *, twice: bool) -> None:
        """Play it in one process after the other, so that each job keeps one processor busy."""
        first = await pair[0].play(request)
        second = await pair[1].play(request) if twice or first["violations"] else None
        self._tally.add(first)
        same = second is None or first["digest"] == second["digest"]
        if second is not None:
            self._tally.twice += 1
            self._tally.same_digest += same
        if same and not first["violations"]:
            return
        self._tally.failed.append(request.seed)
        lines = [f"seed {request.seed} fails"]
        lines += [f"  {v['promise']}: {v['text'][:500]}" for v in first["violations"][:5]]
        if not same:
            lines += await _where_they_part(request, pair)
        self._report("\n".join([*lines, _how_to_repeat(request)]))


async def _where_they_part(request: Request, pair: Pair) -> list[str]:
    """The first line of the journals that differs. It shows where chance came in."""
    again = replace(request, lines=True)
    first, second = await asyncio.gather(*(worker.play(again) for worker in pair))
    for number, (one, other) in enumerate(zip(first["lines"], second["lines"], strict=False)):
        if one != other:
            return [f"  two runs part at line {number}:", f"    {one[:300]}", f"    {other[:300]}"]
    return ["  two runs differ in length only" if first["digest"] != second["digest"] else "  not again"]


def _how_to_repeat(request: Request) -> str:
    nodes = f" NODES={request.nodes}" if request.nodes else ""
    wipes = " WIPES=1" if request.wipes else ""
    liars = " LIARS=1" if request.liars else ""
    return f"  repeat it: make simulate HISTORIES=1 SEED={request.seed}{nodes}{wipes}{liars}"
