"""A short torture over each driver: promises are kept, its log says the same, and nothing is left behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.checking.runlog import Record, read_records
from branchlab.networks import network
from branchlab.networks.drivers import Driver, get_driver
from branchlab.poll import poll_blocking

pytestmark = pytest.mark.timed

DRIVERS = [
    pytest.param("process", marks=pytest.mark.cluster),
    pytest.param("compose", marks=[pytest.mark.compose, pytest.mark.long]),  # minutes, for its containers
]
MINUTES = 0.5
SEED = 4
_END_SECONDS = 400


class Torture:
    """`./lab torture` over one driver, in a directory of its own."""

    def __init__(self, driver: str, directory: Path) -> None:
        self._name = driver
        self._directory = directory
        self._place = directory / driver
        self.log = self._place / "run.jsonl"

    @property
    def driver(self) -> Driver:
        return get_driver(self._name, self._place / "network", env_file=self._place / "env")

    def start(self) -> subprocess.Popen[str]:
        words = ("torture", "--minutes", MINUTES, "--seed", SEED, "--nodes", 3, "--driver", self._name)
        return subprocess.Popen(
            [sys.executable, "-m", "branchlab", *map(str, words), "--directory", str(self._directory)],
            cwd=settings.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def states(self) -> set[str]:
        names = network.load(self._place / "network").names
        return {self.driver.state(name) for name in names}

    def records(self) -> list[Record]:
        return list(read_records(self.log)) if self.log.exists() else []


@pytest.fixture(params=DRIVERS)
def torture(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Torture]:
    made = Torture(request.param, tmp_path)
    yield made
    made.driver.clean()


def verify(path: Path) -> dict[str, object]:
    ended = subprocess.run(
        [sys.executable, "-m", "branchlab", "verify", "--json", str(path)],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(ended.stdout)
    return found


def test_every_promise_survives_a_torture_and_nothing_is_left_behind(torture: Torture) -> None:
    with torture.start() as running:
        said, _ = running.communicate(timeout=_END_SECONDS)

    assert running.returncode == 0, said
    assert torture.states() == {"stopped"}
    records = torture.records()
    assert {record["kind"] for record in records} >= {"fault.active", "fault.healed", "sample", "op.info"}
    own = dict(records[-1])
    assert own["promises"] == dict.fromkeys(own["promises"], "PASS")
    assert own.items() >= verify(torture.log).items()


def test_a_torture_that_is_interrupted_leaves_nothing_running_or_paused(torture: Torture) -> None:
    with torture.start() as running:

        def is_at_it() -> bool:
            assert running.poll() is None, "it ended by itself"
            return any(record["kind"] == "fault.active" for record in torture.records())

        assert poll_blocking(is_at_it, seconds=_END_SECONDS), "no fault was made"
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=_END_SECONDS)

    assert running.returncode == 130, said
    assert torture.states() == {"stopped"}
