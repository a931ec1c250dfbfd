"""The frame of a run: what is there before is read first, and the verdict comes last, whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

import pytest

from branchlab.checking.operations import Operations
from branchlab.checking.run import Run, RunOutcome, closing_line, exit_code_of, new_name, new_tag
from branchlab.checking.runlog import Record, RunLog, read_records
from branchlab.checking.verdict import Verdict, judge
from branchlab.nodes.convergence import NotConvergedError
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode

CLIENT = "matriz"
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
        await run.operations.place(CLIENT, "ANA", [{"sku": "CAFE", "quantity": 1}], key="k")
        await run.conclude()

    found = records(FakeNode(), tmp_path, play)
    assert [(one["kind"], one.get("phase")) for one in found] == [
        ("run.start", None),
        ("read.done", "before"),
        ("op.invoke", None),
        ("op.ok", None),
        ("sample", None),
        ("read.order", "final"),
        ("read.done", "final"),
        ("agreement", None),
        ("verdict", None),
    ]
    assert (found[-2]["agreed"], found[-1]["acknowledged"]) == (True, 1)


def test_a_run_tells_what_it_waits_for_before_and_after(tmp_path: Path) -> None:
    told: list[str] = []

    async def play(run: Run) -> None:
        run = replace(run, tell=told.append)
        await run.look_around()
        await run.conclude()

    records(FakeNode(), tmp_path, play)
    reading = f"reading all orders and stock: 0 of 1 nodes; waiting for {CLIENT}"
    assert told == [
        "waiting until the nodes agree…",
        reading,
        "waiting until the nodes agree…",
        reading,
        f"judging the run by its log {tmp_path / 'run.jsonl'}…",
    ]


class BusyNode(FakeNode):
    """Is written to all the time."""

    def _status(self) -> dict[str, Any]:
        return {**super()._status(), "heads": {f"{self.name}@e1": len(self.asked)}}


def test_nodes_that_are_written_to_while_they_are_read_may_be_read_too_early(tmp_path: Path) -> None:
    found = records(BusyNode(), tmp_path, lambda run: run.conclude())

    agreement = next(one for one in found if one["kind"] == "agreement")
    assert (agreement["agreed"], agreement["why"]) == (False, "the nodes were still being written to")
    assert sum(one["kind"] == "read.done" for one in found) == 1


def test_every_order_of_a_run_has_its_mark(tmp_path: Path) -> None:
    async def play(run: Run) -> None:
        run.operations.mark = "r"
        await run.operations.place(CLIENT, "ANA", [{"sku": "CAFE", "quantity": 1}], key="k")

    asked, answered = records(FakeNode(), tmp_path, play)[1:]
    assert (asked["request"]["note"], answered["response"]["note"]) == ("r", "r")


def test_nodes_that_do_not_agree_in_time_are_read_and_judged_as_they_are(tmp_path: Path) -> None:
    found = records(UnreadyNode(), tmp_path, lambda run: run.conclude(deadline_seconds=0))
    assert [one["kind"] for one in found] == ["run.start", "read.done", "agreement", "verdict"]
    assert found[2]["why"].startswith("they did not agree after 0 s: matriz is not ready")


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


def test_what_was_not_there_in_time_is_unknown_and_never_hides_a_failure() -> None:
    slow = RunOutcome(verdict=PASS, log=Path("run.jsonl"), unjudged=("it did not drain (waited 60 s)",))
    assert (slow.result, slow.exit_code) == ("UNKNOWN", 2)
    assert slow.lines()[0] == "  NOT JUDGED: it did not drain (waited 60 s)"
    failed = replace(slow, failures=("too much was sold",))
    assert (failed.result, failed.exit_code) == ("FAIL", 1)


@pytest.mark.parametrize(
    ("failures", "unjudged", "line", "code"),
    [
        ([], [], "SCENARIO PASS · promises PASS", 0),
        ([2, 0], [], "SCENARIO FAIL (2 expectations) · promises PASS", 1),
        ([1], [1], "SCENARIO FAIL (1 expectation, 1 not judged in time) · promises PASS", 1),
        ([0, 0], [0, 1], "SCENARIO UNKNOWN (1 not judged in time) · promises PASS", 2),
    ],
)
def test_the_last_line_and_the_exit_code_agree_over_all_rounds(
    failures: list[int], unjudged: list[int], line: str, code: int
) -> None:
    outcomes = [
        RunOutcome(verdict=PASS, log=Path("run.jsonl"), failures=("f",) * many, unjudged=("u",) * late)
        for many, late in zip_longest(failures or [0], unjudged, fillvalue=0)
    ]

    assert (closing_line("SCENARIO", outcomes), exit_code_of(outcomes)) == (line, code)


def test_a_round_that_failed_counts_more_than_one_that_nobody_could_judge() -> None:
    unknown = RunOutcome(verdict=judge([]), log=Path("run.jsonl"))
    failed = RunOutcome(verdict=PASS, log=Path("run.jsonl"), failures=("f",))

    assert exit_code_of([unknown, failed]) == 1
    assert closing_line("SCENARIO", [unknown, failed]) == "SCENARIO FAIL (1 expectation) · promises UNKNOWN"


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
