"""What the lab writes is for its owner only, and the doctor names what is not."""

import subprocess
from pathlib import Path

import pytest

from branchlab.checking.runlog import RunLog
from branchlab.errors import LabError
from branchlab.networks import doctor, network
from branchlab.networks.drivers import disk
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.network import UpOptions
from branchlab.poll import poll_blocking


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_network_its_nodes_and_its_run_log_are_for_their_owner_only(run_dir: Path) -> None:
    network.save(network.plan(None, UpOptions(nodes=2), driver="process"), run_dir)
    process = NodeProcess(run_dir / "matriz")
    command = ["sh", "-c", "echo started; echo made > made; mkdir folder"]
    process.spawn(command, cwd=run_dir / "matriz", environment={"PATH": "/usr/bin:/bin"})
    assert poll_blocking(lambda: not process.alive(), seconds=10, every=0.02)
    with RunLog(run_dir / "play" / "run.jsonl"):
        pass

    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (run_dir, *run_dir.rglob("*"))}

    folders, files = ("run", "matriz", "folder", "play"), ("node.log", "process.json", "made", "run.jsonl")
    assert [modes[name] for name in folders] == ["0o700"] * len(folders)
    assert [modes[name] for name in files] == ["0o600"] * len(files)
    assert set(modes.values()) == {"0o700", "0o600"}
    assert doctor.private_files(run_dir, run_dir / "env").fine


def test_the_doctor_names_what_others_may_read_and_changes_nothing(run_dir: Path) -> None:
    with RunLog(run_dir / "run.jsonl"):
        pass
    (run_dir / "run.jsonl").chmod(0o644)
    found = doctor.private_files(run_dir, run_dir / "env")
    assert (found.fine, str(run_dir / "run.jsonl") in found.words) == (False, True)
    assert found.advice == f"run `chmod -R go= {run_dir}`"
    assert (run_dir / "run.jsonl").stat().st_mode & 0o777 == 0o644


def test_a_copy_to_a_folder_or_to_nowhere_is_refused_in_one_line(tmp_path: Path) -> None:
    def never(*_: object) -> None:
        pytest.fail("nothing was to be copied")

    for file, expected in ((tmp_path, "is a directory"), (tmp_path / "none" / "x", "there is no directory")):
        with pytest.raises(LabError, match=expected) as refused:
            disk.save(never, file)
        assert "\n" not in str(refused.value)


def test_a_program_beside_a_node_makes_files_for_its_owner_only(tmp_path: Path) -> None:
    made = tmp_path / "made"
    words = ["sh", "-c", f"touch {made}"]
    disk.run_at_disk(words, subprocess.DEVNULL, subprocess.DEVNULL, environment={"PATH": "/usr/bin:/bin"})
    assert made.stat().st_mode & 0o777 == 0o600
