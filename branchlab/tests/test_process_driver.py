"""The process driver's verbs on small stand-in programs; tests/cluster tries them on real nodes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from branchlab.errors import LabError
from branchlab.networks import network, ports
from branchlab.networks.drivers import Driver, readiness
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import UpOptions
from branchlab.tests.standins import STANDIN, standin

MakeDriver = Callable[..., ProcessDriver]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in is ready long before a node is."""
    monkeypatch.setattr(readiness, "_POLL_SECONDS", 0.02)


@pytest.fixture
def make_driver(tmp_path: Path) -> Iterator[MakeDriver]:
    """Makes drivers of one network in tmp_path; whatever they started is stopped at the end."""

    def make(*words: str, ready_seconds: float = 20.0) -> ProcessDriver:
        return ProcessDriver(
            tmp_path / "run",
            env_file=tmp_path / "env",
            command=standin(*words),
            ready_seconds=ready_seconds,
        )

    yield make
    make().down()


@pytest.fixture
def two(make_driver: MakeDriver) -> ProcessDriver:
    """A driver whose network of two nodes is up."""
    driver = make_driver()
    driver.up(UpOptions(nodes=2, ports=ports.find_free(2)))
    return driver


def states(driver: Driver) -> list[str]:
    return [driver.state("matriz"), driver.state("filial-norte")]


def pid(tmp_path: Path, node: str) -> int:
    return next(
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(STANDIN) in (process.info["cmdline"] or [])
        and str(network.load(tmp_path / "run").node(node).port) in process.info["cmdline"]
    )


def ended(number: int) -> bool:
    """Gone, or a zombie that waits for init to read its exit status."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_up_starts_every_node(two: ProcessDriver) -> None:
    assert states(two) == ["running", "running"]


def test_up_twice_keeps_what_runs(two: ProcessDriver, tmp_path: Path) -> None:
    before = pid(tmp_path, "matriz")
    two.up(UpOptions())
    assert pid(tmp_path, "matriz") == before


def test_up_heals_what_is_paused_and_starts_what_is_stopped(two: ProcessDriver) -> None:
    two.pause("matriz")
    two.kill("filial-norte")
    assert states(two) == ["paused", "stopped"]
    two.up(UpOptions())
    assert states(two) == ["running", "running"]


def test_another_command_finds_the_nodes_again(two: ProcessDriver, make_driver: MakeDriver) -> None:
    """The next `./lab` command is another program: it knows the nodes by what is on disk."""
    later = make_driver()
    later.pause("matriz")
    assert states(two) == ["paused", "running"]


def test_down_stops_paused_nodes_too_and_may_be_run_twice(two: ProcessDriver) -> None:
    two.pause("matriz")
    two.down()
    two.down()
    assert states(two) == ["stopped", "stopped"]


def test_down_finds_the_nodes_even_when_the_network_file_is_gone(
    two: ProcessDriver, make_driver: MakeDriver, tmp_path: Path
) -> None:
    matriz = pid(tmp_path, "matriz")
    (tmp_path / "run" / "network.json").unlink()
    make_driver().down()
    assert ended(matriz)


def test_clean_removes_the_data(two: ProcessDriver, tmp_path: Path) -> None:
    two.clean()
    assert not (tmp_path / "run").exists()


def test_clean_never_removes_a_directory_that_is_not_a_networks(
    make_driver: MakeDriver, tmp_path: Path
) -> None:
    precious = tmp_path / "run" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work", encoding="utf-8")
    make_driver().clean()
    assert precious.exists()


def test_stop_and_start_and_pause_and_resume_may_be_repeated(two: ProcessDriver) -> None:
    for verb in (two.stop, two.stop, two.start, two.start, two.pause, two.pause, two.resume, two.resume):
        verb("matriz")
    assert states(two) == ["running", "running"]


def test_a_paused_node_can_be_stopped(two: ProcessDriver) -> None:
    two.pause("matriz")
    two.stop("matriz")
    assert states(two) == ["stopped", "running"]


def test_a_paused_node_is_resumed_and_not_started(two: ProcessDriver) -> None:
    two.pause("matriz")
    with pytest.raises(LabError, match="matriz is paused, not stopped; resume it"):
        two.start("matriz")


def test_a_stopped_node_cannot_be_paused(two: ProcessDriver) -> None:
    two.stop("matriz")
    with pytest.raises(LabError, match="matriz is stopped; start it first"):
        two.pause("matriz")


def test_a_wrong_name_is_answered_with_the_right_ones(two: ProcessDriver) -> None:
    with pytest.raises(LabError, match="there is no node 'sul'; the nodes are matriz, filial-norte"):
        two.stop("sul")


def test_a_taken_port_is_named_before_anything_is_started(two: ProcessDriver, tmp_path: Path) -> None:
    taken = network.load(tmp_path / "run").node("filial-norte").port
    other = ProcessDriver(tmp_path / "other", env_file=tmp_path / "env", command=standin())
    with pytest.raises(
        LabError, match=f"port {taken}, which filial-norte needs, is in use by another program"
    ):
        other.up(UpOptions(nodes=2, ports=(ports.find_free(1)[0], taken)))
    assert not (tmp_path / "other").exists()


def test_the_ports_do_not_change_under_running_nodes(two: ProcessDriver) -> None:
    with pytest.raises(LabError, match="run `make down` first"):
        two.up(UpOptions(ports=ports.find_free(2)))


def test_a_node_that_ends_while_starting_is_quoted(make_driver: MakeDriver) -> None:
    with pytest.raises(LabError, match=r"(matriz|filial-norte) ended while starting: JWT_SECRET is missing"):
        make_driver("exit").up(UpOptions(nodes=2, ports=ports.find_free(2)))


def test_a_node_that_never_gets_ready_is_quoted(make_driver: MakeDriver) -> None:
    with pytest.raises(
        LabError, match=r"(matriz|filial-norte) is not ready after 1 s: waiting for the peers"
    ):
        make_driver("no", ready_seconds=1).up(UpOptions(nodes=2, ports=ports.find_free(2)))


def test_a_pid_that_now_belongs_to_another_program_is_never_signalled(
    two: ProcessDriver, make_driver: MakeDriver, tmp_path: Path
) -> None:
    """After a reboot the pid on disk may be anyone's: here it is this test's own, with another birth."""
    two.kill("matriz")
    record = tmp_path / "run" / "matriz" / "process.json"
    record.write_text(f'{{"pid": {psutil.Process().pid}, "born": 1.0}}', encoding="utf-8")
    later = make_driver()
    assert later.state("matriz") == "stopped"
    later.kill("matriz")
