"""The frame of a run: what is there before is read first, and the verdict comes last, whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lab.checking.operations import Operations
from lab.checking.run import Run, RunOutcome, new_name, new_tag
from lab.checking.runlog import Record, RunLog, read_records
from lab.checking.verdict import Verdict, judge
from lab.nodes.convergence import NotConvergedError
from lab.tests.fake_node import PASSWORD, USERNAME, FakeNode

PASS = Verdict(result="PASS", acknowledged=1, unknown=0, lost=0, duplicated=0, oversold=0, converged=True)


class UnreadyNode(FakeNode):
    """Serves, and says that it is not ready."""

    def _status(self) -> dict[str, Any]:
        return {**super()._status(), "ready": False}


def records(node: FakeNode, directory: Path, play: Callable[[Run], Awaitable[object]]) -> list[Record]:
    """The run log after a play on one node."""
    path = directory / "run.jsonl"

    async def act() -> None:
        async with node.client() as client:
            await client.login(USERNAME, PASSWORD)
            with RunLog(path) as log:
                nodes = {node.name: "http://fake"}
                log.start(run="r", what="test", seed=1, nodes=nodes, policy="escrow", driver="process")
                await play(Run(Operations({node.name: client}, log, random=Random(1))))

    asyncio.run(act())
    return [*read_records(path)]


def test_a_run_is_read_before_and_after_and_its_last_word_is_the_verdict(tmp_path: Path) -> None:
    async def play(run: Run) -> None:
        await run.look_around()
        verdict = await run.conclude()
        assert verdict.result == "PASS"

    found = records(FakeNode(), tmp_path, play)
    assert [(one["kind"], one.get("phase")) for one in found] == [
        ("run.start", None),
        ("read.done", "before"),
        ("sample", None),
        ("read.done", "final"),
        ("verdict", None),
    ]
    assert found[-1]["result"] == "PASS"


def test_nodes_that_do_not_agree_in_time_are_read_and_judged_as_they_are(tmp_path: Path) -> None:
    found = records(UnreadyNode(), tmp_path, lambda run: run.conclude(deadline_seconds=0))
    assert [one["kind"] for one in found] == ["run.start", "read.done", "verdict"]


def test_nothing_is_read_before_the_nodes_agree(tmp_path: Path) -> None:
    async def play(run: Run) -> None:
        with pytest.raises(NotConvergedError, match="matriz is not ready"):
            await run.converge(deadline_seconds=0)

    assert [one["kind"] for one in records(UnreadyNode(), tmp_path, play)] == ["run.start"]


@pytest.mark.parametrize(
    ("failures", "verdict", "exit_code"),
    [((), PASS, 0), (("it did not drain",), PASS, 1), ((), judge([]), 2), (("too much",), judge([]), 1)],
)
def test_an_outcome_is_good_only_without_failures_and_with_a_verdict(
    failures: tuple[str, ...], verdict: Verdict, exit_code: int
) -> None:
    outcome = RunOutcome(facts=("3 rounds",), failures=failures, verdict=verdict, log=Path("run.jsonl"))

    assert outcome.exit_code == exit_code
    assert all(f"  FAILED: {failure}" in outcome.lines() for failure in failures)


def test_an_outcome_shows_its_first_failures_and_how_many_more_there_are() -> None:
    failures = tuple(f"order {number} is missing" for number in range(12))
    lines = RunOutcome(verdict=PASS, log=Path("run.jsonl"), failures=failures).lines()
    assert lines[9:] == [
        "  FAILED: order 9 is missing",
        "  … and 2 more failures",
        "VERDICT PASS: 1 acknowledged, 0 lost, 0 duplicated, 0 oversold, converged",
        "run log: run.jsonl",
    ]


def test_no_two_runs_have_one_name() -> None:
    assert len({new_name("demo") for _ in range(20)}) == 20
    assert new_tag("torture").startswith("TO")
