"""Ctrl-C at ten moments of every long verb, as a terminal sends it: one line, exit 130, and nothing is
left behind but the network that was there before."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from branchlab.networks import lease
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.teaching.demo import generator
from branchlab.teaching.scenarios.runner import DEFAULT_DIRECTORY as SCENARIOS
from tests.cluster.cluster import Cluster
from tests.cluster.pressing import (
    Named,
    Pressed,
    connected,
    logged,
    node_said,
    press_at,
    programs,
    recorded,
    running,
    said,
    started,
    under_way,
    worked,
)
from tests.verbs.traces import births

pytestmark = pytest.mark.cluster

SCENARIO = "last-unit-two-nodes"
LOADING = tuple(worked(seconds) for seconds in (0.1, 0.3, 0.5))


def moments(*short: Named, long: Sequence[Named]) -> pytest.MarkDecorator:
    """Ten moments. The `short` ones are tried in every `make test`."""
    rest = [pytest.param(one, id=str(one), marks=pytest.mark.long) for one in (*LOADING, *long)]
    assert len(short) + len(rest) == 10, "ten moments of each verb"
    return pytest.mark.parametrize("moment", [*(pytest.param(one, id=str(one)) for one in short), *rest])


def as_told(line: str, verb: str, then: str) -> bool:
    """Whether it is the line of that verb, or that of a verb which had not begun."""
    return line.startswith((f"interrupted: {verb}; {then}", "interrupted before it began; nothing was done"))


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    """One network, which every verb here leaves as it was."""
    return shared_cluster


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An order history that takes a while."""
    folder = tmp_path_factory.mktemp("history")
    generator.write(generator.generate(orders=1000), folder)
    return folder


@contextmanager
def on(cluster: Cluster, scratch: Path, *words: str) -> Iterator[Pressed]:
    """A verb under way on that network."""
    where = {"LAB_RUN_DIR": str(cluster.run_dir), "LAB_ENV_FILE": str(cluster.env_file)}
    with under_way(
        *words, scratch=scratch, place=cluster.run_dir, nodes=cluster.run_dir, environment=where
    ) as pressed:
        yield pressed


def states(cluster: Cluster) -> set[str]:
    return {cluster.driver.state(name) for name in cluster.network.names}


def press_on(cluster: Cluster, scratch: Path, moment: Named, *words: str) -> None:
    """Interrupts a verb that plays on a network: it runs on without a fault, and is free for the next run."""
    before = births(cluster)
    with on(cluster, scratch, *words) as pressed:
        line = press_at(moment, pressed)
        log = pressed.log_words()
    assert as_told(line, words[0], "all 3 nodes run; `make down` ends them" + log)
    assert line.endswith(log)
    assert states(cluster) == {"running"}
    assert lease.holder(cluster.run_dir) is None
    if words[0] != "chaos":  # which stops nodes, and starts them again
        assert births(cluster) == before


def press_alone(scratch: Path, place: Path, moment: Named, *words: str) -> None:
    """Interrupts a verb that plays on a network of its own: nothing of that runs any more."""
    nodes = place / "network"
    with under_way(*words, scratch=scratch, place=place, nodes=nodes, environment={}) as pressed:
        line = press_at(moment, pressed)
        assert pressed.alive() == []
        log = pressed.log_words()
    verb = " ".join(words) if words[0] == "run" else words[0]
    program = "./lab" if words[0] == "run" else "make"
    begun = "nothing of it runs any more; " if log else ""
    assert as_told(line, verb, begun)
    assert line.startswith("interrupted before") or line.endswith(f"`{program} {verb}` begins again{log}")
    assert lease.holder(place) is None


@moments(
    node_said("matriz", "Application startup complete"),
    long=[
        *(started(1), started(2), started(3), said(1), Named("described", Pressed.is_described)),
        node_said("filial-sul", "Waiting for application startup"),
    ],
)
def test_up(tmp_path: Path, moment: Named) -> None:
    run_dir = tmp_path / "run"
    where = {"LAB_RUN_DIR": str(run_dir), "LAB_ENV_FILE": str(tmp_path / "env")}
    words = ("up", "--driver", "process", "--auto-ports")
    with under_way(*words, scratch=tmp_path, place=run_dir, nodes=run_dir, environment=where) as pressed:
        try:
            line = press_at(moment, pressed)
            assert pressed.alive() == []
        finally:
            ProcessDriver(run_dir).down()
    described = "no node runs; `make up` goes on; logs: "
    then = described if pressed.is_described() else "`make up` begins again"
    assert as_told(line, "up", then)


