"""Progress is one moving line on a terminal and plain lines in a log, from the first second on."""

import io

import pytest
from rich.console import Console

from branchlab import console
from branchlab.console import working
from branchlab.steps import EVERY_SECONDS, Lines, Step, first_of, moving_line


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def terminal(width: int) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        color_system=None,
        legacy_windows=False,
        _environ={},
    )


def written(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_log_gets_what_begins_and_each_line_once() -> None:
    lines: list[str] = []
    tell = Lines(lines.append)
    for line in ("starting", "building", "building", Step("1 of 3", done=1, total=3), "building"):
        tell(line)
    assert lines == ["starting", "building", "1 of 3", "building"]


def test_a_log_gets_of_what_only_passes_one_line_in_a_while() -> None:
    lines: list[str] = []
    clock = Clock()
    tell = Lines(lines.append, clock=clock)
    for second in range(int(3 * EVERY_SECONDS)):
        clock.now = float(second)
        tell(Step(f"waiting since {second} s", passing=True))
    assert lines == ["waiting since 10 s", "waiting since 20 s"]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to standard error where that is no terminal."""
    file = io.StringIO()
    monkeypatch.setattr(console, "progress", Console(file=file, width=80))
    return file


def test_a_log_has_the_first_line_before_anything_else_is_told(log: io.StringIO) -> None:
    with working("starting the nodes [driver]…") as tell:
        assert log.getvalue() == "starting the nodes [driver]…\n"
        tell(Step("1 of 3 nodes are ready", done=1, total=3))
    assert log.getvalue() == "starting the nodes [driver]…\n1 of 3 nodes are ready\n"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_terminal_has_one_line_that_fits_with_a_bar_where_the_end_is_known(width: int) -> None:
    screen = terminal(width)
    words = "building the image 3/9: RUN python -m venv [all] && " + "a very long command " * 12
    with moving_line(screen, "looking…") as tell:
        tell(Step(words, done=3, total=9))
    rows = [row for row in written(screen).replace("\r", "\n").splitlines() if "building" in row]
    assert rows
    assert all("━" in row for row in rows)
    assert "RUN" in rows[-1]
    drawn = rows[-1].replace("\x1b[2K", "").replace("\x1b[1A", "").replace("\x1b[?25h", "")
    assert len(drawn.rstrip()) <= width


def test_a_terminal_has_no_bar_where_the_end_is_not_known_any_more() -> None:
    screen = terminal(80)
    with moving_line(screen, "looking…") as tell:
        tell(Step("fetching", done=1, total=2))
        tell("starting the containers…")
    last = written(screen).replace("\r", "\n").split("fetching")[-1]
    assert "starting the containers…" in last
    assert "━" not in last.split("starting the containers…")[-1]


def test_brackets_of_a_step_are_text_and_no_markup() -> None:
    screen = terminal(80)
    with moving_line(screen, "[bold]looking[/bold]") as tell:
        tell("[red]building[/red] [packages 1/2]")
    assert "[bold]looking[/bold]" in written(screen)
    assert "[red]building[/red] [packages 1/2]" in written(screen)


def test_of_many_obstacles_the_first_is_named_and_the_others_are_counted() -> None:
    assert first_of(["a is away"]) == "a is away"
    assert first_of(["a is away", "b is away", "c is away"]) == "a is away (and 2 more)"
