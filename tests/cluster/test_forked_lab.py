"""A verb that is forked from an imported lab does what the same one does that a shell starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from branchlab.settings import ROOT
from tests.cluster import forked_lab

pytestmark = pytest.mark.whole

SECONDS = 60.0


@pytest.mark.parametrize(
    ("words", "status"),
    [(("runs", "--json"), 0), (("status", "--lang", "pt-BR"), 2), (("status", "--nonsense"), 2)],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_it_writes_and_ends_as_from_a_shell(words: tuple[str, ...], status: int, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(tmp_path / "run"),
        "LAB_ENV_FILE": str(tmp_path / "env"),
    }
    in_shell = subprocess.run(
        [sys.executable, "-m", "branchlab", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    forked = forked_lab.lab(words, environment, seconds=SECONDS)

    assert in_shell.returncode == status
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        in_shell.returncode,
        in_shell.stdout,
        in_shell.stderr,
    )
    assert os.environ.get("LAB_RUN_DIR") != environment["LAB_RUN_DIR"]


def test_one_that_does_not_end_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        forked_lab.lab(["runs"], os.environ, seconds=0.0)
