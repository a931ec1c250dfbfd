"""The same seeds played with the code of two trees: a digest that differs shows."""

import asyncio
from pathlib import Path

from tests.simulation.digests import NO_DIGEST, Compared, play_all
from tests.simulation.runner import Request

WORKER = """
import json
for line in iter(input, ""):
    wanted = json.loads(line)
    print(json.dumps({{"digest": {digest}}}), flush=True)
"""
SEEDS = [Request(1), Request(2), Request(1, wipes=True)]


def tree(place: Path, *, digest: str) -> Path:
    """A tree whose worker answers every history with this digest."""
    (place / "tests" / "simulation").mkdir(parents=True)
    (place / "tests" / "simulation" / "__init__.py").touch()
    (place / "tests" / "simulation" / "worker.py").write_text(WORKER.format(digest=digest), encoding="utf-8")
    return place


def test_each_seed_is_played_with_the_code_of_both_trees(tmp_path: Path) -> None:
    before = tree(tmp_path / "before", digest="str(wanted['seed'])")
    after = tree(tmp_path / "after", digest="str(wanted['seed'] + wanted['wipes'])")

    compared = asyncio.run(play_all(SEEDS, before=before, after=after, jobs=2))

    assert compared == [
        Compared(SEEDS[0], before="1", after="1"),
        Compared(SEEDS[1], before="2", after="2"),
        Compared(SEEDS[2], before="1", after="2"),
    ]
    assert [each.same for each in compared] == [True, True, False]


def test_histories_that_end_their_processes_are_not_the_same(tmp_path: Path) -> None:
    trees = [tree(tmp_path / name, digest="exit(1)") for name in ("before", "after")]

    (compared,) = asyncio.run(play_all(SEEDS[:1], before=trees[0], after=trees[1], jobs=1))

    assert compared == Compared(SEEDS[0], before=NO_DIGEST, after=NO_DIGEST)
    assert not compared.same
