"""`./lab verify`: the verdict over any run log, and one plain line for a file that is none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from branchlab.nodes.contract import Stock
from branchlab.tests.program import exit_code
from branchlab.tests.run_records import HandMadeRun, make_order, make_stock

ORDER = make_order(1, quantity=2)
STOCK = make_stock(received=10, sold=2)


def recorded(directory: Path, *stock: Stock, orders: int = 1) -> Path:
    """The log of a run with some orders of two units each, and what every node shows at its end."""
    run = HandMadeRun(directory)
    run.receive(10)
    asked = [make_order(number, quantity=2) for number in range(1, orders + 1)]
    for order in asked:
        run.order(order)
    run.read([ORDER], stock)
    run.records()  # closes the file
    return run.path


def verify(path: Path, *options: str) -> int:
    return exit_code("verify", str(path), *options)


def test_a_log_whose_promises_are_kept_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(recorded(tmp_path, STOCK)) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "test with seed 1 over 2 nodes, driver process"
    assert said[1].split()[:2] == ["PASS", "lost"]
    assert said[-1] == "VERDICT PASS: 1 acknowledged, 0 lost, 0 duplicated, 0 oversold, converged"


def test_a_broken_promise_is_named_and_ten_of_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(recorded(tmp_path, make_stock(received=10, sold=2), orders=15)) == 1

    said = capsys.readouterr().out.splitlines()
    named = [line for line in said if line.startswith("  lost: order matriz-e1-")]
    assert len(named) == 10
    assert "  FAIL     lost        every acknowledged order and cancellation is at every node" in said
    assert any(line.startswith("  … and ") for line in said)
    assert said[-1].startswith("VERDICT FAIL: 15 acknowledged, 14 lost")


def test_a_log_that_ends_too_early_leaves_the_verdict_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(tmp_path, STOCK)
    path.write_bytes(path.read_bytes()[:-40])  # in the middle of the last line

    assert verify(path) == 2
    assert "filial-sul was not read at the end of the run" in capsys.readouterr().out


def test_a_verdict_of_the_run_itself_is_told_where_it_was_another_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(tmp_path, STOCK)
    with path.open("a", encoding="utf-8") as log:
        log.write('{"kind":"verdict","at_ns":9,"wall":"2026-01-01","result":"FAIL"}\n')

    assert verify(path) == 0
    assert "the verdict at the end of the run was FAIL" in capsys.readouterr().out


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(recorded(tmp_path, STOCK), "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["result"], said["promises"]["lost"], said["problems"]) == ("PASS", "PASS", [])


Spoil = Callable[[Path], object]


def lacks_a_field(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace('"action":', '"acts":'), encoding="utf-8")


def other_format(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace('"format":1', '"format":9'), encoding="utf-8")


FOREIGN: list[tuple[Spoil, str]] = [
    (Path.unlink, "cannot read the run log"),
    (lambda path: path.write_bytes(b"\x89PNG\xff\xfe\n"), "cannot read the run log"),
    (lambda path: path.write_text(""), "does not begin as a run log does"),
    (lambda path: path.write_text("hello\nworld\n"), "line 1 is not a record of a run log"),
    (lambda path: path.write_text('{"kind":"verdict"}\n'), "does not begin as a run log does"),
    (lambda path: path.write_text('{"kind":7}\n'), "line 1 is not a record of a run log"),
    (other_format, "has format 9; this program reads format 1"),
    (lacks_a_field, "has a record that is not as docs/runlog.md says (it lacks the field"),
]


@pytest.mark.parametrize(
    ("spoil", "words"),
    FOREIGN,
    ids=["missing", "binary", "empty", "text", "headless", "kind", "format", "field"],
)
def test_a_file_that_is_no_run_log_is_one_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Spoil, words: str
) -> None:
    path = recorded(tmp_path, STOCK)
    spoil(path)

    assert verify(path) == 2

    said = capsys.readouterr()
    assert words in said.err
    assert (said.out, len(said.err.splitlines())) == ("", 1)
