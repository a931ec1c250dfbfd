"""Plays many histories of the model in several processes and adds up what came of them."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.model.play import play

CHUNK = 500
MOST_SHOWN = 10


@dataclass
class Tally:
    """What came of all histories so far. `broken` has what was wrong by seed."""

    histories: int = 0
    operations: int = 0
    sold: int = 0
    did: Counter[str] = field(default_factory=Counter)
    broken: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        self.histories += other.histories
        self.operations += other.operations
        self.sold += other.sold
        self.did.update(other.did)
        self.broken.update(other.broken)

    def summary(self) -> str:
        """The last line of a run."""
        oversold = sum(1 for text in self.broken.values() if text.startswith("oversold"))
        disks = sum(self.did[name] for name in ("wipe", "restore", "roll_back", "clone"))
        return (
            f"{self.histories:,} histories, {self.operations:,} operations, {self.sold:,} units sold,"
            f" {disks:,} disks lost or gone back, {self.did['count']:,} stock counts tried;"
            f" oversold {oversold}, other promises broken {len(self.broken) - oversold}"
        )


def run(
    seeds: range, *, jobs: int, report: Callable[[str], None], progress: Callable[[Tally], None]
) -> Tally:
    """Play all seeds; `report` gets each failing seed, `progress` the tally now and then."""
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    tally = Tally()
    for found in _play_all(chunks, jobs=jobs):
        for seed, text in found.broken.items():
            if len(tally.broken) < MOST_SHOWN:
                report(f"seed {seed}: {text}\n  its steps: python -m tests.model --seed {seed} --steps")
        tally.add(found)
        progress(tally)
    return tally


def _play_all(chunks: list[range], *, jobs: int) -> Iterator[Tally]:
    if jobs == 1 or len(chunks) == 1:
        yield from map(play_chunk, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(play_chunk, chunks)


def play_chunk(seeds: range) -> Tally:
    """Play some seeds in this process."""
    tally = Tally()
    for seed in seeds:
        outcome = play(seed)
        tally.histories += 1
        tally.operations += outcome.steps
        tally.sold += outcome.sold
        tally.did.update(outcome.did)
        if outcome.broken is not None:
            tally.broken[seed] = outcome.broken
    return tally
