"""The live screen never shows a guess: what is unknown is a gap or a question mark."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from branchlab.networks.status import NetworkReading, NodeReading, StatusReader
from branchlab.networks.watch import Screen, sparkline, watch
from branchlab.settings import load_or_create
from branchlab.tests.readings import NETWORK, network_of, said_by, status


def fresh() -> Screen:
    return Screen(NETWORK)


def shown(screen: Screen, *, width: int = 160, height: int = 60) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        console.print(screen.render())
    return capture.get()


def line_with(text: str, screen: Screen, *, width: int = 160) -> str:
    return next(line for line in shown(screen, width=width).splitlines() if text in line)


def reading(sul: NodeReading, *, pending: int = 0) -> NetworkReading:
    matriz = said_by("matriz", "running", status("matriz", ["filial-sul"], pending=pending, oldest=2.5))
    return network_of(matriz, sul)


ALIVE = said_by("filial-sul", "running", status("filial-sul", ["matriz"]))
PAUSED = said_by("filial-sul", "paused", None, "paused")


def test_the_chart_runs_from_zero_to_the_highest_and_leaves_gaps() -> None:
    assert sparkline([0, 5, None, 10], highest=10) == "▁▄·█"


def test_a_single_pending_event_shows_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000], highest=1000) == "▁▂█"


def test_nothing_pending_is_a_flat_line() -> None:
    assert sparkline([0, 0, 0], highest=0) == "▁▁▁"


def test_pending_grows_on_the_link_to_the_branch_that_is_away() -> None:
    screen = fresh()
    for second, pending in enumerate([0, 5, 10]):
        screen.update(reading(PAUSED, pending=pending), now=float(second))
    assert "▁▄█" in shown(screen)
    assert "2.5 s" in shown(screen)


def test_all_charts_have_one_scale_and_the_legend_names_it() -> None:
    screen = fresh()
    for pending in (0, 40):
        busy = said_by("matriz", "running", status("matriz", ["filial-sul", "filial-norte"], pending=pending))
        calm = said_by(
            "filial-norte", "running", status("filial-norte", ["filial-sul"], pending=pending // 10)
        )
        screen.update(network_of(busy, calm, PAUSED), now=0.0)
    assert line_with("→ filial-sul          40", screen).rstrip().endswith("▁█")
    assert line_with("→ filial-sul           4", screen).rstrip().endswith("▁▂")
    assert "one scale for all, full height 40" in shown(screen)


def test_the_scale_is_that_of_the_part_that_is_shown() -> None:
    screen = fresh()
    for second in range(300):
        screen.update(reading(ALIVE, pending=1000 if second == 0 else 2), now=float(second))
    assert "full height 2" in shown(screen, width=80)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_chart_takes_the_width_that_there_is_and_nothing_is_cut_off(width: int) -> None:
    trouble = "answered 503: this branch fetches what it lacks from others"
    said = status("matriz", ["filial-sul"], pending=10, oldest=2.5, error=trouble, next_try=12.0)
    screen = fresh()
    for second in range(250):
        screen.update(network_of(said_by("matriz", "running", said), PAUSED), now=float(second))
    text = shown(screen, width=width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert f"{trouble}; next try in 12 s" in " ".join(text.split())
    chart = line_with("→ filial-sul", screen, width=width).split()[3]
    assert set(chart) == {"█"}
    assert len(chart) == {60: 22, 80: 42, 120: 42, 200: 122}[width]


def test_a_node_that_went_silent_shows_how_old_its_last_word_is() -> None:
    screen = fresh()
    screen.update(reading(ALIVE), now=0.0)
    screen.update(reading(PAUSED), now=12.0)
    assert "paused" in shown(screen)
    assert "last seen 12 s ago" in shown(screen)
    assert "▁·" in shown(screen)


def test_a_node_never_heard_of_is_all_question_marks() -> None:
    screen = fresh()
    screen.update(reading(said_by("filial-sul", "unreachable", None, "refuses connections")), now=0.0)
    heading = next(line for line in shown(screen).splitlines() if line.startswith("filial-sul"))
    assert heading.split(maxsplit=2)[1:] == ["unreachable", "nothing known (refuses connections)"]
    assert line_with("→ matriz", screen).split() == ["→", "matriz", "?", "·"]


def test_a_screen_too_low_for_all_links_leaves_out_those_with_nothing_to_show() -> None:
    names = NETWORK.names
    nodes = [
        said_by(name, "running", status(name, [one for one in names if one != name], pending=pending))
        for name, pending in zip(names, (3, 0, 0), strict=True)
    ]
    screen = fresh()
    screen.update(network_of(*nodes), now=0.0)
    low = shown(screen, height=13)
    assert "→ filial-norte         3" in low
    assert "→ 1 more link, nothing pending" in low
    assert low.count("→ 2 more links, nothing pending") == 2
    assert "not converged" in low


@pytest.mark.parametrize("height", [6, 8, 10, 12, 14, 16, 18, 40])
def test_a_screen_of_any_height_keeps_the_title_the_verdict_and_the_keys(height: int) -> None:
    screen = fresh()
    screen.update(reading(PAUSED, pending=3), now=0.0)
    lines = shown(screen, width=80, height=height).splitlines()
    assert len(lines) <= height
    assert lines[0].startswith("3 branches")
    assert lines[-2:] == ["not converged", "keys: q ends · space holds the picture"]


class Readings:
    """A reader that gives these readings one by one, then the last one again."""

    def __init__(self, readings: Sequence[NetworkReading]) -> None:
        self._readings = [*readings]

    async def read(self) -> NetworkReading:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]


def watched(monkeypatch: pytest.MonkeyPatch, pressed: str, *readings: NetworkReading) -> str:
    """What the screen shows at its end, with these keys pressed after the first readings."""
    monkeypatch.setattr("branchlab.networks.watch.INTERVAL_SECONDS", 0.0)
    screen = fresh()

    async def run() -> None:
        keys: asyncio.Queue[str] = asyncio.Queue()
        for key in pressed:
            keys.put_nowait(key)
        console = Console(file=io.StringIO(), width=100, force_terminal=True)
        await watch(Readings(readings), screen, console, seconds=None, keys=keys)

    asyncio.run(asyncio.wait_for(run(), timeout=20))
    return shown(screen)


def test_q_ends_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "keys: q ends · space holds the picture" in watched(monkeypatch, "xq", reading(ALIVE))


def test_space_holds_the_picture_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    text = watched(monkeypatch, " q", reading(ALIVE))
    assert "· held" in text
    assert "keys: q ends · space goes on" in text


def test_a_held_picture_stays_while_readings_go_on() -> None:
    screen = fresh()
    screen.update(reading(ALIVE, pending=5), now=0.0)
    screen.hold()
    screen.update(reading(ALIVE, pending=9), now=1.0)
    assert line_with("→ filial-sul", screen).split()[2] == "5"
    screen.hold()
    assert line_with("→ filial-sul", screen).split()[2] == "9"


def test_a_mistake_in_a_reading_is_not_swallowed(tmp_path: Path) -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        raise ValueError("a mistake of ours")

    async def run() -> None:
        reader = StatusReader(
            NETWORK,
            load_or_create(tmp_path / "env"),
            state_of=lambda _name: "running",
            transport=httpx.MockTransport(broken),
        )
        async with reader:
            await watch(reader, fresh(), Console(file=io.StringIO()), seconds=None, keys=None)

    with pytest.raises(ValueError, match="a mistake of ours"):
        asyncio.run(run())
