"""The report's own node in the scenarios that any node can play: it loses in those that its page names, in
no other. That the lab's own node loses in none is what tests/cluster/test_scenarios.py shows."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.teaching.scenarios.registry import SCENARIOS

pytestmark = pytest.mark.timed

ROUNDS = 5  # of buyers at once, or orders at each branch
SECONDS = 5
_AT_ONCE = 3  # each of them waits most of its time
# One for each way in which it loses, and what it holds; the others are like one of these.
SHORT = ("replicates", "cut-both-sell", "killed-queue", "forged-event", "wiped-twice")
_ROW = re.compile(r"^\| `([a-z-]+)` \| (PASS|FAIL) \|", re.MULTILINE)


def named() -> dict[str, str]:
    """SCENARIO → what docs/plain.md says comes of it with the plain node."""
    return dict(_ROW.findall((settings.ROOT / "docs/plain.md").read_text(encoding="utf-8")))


def play(name: str, directory: Path) -> str:
    """The result of one scenario with plain nodes, and all that was said of it."""
    command = [sys.executable, "-m", "branchlab", "run", name, "--node-impl", "plain"]
    ended = subprocess.run(
        [*command, "--rounds", str(ROUNDS), "--seconds", str(SECONDS), "--directory", str(directory)],
        cwd=settings.ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return ended.stdout + ended.stderr


def results(names: tuple[str, ...], directory: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """SCENARIO → its result, and → the words of its run."""
    with ThreadPoolExecutor(_AT_ONCE) as several:
        said = dict(zip(names, several.map(lambda name: play(name, directory), names), strict=True))
    found = {
        name: re.findall(r"^SCENARIO (PASS|FAIL|UNKNOWN)", text, re.MULTILINE) for name, text in said.items()
    }
    return {name: "".join(words) for name, words in found.items()}, said


@pytest.mark.cluster
def test_the_plain_node_loses_where_its_page_says_with_a_counter_example(tmp_path: Path) -> None:
    found, said = results(SHORT, tmp_path)

    assert found == {name: named()[name] for name in SHORT}, said
    assert "oversold: 6 of" in said["cut-both-sell"]
    assert "lost: order MATRIZ-000001" in said["killed-queue"]
    assert "received by the rows, clients were told 10" in said["forged-event"]
    assert re.search(r"oversold: \d+ of", said["wiped-twice"])


@pytest.mark.cluster
@pytest.mark.long
def test_the_plain_node_loses_in_exactly_the_scenarios_that_its_page_names(tmp_path: Path) -> None:
    names = tuple(one.name for one in SCENARIOS if one.any_node)

    found, said = results(names, tmp_path)

    assert found == named(), said


def test_the_page_of_the_plain_node_names_every_scenario_that_it_can_play() -> None:
    assert named().keys() == {one.name for one in SCENARIOS if one.any_node}
