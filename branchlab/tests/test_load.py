"""`./lab load` around Locust: what it takes, how Locust is started, and what it tells at the end."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from branchlab import console
from branchlab.checking.runlog import RunLog, read_records
from branchlab.errors import LabError
from branchlab.teaching.load import command, locust, workers
from branchlab.teaching.load.command import parse_seconds
from branchlab.teaching.load.locust import Load
from branchlab.teaching.load.report import percentile, requests_table, tally_lines
from branchlab.tests.program import at_place, exit_code

FIGURES = Path("/runs/load.json")


def entry(method: str, name: str, times: Mapping[str, int], *, failed: int = 0) -> dict[str, Any]:
    """One entry as Locust writes it, over ten seconds."""
    return {
        "method": method,
        "name": name,
        "num_requests": sum(times.values()),
        "num_failures": failed,
        "response_times": dict(times),
        "start_time": 1000.0,
        "last_request_timestamp": 1010.0,
    }


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("2m", 120), (" 90 ", 90), ("10m", 600)])
def test_a_time_is_given_in_seconds_or_minutes(text: str, seconds: int) -> None:
    assert parse_seconds(text) == seconds


def test_a_load_with_a_page_says_for_whom_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(console, "progress", Console(file=log, width=120))
    with command._waiting_for_people(Load(users=50, seconds=60, suite="mixed")):
        assert log.getvalue() == ""
    with command._waiting_for_people(Load(users=None, seconds=60, suite="mixed")):
        assert log.getvalue() == (
            "the page is open: press START there; Ctrl-C here ends the load, and it is judged\n"
        )


@pytest.mark.parametrize("text", ["", "0s", "11m", "1h", "-5s", "5 s", "ten", "٣s"])
def test_a_time_that_is_none_or_longer_than_ten_minutes_is_one_plain_line(text: str) -> None:
    with pytest.raises(LabError, match="--time wants 1s to 600s, as in 60s or 2m"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--suite", "tsunami"),
            "lab: there is no load suite 'tsunami'; the suites are mixed, hot-product, login-storm,"
            " read-heavy, classroom, rush-hour\n",
        ),
        (("--time", "1h"), "lab: --time wants 1s to 600s, as in 60s or 2m, not '1h'\n"),
    ],
)
def test_a_mistake_starts_nothing(
    options: tuple[str, str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("load", *at_place(tmp_path), *options) == 2
    assert capsys.readouterr().err == line
    assert list(tmp_path.iterdir()) == []


def test_locust_runs_headless_for_a_time_or_shows_its_page_on_this_machine_only() -> None:
    headless = locust.command(Load(users=50, seconds=60, suite="mixed"), figures=FIGURES)
    page = locust.command(Load(users=None, seconds=60, suite="mixed"), figures=FIGURES)
    assert headless[headless.index("--json-file") :] == [
        *("--json-file", "/runs/load", "--csv", "/runs/load", "--headless", "--only-summary"),
        *("--users", "50", "--spawn-rate", "10", "--run-time", "60s"),
    ]
    assert page[-4:] == ["--web-host", "127.0.0.1", "--web-port", "18089"]


def test_every_suite_has_its_locustfiles() -> None:
    for suite in locust.SUITES:
        start = locust.command(Load(users=2, seconds=5, suite=suite), figures=FIGURES)
        files = start[start.index("--locustfile") + 1].split(",")
        assert all(Path(file).is_file() for file in files)
    assert files[-1].endswith("loadtests/rush_hour.py")


def test_workers_and_their_master_meet_on_this_machine_only() -> None:
    wanted = Load(users=2, seconds=5, suite="mixed", workers=3, master_port=20001)
    start = locust.command(wanted, figures=FIGURES)
    first = start.index("--processes")
    assert start[first : first + 10] == [
        *("--processes", "3", "--master-bind-host", "127.0.0.1", "--master-bind-port", "20001"),
        *("--master-host", "127.0.0.1", "--master-port", "20001"),
    ]


def test_the_parts_of_workers_become_one_log_in_the_order_of_time(tmp_path: Path) -> None:
    moments = iter(range(0, 1000, 10))
    log = tmp_path / "load-1.jsonl"

    def now() -> int:
        return next(moments)

    with RunLog(log, clock=now) as first:
        first.ok(first.invoke("adjust", "matriz", {}), response={})
    parts = [workers.begin_part(log, number) for number in (1, 2)]
    began = now()
    one, two = (RunLog(part, resume=True, resumed_at=began, clock=now) for part in parts)
    slow = one.invoke("order", "matriz", {"note": "slow"})
    quick = two.invoke("order", "filial-sul", {"note": "quick"})
    two.ok(quick, response={"id": "2"})
    one.ok(slow, response={"id": "1"})
    one.close()
    two.close()
    with parts[1].open("a") as file:
        file.write('{"kind": "op.ok", "cut sho')

    workers.merge(log)

    found = [(record["kind"], record["op"], record.get("response")) for record in read_records(log)]
    assert found[2:] == [
        ("op.invoke", 2, None),
        ("op.invoke", 3, None),
        ("op.ok", 3, {"id": "2"}),
        ("op.ok", 2, {"id": "1"}),
    ]
    times = [record["at_ns"] for record in read_records(log)]
    assert times == sorted(times)
    assert [*tmp_path.iterdir()] == [log]


def test_a_percentile_counts_every_request() -> None:
    times = {10.0: 90, 20.0: 9, 500.0: 1}
    assert [percentile(times, percent) for percent in (50, 95, 99, 100)] == [10.0, 20.0, 20.0, 500.0]


def test_the_table_adds_up_and_fits_a_terminal_of_80_columns() -> None:
    figures = [
        entry("POST", "matriz /orders", {"12": 30}),
        entry("POST", "filial-litoral /orders", {"900": 10}, failed=2),
        entry("POST", "matriz /orders/{id}/cancel", {"20": 10}),
    ]
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(requests_table(figures))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["POST", "/orders", "40", "2", "4.0", "12", "900", "900"]
    assert lines[3].split() == ["at", "filial-litoral", "10", "2", "1.0", "900", "900", "900"]
    assert lines[4].split() == ["at", "matriz", "40", "0", "4.0", "12", "20", "20"]
    assert lines[5].split() == ["all", "50", "2", "5.0", "12", "900", "900"]


def test_a_load_without_requests_still_has_a_table() -> None:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(requests_table([]))
    assert capture.get().splitlines()[1].split() == ["all", "0", "0", "0.0", "–", "–", "–"]


def test_the_tally_tells_refusals_by_their_reason_and_leaves_the_preparation_out() -> None:
    records: list[dict[str, Any]] = [
        {"kind": "op.invoke", "op": 1, "action": "adjust", "attempt": 1},  # the lab's own, before
        {"kind": "op.ok", "op": 1},
        {"kind": "op.invoke", "op": 2, "action": "order", "attempt": 1},
        {"kind": "op.ok", "op": 2},
        {"kind": "op.invoke", "op": 3, "action": "order", "attempt": 2},
        {"kind": "op.fail", "op": 3, "code": "out_of_stock"},
        {"kind": "op.invoke", "op": 4, "action": "cancel", "attempt": 1},
        {"kind": "op.info", "op": 4},
        {"kind": "read.done", "orders": 1, "stock": 1},
    ]
    assert tally_lines(records, after=1) == [
        "orders: 1 accepted, 1 refused (out_of_stock); 1 of them asked again with the same key",
        "cancellations: 1 unknown",
        "stock adjustments: none",
    ]
