"""`./lab verify` on the log of a real run: the verdict of the run itself, FAIL when the log tells less."""

import json
from pathlib import Path

import pytest

from branchlab.checking.runlog import read_records
from branchlab.checking.verify import judge_run, read_run
from branchlab.teaching.scenarios.registry import get
from branchlab.teaching.scenarios.runner import RunOptions, run

pytestmark = [pytest.mark.cluster, pytest.mark.timed]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of nodes that are killed under load for a few seconds."""
    options = RunOptions(seconds=5, directory=tmp_path_factory.mktemp("scenarios"))
    (outcome,) = run(get("kill-nine"), options)
    assert outcome.exit_code == 0, outcome.lines()
    return outcome.log


def test_it_is_the_verdict_of_the_run_itself(log: Path) -> None:
    own = [record for record in read_records(log) if record["kind"] == "verdict"]

    assert [{**own[0], **judge_run(log, read_run(log)).as_record()}] == own


def test_an_order_that_one_node_does_not_show_is_lost(log: Path, tmp_path: Path) -> None:
    records = [dict(record) for record in read_run(log)]
    gone = next(one for one in records if one["kind"] == "read.order" and one["phase"] == "final")
    for record in records:
        if (record["kind"], record.get("phase"), record.get("node")) == ("read.done", "final", gone["node"]):
            record["orders"] -= 1
    spoilt = tmp_path / "run.jsonl"
    spoilt.write_text("".join(json.dumps(one) + "\n" for one in records if one is not gone), encoding="utf-8")

    verdict = judge_run(spoilt, read_run(spoilt))

    assert (verdict.result, verdict.lost) == ("FAIL", 1)
    assert f"is missing at {gone['node']}" in verdict.problems[0]
