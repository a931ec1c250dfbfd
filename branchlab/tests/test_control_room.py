"""The control room as a process that belongs to its network's folder."""

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import control_room, network, ports
from branchlab.networks.control_room import URL_FILE
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.tests.readings import NETWORK

TELLS = (
    "import os, time; from pathlib import Path;"
    f" Path(os.environ['{URL_FILE}']).write_text('http://127.0.0.1:1/?token=x'); time.sleep(60)"
)
ENDS = "raise SystemExit('no')"


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "run"
    network.save(NETWORK, folder)
    yield folder
    control_room.stop(folder)


def start(run_dir: Path, program: str = TELLS, port: int | None = None) -> str:
    def command(_port: int) -> Sequence[str]:
        return [sys.executable, "-c", program]

    wanted = ports.find_free(1)[0] if port is None else port
    return control_room.start(run_dir, run_dir / "env", port=wanted, command=command)


def test_it_tells_its_address_and_runs_on(run_dir: Path) -> None:
    url = start(run_dir)
    assert url == "http://127.0.0.1:1/?token=x"
    assert control_room.address(run_dir) == url


def test_one_that_runs_is_not_started_again(run_dir: Path) -> None:
    first = start(run_dir)
    assert start(run_dir, ENDS) == first


def test_stopping_it_ends_it_and_is_safe_to_repeat(run_dir: Path) -> None:
    start(run_dir)
    control_room.stop(run_dir)
    control_room.stop(run_dir)
    assert control_room.address(run_dir) is None


def test_it_is_found_as_what_its_folder_left_over(run_dir: Path) -> None:
    start(run_dir)
    process = NodeProcess(run_dir / "control-room").process()
    assert process is not None
    environment = process.environ()
    assert environment["LAB_NETWORK"] == NETWORK.founding
    assert Path(environment["DATABASE_PATH"]).parent == run_dir / "control-room"


def test_its_key_is_for_its_owner_only(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = run_dir / "url"
    monkeypatch.setenv(URL_FILE, str(file))
    control_room.tell_address("http://127.0.0.1:1/?token=x")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_said_in_one_line(run_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            LabError, match=rf"^no control room: port {port} is in use by .*; `make ui UI_PORT="
        ):
            start(run_dir, port=port)


def test_one_that_does_not_start_is_said_in_one_line(run_dir: Path) -> None:
    with pytest.raises(LabError, match=r"^the control room did not start: see .*node\.log; `make up UI=0`"):
        start(run_dir, ENDS)
