"""A disk that is full under what the lab writes: one line, nothing torn, nothing left that is unknown."""

import errno
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from branchlab import mistakes, private
from branchlab.checking.runlog import RunLog, read_records
from branchlab.errors import LabError
from branchlab.networks import lease, network
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.network import UpOptions
from branchlab.poll import poll_blocking
from branchlab.settings import load_or_create
from branchlab.tests.program import at_place, exit_code


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the system refuses to write on, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def begin(log: RunLog) -> None:
    log.start(
        run="load-1", what="load", seed=None, nodes={"matriz": "http://x"}, policy="escrow", driver="process"
    )


def fill(log: RunLog, path: Path) -> None:
    """Writes on until the disk is full."""
    with room_for(path.stat().st_size + 200):
        for _ in range(10):
            log.invoke("order", "matriz", {"sku": "CAFE"})


def test_a_run_log_that_cannot_be_written_ends_the_run_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunLog(path) as log:
        begin(log)
        with pytest.raises(LabError, match=r"run\.jsonl cannot be written .*`./lab verify`"):
            fill(log, path)


def test_the_log_of_a_full_disk_can_be_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    log = RunLog(path)
    begin(log)
    with pytest.raises(LabError, match="cannot be written"):
        fill(log, path)
    with room_for(path.stat().st_size):
        log.close()
    known = [record["kind"] for record in read_records(path)]
    assert known == ["run.start", *["op.invoke"] * (len(known) - 1)]
    with RunLog(path, resume=True) as again:
        assert again.invoke("order", "matriz", {"sku": "CAFE"}) == len(known)


def test_a_description_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    network.save(network.plan(None, UpOptions(nodes=2), driver="process"), tmp_path)
    before = network.load(tmp_path)
    with room_for(10), pytest.raises(OSError, match=r"File too large: '.*/network\.json'"):
        network.save(network.plan(before, UpOptions(settings={"X": "1"}), driver="process"), tmp_path)
    assert network.load(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["network.json"]


def test_secrets_that_cannot_be_written_leave_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "env"
    with room_for(10), pytest.raises(OSError, match=r"File too large: '.*/env'"):
        load_or_create(path)
    assert not path.exists()
    load_or_create(path)


def test_a_node_whose_record_cannot_be_written_does_not_run_unknown(tmp_path: Path) -> None:
    process = NodeProcess(tmp_path / "matriz")
    command = [sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)]
    with room_for(1), pytest.raises(OSError, match="File too large"):
        process.spawn(command, cwd=tmp_path, environment={"PATH": "/usr/bin:/bin"})

    def still_there() -> list[int]:
        return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == command]

    assert poll_blocking(still_there, seconds=10, every=0.02, until=lambda found: not found) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "free some of that disk"),
        (errno.EDQUOT, "free some of that disk"),
        (errno.EROFS, "may not read or write there"),
        (errno.EACCES, "may not read or write there"),
    ],
)
def test_what_the_machine_refuses_is_one_line_of_any_verb(
    number: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(number, "refused", "/full/disk")

    monkeypatch.setattr(private, "make_folder", refuse)
    assert exit_code("load", *at_place(tmp_path)) == 2
    *progress, line = capsys.readouterr().err.splitlines()
    assert [one for one in progress if not one.endswith("…")] == []
    assert line.startswith("lab: /full/disk: refused; ")
    assert words in line


def test_errors_of_several_tasks_are_one_line_unless_one_of_them_was_not_foreseen() -> None:
    full = ExceptionGroup("tasks", [LabError("the disk is full"), OSError(errno.ENOSPC, "No space left")])
    assert mistakes.in_words(full) == "the disk is full"
    assert mistakes.in_words(ExceptionGroup("tasks", [LabError("x"), KeyError("y")])) is None
    assert mistakes.in_words(ConnectionRefusedError(errno.ECONNREFUSED, "refused")) is None


def test_a_lease_that_cannot_be_written_names_its_file(tmp_path: Path) -> None:
    with (
        room_for(10),
        pytest.raises(OSError, match=r"File too large: '.*/lease'"),
        lease.held(tmp_path, "demo-1"),
    ):
        pass