@moments(
    running("filial-sul"),
    long=[
        *(worked(0.2), worked(0.4), worked(0.55), started(3)),
        node_said("filial-norte", "Started server process"),
        node_said("filial-norte", "Waiting for application startup"),
    ],
)
def test_heal(cluster: Cluster, tmp_path: Path, moment: Named) -> None:
    cluster.driver.stop("filial-norte")
    cluster.driver.pause("filial-sul")
    with on(cluster, tmp_path, "heal") as pressed:
        line = press_at(moment, pressed)
    assert as_told(line, "heal", "")
    assert line.startswith("interrupted before") or "`make heal` goes on; logs: " in line
    cluster.lab("heal")
    assert states(cluster) == {"running"}


@moments(
    logged("fault.active"),
    long=[
        worked(0.4),
        recorded(1),
        recorded(100),
        logged("fault.requested"),
        logged("fault.healed"),
        logged('"phase":"final"'),
    ],
)
def test_demo(cluster: Cluster, tmp_path: Path, moment: Named) -> None:
    press_on(cluster, tmp_path, moment, "demo", "--orders", "90", "--seconds", "3")


@moments(
    programs(1),
    long=[recorded(1), recorded(100), recorded(300), recorded(550), recorded(600), recorded(700)],
)
def test_load(cluster: Cluster, tmp_path: Path, moment: Named) -> None:
    press_on(cluster, tmp_path, moment, "load", "--users", "10", "--time", "60s")


@moments(
    recorded(500),
    long=[recorded(many) for many in (1, 50, 200, 400, 800, 1200)],
)
def test_replay(cluster: Cluster, tmp_path: Path, moment: Named, history: Path) -> None:
    press_on(cluster, tmp_path, moment, "replay", str(history))


def has_stopped_a_node(pressed: Pressed) -> bool:
    return len(pressed.alive()) < 3 and bool(pressed.said())


@moments(
    said(1),
    long=[worked(0.2), worked(0.4), Named("stopped", has_stopped_a_node), said(2), said(3), said(4)],
)
def test_chaos(cluster: Cluster, tmp_path: Path, moment: Named) -> None:
    press_on(cluster, tmp_path, moment, "chaos", "--seconds", "60")


@moments(
    connected(),
    long=[worked(0.2), worked(0.4), worked(0.55), connected(0.01), connected(0.02), connected(0.04)],
)
def test_watch(cluster: Cluster, tmp_path: Path, moment: Named) -> None:
    press_on(cluster, tmp_path, moment, "watch")


@moments(
    recorded(300),
    long=[started(1), started(2), recorded(1), recorded(100), recorded(600), recorded(900)],
)
def test_run(tmp_path: Path, moment: Named) -> None:
    press_alone(tmp_path, SCENARIOS / SCENARIO, moment, "run", SCENARIO)


@moments(
    logged("fault.active"),
    long=[
        started(1),
        started(3),
        recorded(1),
        recorded(200),
        logged("fault.requested"),
        logged("fault.healed"),
    ],
)
def test_torture(tmp_path: Path, moment: Named) -> None:
    place = tmp_path / "torture" / "process"
    words = ("torture", "--driver", "process", "--minutes", "1", "--directory", str(place.parent))
    press_alone(tmp_path, place, moment, *words)


def semaphores() -> set[str]:
    """Those of Python's pools that are there and that no program uses any more."""
    there = {path.name for path in Path("/dev/shm").glob("sem.mp-*")}  # noqa: S108  # where Python keeps them
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):
            used = maps.read_text(errors="replace")
            there = {name for name in there if name not in used}
    return there


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("simulate", ("--histories", "200", "--twice", "0")),
        ("model", ()),
        ("teeth", ()),
    ],
)
@moments(
    programs(3),
    long=[programs(1), programs(2), worked(2.0), worked(3.5), worked(5.0), worked(8.0)],
)
def test_a_proof(tmp_path: Path, moment: Named, verb: str, words: Sequence[str]) -> None:
    nowhere, before = tmp_path / "nowhere", semaphores()
    with under_way(verb, *words, scratch=tmp_path, place=nowhere, nodes=nowhere, environment={}) as pressed:
        line = press_at(moment, pressed)
    assert semaphores() <= before
    assert as_told(line, verb, f"nothing of it runs any more; `make {verb}` begins again")
