"""`make bench` with real processes: it measures, leaves nothing behind, and Ctrl-C ends it in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from branchlab import settings
from branchlab.poll import poll_blocking

pytestmark = [pytest.mark.cluster, pytest.mark.timed]

SHORT = ("--rounds", "1", "--seconds", "0.3", "--orders", "200")


def bench(*words: str, place: Path) -> "subprocess.Popen[str]":
    """The bench, whose temporary files are in `place`."""
    command = [sys.executable, "-c", _IN_PLACE.format(place=str(place), words=words)]
    return subprocess.Popen(
        command,
        cwd=settings.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


_IN_PLACE = """
import sys
from pathlib import Path
from loadtests.bench import __main__, report, room
room.DISK = Path({place!r})
report.JSON = Path({place!r}) / "build" / "bench.json"
sys.exit(__main__.main({words!r}))
"""


def left_over(place: Path) -> list[Sequence[str]]:
    """The command lines of programs that have to do with the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words: Sequence[str] = process.cmdline()
            kept: Mapping[str, str] = process.environ()
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(place) in text for text in (*words, *kept.values())):
            found.append(words)
    return found


def test_the_quick_form_prints_the_ratios_beside_the_recorded_ones(tmp_path: Path) -> None:
    said, _ = bench("--quick", *SHORT, place=tmp_path).communicate(timeout=120)

    assert "orders/s at least" in said.replace("requests/s", "orders/s")
    assert "recorded" in said, said
    assert "one node ÷ no-op" in said
    assert [*tmp_path.iterdir()] == []
    assert left_over(tmp_path) == []


def test_ctrl_c_ends_all_programs_and_writes_nothing(tmp_path: Path) -> None:
    process = bench("--only", "grant", *SHORT, place=tmp_path)
    assert poll_blocking(lambda: len(left_over(tmp_path)) > 2, seconds=60), "no node was started"

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # an impatient one changes nothing
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 130, said
    assert "nothing was written" in said
    assert left_over(tmp_path) == []
    assert [*tmp_path.iterdir()] == []


def test_one_ratio_alone_is_written_down(tmp_path: Path) -> None:
    said, _ = bench("--only", "lag", *SHORT, place=tmp_path).communicate(timeout=120)

    assert "written: " in said, said
    assert '"lag"' in (tmp_path / "build" / "bench.json").read_text("utf-8")
    assert left_over(tmp_path) == []
