"""Every run has its own log, the newest is found by a link, and `./lab runs` lists them with verdicts."""

import json
from pathlib import Path

import pytest

from branchlab.checking.runlog import RunLog, read_records
from branchlab.checking.runs import open_log
from branchlab.networks import lease
from branchlab.tests.program import exit_code


def play(directory: Path, run: str, *, verdict: str | None = "PASS") -> Path:
    """The log of a run; without a verdict, it was interrupted."""
    with open_log(directory, run) as log:
        start(log)
        if verdict is not None:
            log.verdict({"result": verdict, "problems": ["a long one " * 20_000]})
        return log.path


def start(log: RunLog) -> None:
    log.start(run="r", what="load", seed=None, nodes={"a": "", "b": ""}, policy="escrow", driver="process")


def lab(*words: str) -> int:
    return exit_code(*words)


def test_each_run_keeps_its_log_and_the_link_leads_to_the_newest(tmp_path: Path) -> None:
    logs = [play(tmp_path, run) for run in ("load-1", "demo-1")]

    assert [path.name for path in logs] == ["load-1.jsonl", "demo-1.jsonl"]
    assert all(len(list(read_records(path))) == 2 for path in logs)
    assert (tmp_path / "run.jsonl").resolve() == logs[1].resolve()


def test_a_log_of_an_earlier_lab_is_kept(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("{}\n", encoding="utf-8")

    play(tmp_path, "load-1")

    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "runs").iterdir()) == [
        "earlier",
        "load",
    ]


def test_the_list_says_how_each_run_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "load-1", verdict="FAIL")
    play(tmp_path, "load-2", verdict=None)
    with lease.held(tmp_path, "load-3"):
        play(tmp_path, "load-3", verdict=None)
        assert lab("runs", "--json", "--run-dir", str(tmp_path)) == 0

    listed = json.loads(capsys.readouterr().out)
    assert {Path(one["log"]).stem: one["result"] for one in listed} == {
        "load-1": "FAIL",
        "load-2": "unfinished",
        "load-3": "under way",
    }
    assert {(one["what"], one["nodes"]) for one in listed} == {("load", 2)}


def test_the_list_names_the_report_of_a_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = play(tmp_path, "load-1")
    for name in ("load-1.load.html", "load-1.load_stats.csv", "load-1.load.json", "load-10.load_stats.csv"):
        (log.parent / name).touch()

    assert lab("runs", "--run-dir", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "report:",
        str(log.parent / "load-1.load.html"),
    ]
    assert lab("runs", "--json", "--run-dir", str(tmp_path)) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["reports"] == [str(log.parent / f"load-1.load{end}") for end in (".html", "_stats.csv")]


def test_where_nothing_was_played_the_list_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("runs", "--run-dir", str(tmp_path)) == 0
    assert capsys.readouterr().out.startswith("there is no run yet")


def test_without_a_file_the_newest_run_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "load-1")

    assert lab("verify", "--run-dir", str(tmp_path)) == 2
    assert "load over 2 nodes" in capsys.readouterr().out


def test_without_any_run_there_is_nothing_to_judge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("verify", "--run-dir", str(tmp_path)) == 2
    assert "there is no run log in" in capsys.readouterr().err
