"""The run log says what happened in the order in which it happened, and survives a crash of its writer."""

import json
from pathlib import Path
from typing import Any

import pytest

from branchlab.checking.runlog import RunLog, read_records
from branchlab.errors import LabError
from branchlab.tests.run_records import make_order, make_stock


def write_a_run(path: Path) -> list[dict[str, Any]]:
    ticks = iter(range(100, 10_000, 10))
    with RunLog(path, clock=lambda: next(ticks), wall_clock=lambda: "now") as log:
        log.start(run="r1", what="test", seed=7, nodes={"a": "http://a"}, policy="escrow", driver="process")
        op = log.invoke("order", "a", {"customer": "ANA", "lines": []}, key="k")
        log.info(op, reason="ReadTimeout")
        op = log.invoke("order", "a", {"customer": "ANA", "lines": []}, key="k", attempt=2)
        log.ok(op, response={"id": "id-1"})
        op = log.invoke("adjust", "a", {"sku": "CAFÉ", "quantity": 1})
        log.fail(op, status=422, code="validation", problem={"detail": "no"})
        fault = log.fault_requested("stop", "a")
        log.fault_active(fault)
        log.fault_healed(fault)
        log.sample("a", None)
        log.read("a", "final", orders=[make_order(1)], stock=[make_stock()])
        log.agreement(None)
        log.verdict({"result": "PASS"})
    return [dict(record) for record in read_records(path)]


def test_every_kind_of_record_is_written_in_order(tmp_path: Path) -> None:
    records = write_a_run(tmp_path / "run.jsonl")

    assert [record["kind"] for record in records] == [
        "run.start",
        "op.invoke",
        "op.info",
        "op.invoke",
        "op.ok",
        "op.invoke",
        "op.fail",
        "fault.requested",
        "fault.active",
        "fault.healed",
        "sample",
        "read.order",
        "read.stock",
        "read.done",
        "agreement",
        "verdict",
    ]


def test_time_is_counted_from_the_start_of_the_run(tmp_path: Path) -> None:
    records = write_a_run(tmp_path / "run.jsonl")

    assert [record["at_ns"] for record in records[:3]] == [10, 20, 30]


def test_an_outcome_carries_the_number_of_its_request(tmp_path: Path) -> None:
    records = write_a_run(tmp_path / "run.jsonl")

    assert [record["op"] for record in records if record["kind"].startswith("op.")] == [1, 1, 2, 2, 3, 3]


def test_every_kind_of_record_is_documented(tmp_path: Path) -> None:
    """docs/runlog.md names every kind and every field, so that a checker can be written from it alone."""
    page = (Path(__file__).parents[2] / "docs" / "runlog.md").read_text(encoding="utf-8")

    for record in write_a_run(tmp_path / "run.jsonl"):
        missing = [name for name in (record["kind"], *record) if f"`{name}`" not in page]
        assert missing == []


def test_no_log_is_ever_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = write_a_run(path)

    with pytest.raises(LabError, match=r"there is a run log .* already; every run has its own"):
        RunLog(path)

    assert [dict(record) for record in read_records(path)] == first


def test_a_last_line_cut_short_by_a_crash_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = write_a_run(path)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": "sample"})[:-3])

    assert [dict(record) for record in read_records(path)] == whole


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"kind": "verdict"}\n[1, 2]\n', encoding="utf-8")

    with pytest.raises(LabError, match="line 2 is not a record"):
        list(read_records(path))


def test_a_log_that_is_not_there_is_one_plain_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot read the run log"):
        list(read_records(tmp_path / "none.jsonl"))


def test_another_program_goes_on_where_the_first_left_off(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunLog(path, clock=iter([100, 107]).__next__) as first:
        first.invoke("order", "matriz", {})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"kind":"op.ok","op":1,"resp')  # the first program was killed while it wrote

    with RunLog(path, resume=True, clock=iter([5000, 5000, 5002]).__next__) as second:
        op = second.invoke("order", "matriz", {})

    assert op == 2
    assert [(record["op"], record["at_ns"]) for record in read_records(path)] == [(1, 7), (2, 9)]


def test_only_a_log_that_is_there_can_be_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot read the run log"):
        RunLog(tmp_path / "run.jsonl", resume=True)
