"""One run at a time has a network: the second is refused in one line, and a killed one is in nobody's way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import lease
from branchlab.settings import ROOT

HOLD = """
import sys, time
from pathlib import Path
from branchlab.networks import lease
with lease.held(Path(sys.argv[1]), "load-1"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held_elsewhere(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds the network until it is ended."""
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def test_a_second_run_is_refused_in_one_line_that_names_the_first(tmp_path: Path) -> None:
    with (
        held_elsewhere(tmp_path) as other,
        pytest.raises(LabError) as refused,
        lease.held(tmp_path, "demo-1"),
    ):
        pass

    assert str(refused.value).startswith(f"load-1 (pid {other.pid}, since ")
    assert str(refused.value).endswith("wait for its end, two runs would judge each other")
    assert "\n" not in str(refused.value)


def test_a_run_that_was_killed_is_found_and_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held_elsewhere(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()

        with lease.held(tmp_path, "demo-1"):
            assert lease.holder(tmp_path) is not None

    said = capsys.readouterr().err
    assert said.startswith("load-1 of ")
    assert f"(pid {other.pid}) ended without a verdict" in said


def test_the_holder_is_known_while_it_lasts_and_no_longer(tmp_path: Path) -> None:
    assert lease.holder(tmp_path) is None
    with lease.held(tmp_path, "demo-1"):
        found = lease.holder(tmp_path)
        assert found is not None
        assert (found.run, found.pid) == ("demo-1", os.getpid())
    assert lease.holder(tmp_path) is None


def test_the_next_run_has_it_when_the_first_is_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in ("load-1", "demo-1"):
        with lease.held(tmp_path, run):
            pass
    assert capsys.readouterr().err == ""
