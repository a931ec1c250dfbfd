"""What `make bench` writes down, how it is judged, and that its page says what was recorded."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from loadtests.bench import __main__ as command
from loadtests.bench import bars, judge, report
from loadtests.bench.notes import Notes
from loadtests.bench.parts import ALL, orders
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import merged, percentile
from loadtests.bench.ratios import BY_NAME, MEMORY, RATIOS, Ratio, Spread, as_json, judged, read
from loadtests.bench.room import Cores, Room


def test_the_file_has_for_each_ratio_the_least_the_median_the_most_and_the_goal() -> None:
    assert as_json({"orders": [1.0, 3.0, 2.0]}, rounds=3, machine={"cores": 2}) == {
        "ratios": {"orders": {"min": 1.0, "median": 2.0, "max": 3.0, "goal": 1.5}},
        "rounds": 3,
        "machine": {"cores": 2},
    }


def test_every_ratio_is_measured_by_one_part_and_by_no_other() -> None:
    measured = [name for part in ALL for name in part.ratios]

    assert sorted([*measured, MEMORY]) == sorted(BY_NAME)


@pytest.mark.parametrize("ratio", RATIOS, ids=lambda ratio: ratio.name)
def test_the_page_explains_every_ratio(ratio: Ratio) -> None:
    assert f"`{ratio.name}`" in report.PAGE.read_text("utf-8")


def test_a_goal_is_reached_from_its_own_side() -> None:
    assert BY_NAME["orders"].reached(1.5)
    assert not BY_NAME["orders"].reached(1.49)
    assert BY_NAME["p99"].reached(0.8)
    assert not BY_NAME["p99"].reached(0.81)


def test_the_judge_has_a_line_for_each_goal_and_fails_for_one_that_is_missed_or_not_measured() -> None:
    goals = [ratio for ratio in RATIOS if ratio.goal is not None]
    reached = {ratio.name: Spread(0, ratio.goal or 0, 9) for ratio in goals}
    lines, passed = judged(reached)
    assert passed
    assert len(lines) == len(goals)

    lines, passed = judged({**reached, "orders": Spread(1.4, 1.4, 1.6)})
    assert not passed
    assert [line.split()[1] for line in lines if line.startswith("MISSED")] == ["orders"]

    del reached["lag"]
    lines, passed = judged(reached)
    assert not passed
    assert [line.split()[1:4] for line in lines if line.startswith("MISSED")] == [["lag", "not", "measured"]]


def test_the_judge_says_what_to_do_where_nothing_was_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="run `make bench` first"):
        judge.main(tmp_path / "bench.json")


def test_one_part_alone_leaves_the_other_ratios_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "JSON", tmp_path / "bench.json")
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    first, second = Notes(rounds=1), Notes(rounds=2)
    first.ratio("orders", 1.0)
    first.ratio("peers", 2.0)
    second.ratio("orders", 3.0)

    report.whole(first, only=None, record=False)
    report.whole(second, only="orders", record=False)

    found = read(tmp_path / "bench.json")
    assert {name: spread.median for name, spread in found.items()} == {"orders": 3.0, "peers": 2.0}
    assert json.loads((tmp_path / "bench.json").read_text("utf-8"))["rounds"] == 2


def test_only_takes_a_part_or_a_ratio_and_names_all_of_them_for_anything_else() -> None:
    assert [part.name for part in command._chosen("orders")] == ["orders"]
    assert [part.name for part in command._chosen("plain")] == ["peers"]
    assert command._chosen(None) == [*ALL]
    with pytest.raises(SystemExit, match="there is no 'speed'; parts and their ratios: orders"):
        command._chosen("speed")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit("no disk"), "ended early: no disk"),
        (KeyError("disk"), "ended early by an error of its own: KeyError('disk')"),
    ],
    ids=["refused", "its own error"],
)
def test_a_part_that_fails_takes_no_other_figures_away(error: BaseException, said: str) -> None:
    def play(_room: Room, notes: Notes, _rounds: Iterator[int]) -> None:
        notes.ratio("lag", 1.0)
        raise error

    room = Room(Path(), "python", Cores(None, None), rounds=1, seconds=1.0, orders=1, before="HEAD")
    notes = Notes()
    notes.ratio("orders", 1.0)

    assert not command._played(Part("lag", ("lag",), 1, 1, play), room, notes)

    assert notes.ratios == {"orders": [1.0], "lag": [1.0]}
    assert [*notes.remarks] == [f"lag: {said}"]


def test_the_usual_run_takes_25_minutes_at_most_and_the_quick_one_90_seconds() -> None:
    assert sum(part.seconds(5) for part in ALL) <= 25 * 60
    assert orders.QUICK.seconds(5) <= 90


def test_several_generators_are_one_load() -> None:
    one = {
        "seconds": 2.0,
        "busy": 0.5,
        "statuses": {"201": 2, "503": 1},
        "microseconds": {"order": [3000, 1000]},
    }
    other = {"seconds": 2.0, "busy": 0.7, "statuses": {"201": 1}, "microseconds": {"order": [2000]}}

    found = merged(map(json.dumps, (one, other)))

    assert (found.rate, found.busy, found.refused_share) == (1.5, 0.7, 0.25)
    assert found.times == {"order": [0.001, 0.002, 0.003]}
    assert (found.quantile(50), found.quantile(99)) == (0.002, 0.003)
    assert percentile([1, 2, 3, 4], 50) == 2


def test_a_load_of_which_nothing_was_taken_is_at_least_as_slow_as_it_was_long() -> None:
    refused = {"seconds": 2.0, "busy": 0.5, "statuses": {"503": 4}, "microseconds": {}}

    found = merged([json.dumps(refused)])

    assert (found.rate, found.quantile(50), found.refused_share) == (0.5, 2.0, 1.0)


def test_refusals_and_a_generator_without_time_are_said() -> None:
    notes = Notes()
    busy = {"seconds": 1.0, "busy": 0.95, "statuses": {"201": 1, "503": 1}, "microseconds": {"order": [5]}}

    notes.pressed("one node", merged([json.dumps(busy)]))

    assert len(notes.remarks) == 2
    assert notes.figures["not taken %"]["one node"] == [50.0]


def test_a_chart_is_one_picture_that_loads_nothing() -> None:
    svg = bars.chart("orders <a second>", {"no-op": [1.0, 2.0], "one node & peers": [3.0]})

    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert svg.count("<rect") == 3  # the ground and two bars
    assert "&lt;a second&gt;" in svg
    assert "one node &amp; peers" in svg
    assert "href" not in svg


def test_a_figure_has_as_many_digits_as_say_something() -> None:
    assert [bars.written(each) for each in (12_345.6, 100.4, 99.96, 0.123456)] == [
        "12,346",
        "100",
        "100",
        "0.123",
    ]


def test_the_page_has_the_recorded_figures() -> None:
    if not report.RECORDED.is_file():
        pytest.skip("nothing is recorded yet")
    page = report.PAGE.read_text("utf-8")

    assert report.with_recorded(page, json.loads(report.RECORDED.read_text("utf-8"))) == page


def test_the_table_between_the_marks_is_replaced_and_nothing_else() -> None:
    found = as_json(
        {"orders": [1.0, 2.0, 3.0]},
        rounds=3,
        machine={
            "date": "2026-11-30",
            "commit": "abc",
            "cores": 2,
            "processor": "P",
            "memory_gib": 8,
            "system": "Linux",
            "python": "3.11",
        },
    )

    page = report.with_recorded(f"before\n{report._BEGIN}\nold\n{report._END}\nafter\n", found)

    assert page.startswith(f"before\n{report._BEGIN}\n2026-11-30, commit abc: 2 cores of P, 8 GiB")
    assert page.endswith(f"{report._END}\nafter\n")
    assert "| `orders` | 1.00 / **2.00** / 3.00 | ≥ 1.5 | reached |" in page
    assert "old" not in page
