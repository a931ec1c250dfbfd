"""The live chart never shows a guess, and the expected line is rate × time."""

import pytest
from rich.console import Console

from branchlab.language import LANGUAGES, Language, speaking
from branchlab.networks.drivers import NodeState
from branchlab.networks.status import NetworkReading, NodeReading
from branchlab.teaching.demo import chart
from branchlab.teaching.demo.chart import Axes, Point
from branchlab.teaching.demo.screen import Curve, Expectation, pending_to
from branchlab.tests.readings import status

SUL, OTHERS = "filial-sul", ("matriz", "filial-norte")
EXPECTATION = Expectation(victim=SUL, fault="paused", start=0, orders=6.0, events=3.0, seconds=10.0)


def drawn(points: list[Point], **changes: float) -> list[str]:
    """The chart of 10 columns and 5 rows for 10 s of 10 events a second, without its labels."""
    measures = {"span": 10.0, "selling_until": 10.0, "fault_until": 10.0, "rate": 10.0, **changes}
    lines = chart.draw(points, Axes(width=10, height=5, **measures))
    return [line.plain[8:] for line in lines]


def reading(*, pending: int | None, sul: NodeState = "paused") -> NetworkReading:
    """Each of the others has `pending` for filial-sul; None stands for one that gives no status."""
    nodes = [
        NodeReading(
            name=name,
            state="running" if pending is not None else "unreachable",
            ready=None if pending is None else True,
            status=None
            if pending is None
            else status(name, [SUL, *(other for other in OTHERS if other != name)], pending=pending),
            error=None,
        )
        for name in OTHERS
    ]
    away = NodeReading(name=SUL, state=sul, ready=None, status=None, error=sul)
    return NetworkReading(nodes=(*nodes, away))


def shown(curve: Curve) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(curve.render())
    return capture.get()


def test_the_expected_line_climbs_from_corner_to_corner() -> None:
    rows = drawn([])[:5]
    assert rows == ["        ••", "      ••  ", "    ••    ", "  ••      ", "••        "]


def test_after_the_last_sale_the_expected_line_stays_level_until_the_fault_ends() -> None:
    rows = drawn([], selling_until=5.0, fault_until=8.0)[:5]
    assert [row.find("•") for row in rows] == [4, 3, 2, 1, 0]
    assert rows[0] == "    ••••  "


def test_what_is_measured_stands_as_bars_below_the_line_and_beyond_it() -> None:
    rows = drawn([Point(0.0, 0), Point(9.0, 100)])[:5]
    assert [row[9] for row in rows] == ["•", "█", "█", "█", "█"]
    assert [row[0] for row in rows] == [" ", " ", " ", " ", "•"]


def test_an_unknown_reading_is_hatched_and_never_drawn_as_zero() -> None:
    rows = drawn([Point(0.0, None), Point(5.0, 50)], fault_until=0.0)[:5]
    assert [row[2] for row in rows] == ["╱"] * 5
    assert [row[5] for row in rows] == [" ", " ", "▄", "█", "█"]


def test_one_pending_event_shows_beside_a_thousand() -> None:
    rows = drawn([Point(0.0, 1), Point(5.0, 1000)], rate=0.0, fault_until=0.0)[:5]
    assert rows[4][0] == "▁"


def test_what_comes_after_the_last_reading_stays_empty() -> None:
    rows = drawn([Point(0.0, 80), Point(4.0, 80)], fault_until=0.0)[:5]
    assert all(row[5:] == " " * 5 for row in rows)


def test_the_band_covers_the_time_of_the_fault() -> None:
    assert drawn([], fault_until=7.0)[5] == "▒▒▒▒▒▒▒───"


def test_pending_is_unknown_as_soon_as_one_of_the_others_is() -> None:
    assert pending_to(reading(pending=7), SUL) == 14
    assert pending_to(reading(pending=None), SUL) is None


def test_the_links_tell_paused_from_stopped_and_know_nothing_of_a_silent_node() -> None:
    curve = Curve(EXPECTATION)
    curve.add(reading(pending=7, sul="stopped"), seconds=1.0)
    lines = [line.split() for line in shown(curve).splitlines()[-3:]]
    assert lines == [
        ["matriz", "running", "→", SUL, "7", "→", "others", "0"],
        ["filial-norte", "running", "→", SUL, "7", "→", "others", "0"],
        [SUL, "stopped", "→", "others", "?"],
    ]


def test_an_unknown_reading_is_called_unknown_in_words_too() -> None:
    curve = Curve(EXPECTATION)
    curve.add(reading(pending=None), seconds=5.0)
    assert curve.line() == "  5.0 s: unknown pending, expected 90"
    assert "measured: unknown" in shown(curve)


def test_nothing_is_expected_any_more_once_the_branch_comes_back() -> None:
    curve = Curve(EXPECTATION)
    curve.add(reading(pending=90), seconds=10.0)
    curve.heal(seconds=10.2)
    curve.add(reading(pending=0, sul="running"), seconds=11.0)
    assert curve.line() == "  11.0 s: 0 pending"


def test_the_legend_and_the_line_are_written_as_people_of_the_language_do() -> None:
    curve = Curve(Expectation(SUL, "pausada", 1234, 6.0, 3.25, 10.0))
    curve.add(reading(pending=700), seconds=5.0)
    with speaking("pt-BR"):
        assert curve.line() == "  5,0 s: 1.400 pendentes, esperado 1.332"
        text = shown(curve)
    assert "Pendentes para filial-sul (pausada)" in text
    assert "medido: 1.400" in text
    assert "esperado: 1.234 + 6,0 pedidos/s × 3,25 eventos = 19,5/s" in text
    assert text.splitlines()[-1].split() == [SUL, "pausada", "→", "outras", "?"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chart_fits_a_terminal_of_80_columns(language: Language) -> None:
    curve = Curve(Expectation(SUL, "inalcançável", 12345, 50.0, 12.25, 300.0))
    curve.add(reading(pending=123456), seconds=1.0)
    curve.add(reading(pending=None), seconds=2.0)
    with speaking(language):
        lines = shown(curve).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert len(lines) <= 24
