"""The live screen never shows a guess: what is unknown is a gap or a question mark."""

from rich.console import Console

from lab.networks.drivers import NodeState
from lab.networks.status import NetworkReading, NodeReading
from lab.networks.watch import Screen, sparkline
from lab.nodes.contract import Status
from lab.tests.readings import status


def shown(screen: Screen, *, width: int = 160) -> str:
    console = Console(width=width, record=True, quiet=False, file=None, color_system=None)
    with console.capture() as capture:
        console.print(screen.render())
    return capture.get()


def node(name: str, state: NodeState, said: Status | None, error: str | None = None) -> NodeReading:
    return NodeReading(
        name=name, state=state, ready=said["ready"] if said else None, status=said, error=error
    )


def reading(sul: NodeReading, *, pending: int = 0) -> NetworkReading:
    matriz = node("matriz", "running", status("matriz", ["filial-sul"], pending=pending, oldest=2.5))
    return NetworkReading(nodes=(matriz, sul))


ALIVE = node("filial-sul", "running", status("filial-sul", ["matriz"]))
PAUSED = node("filial-sul", "paused", None, "paused")


def test_the_chart_runs_from_zero_to_the_highest_and_leaves_gaps() -> None:
    assert sparkline([0, 5, None, 10]) == "▁▄·█"


def test_a_single_pending_event_shows_beside_a_thousand() -> None:
    assert sparkline([0, 1, 1000]) == "▁▂█"


def test_nothing_pending_is_a_flat_line() -> None:
    assert sparkline([0, 0, 0]) == "▁▁▁"


def test_pending_grows_on_the_link_to_the_branch_that_is_away() -> None:
    screen = Screen()
    for second, pending in enumerate([0, 5, 10]):
        screen.update(reading(PAUSED, pending=pending), now=float(second))
    assert "▁▄█" in shown(screen)
    assert "2.5 s" in shown(screen)


def test_a_long_trouble_cuts_neither_names_nor_charts_on_a_small_screen() -> None:
    trouble = "ConnectError: [Errno -2] Name or service not known"
    said = status("matriz", ["filial-sul"], pending=10, oldest=2.5, error=trouble)
    screen = Screen()
    for second in range(30):
        screen.update(NetworkReading(nodes=(node("matriz", "running", said), PAUSED)), now=float(second))
    link = next(line for line in shown(screen, width=80).splitlines() if "→ filial-sul" in line)
    assert link.split()[:6] == ["→", "filial-sul", "10", "█" * 30, "2.5", "s"]
    assert "backing_" in link


def test_a_node_that_went_silent_shows_how_old_its_last_word_is() -> None:
    screen = Screen()
    screen.update(reading(ALIVE), now=0.0)
    screen.update(reading(PAUSED), now=12.0)
    assert "paused" in shown(screen)
    assert "last seen 12 s ago" in shown(screen)
    assert "▁·" in shown(screen)


def test_a_node_never_heard_of_is_all_question_marks() -> None:
    screen = Screen()
    screen.update(reading(node("filial-sul", "unreachable", None, "connection refused")), now=0.0)
    heading = next(line for line in shown(screen).splitlines() if line.startswith("filial-sul"))
    assert heading.split(maxsplit=2)[1:] == ["unreachable", "nothing known (connection refused)"]
    link = next(line for line in shown(screen).splitlines() if "→ matriz" in line)
    assert link.split() == ["→", "matriz", "?", "·"]
