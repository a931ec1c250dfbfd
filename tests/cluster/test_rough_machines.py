"""Real nodes on a machine as nobody would set it up: all at once, and a disk that is full under a run."""

import os
import subprocess
from pathlib import Path

import pytest

from branchlab.settings import ROOT
from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timed]

NOBODY = "http://127.0.0.1:9"  # a proxy that is not there
ROUGH = {
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), NOBODY),
    **{"TMPDIR": "/nowhere", "TIME": "9", "NODES": "1", "BASE_PORT": "1", "PYTHONPATH": "/nowhere"},
    **{"PYTHONHOME": "/nowhere", "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2"},
    **{"PYTHONIOENCODING": "", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "LC_ALL": "C", "LANG": "pt_BR"},
}
SHORT_DEMO = ("demo", "--lang", "pt-BR", "--seconds", "3", "--rate", "5", "--orders", "60")
ENGLISH_DEMO = ("demo", "--lang", "en", *SHORT_DEMO[3:])
SHORT_LOAD = ("load", "--users", "4", "--time", "15s")
BLOCK = 512  # bytes, as `ulimit -f` counts them


def lab(
    cluster_dir: Path, *arguments: str, blocks: int | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """`./lab` in a rough shell without HOME, whose files may grow to so many blocks."""
    where = {"LAB_RUN_DIR": str(cluster_dir / "run"), "LAB_ENV_FILE": str(cluster_dir / "env")}
    limited = ["sh", "-c", f'ulimit -f {blocks or "unlimited"}; exec "$@"', "sh"]
    return subprocess.run(
        [*limited, str(ROOT / "lab"), *arguments],
        env={"PATH": os.environ["PATH"], **ROUGH, **where},
        capture_output=True,
        timeout=300,
        check=False,
    )


def passed(ended: "subprocess.CompletedProcess[bytes]") -> str:
    """What it said, in plain ASCII, once it went well."""
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert b"Traceback" not in ended.stderr
    return ended.stdout.decode("ascii")


def test_every_day_verbs_work_in_a_shell_where_all_is_against_them(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/rede do caf\xe9"))  # Latin-1, and a space
    folder.mkdir()
    try:
        up = passed(lab(folder, "up", "--driver", "process", "--nodes", "3", "--auto-ports"))
        assert "every node is ready" in up
        assert "VERDICT PASS: 60 pedidos confirmados" in passed(lab(folder, *SHORT_DEMO))
        assert "LOAD PASS | promises PASS" in passed(lab(folder, *SHORT_LOAD))
        assert "filial-sul is paused" in passed(lab(folder, "partition", "filial-sul"))
        assert "paused" in passed(lab(folder, "status"))
        assert "nothing is pending" in passed(lab(folder, "heal"))
    finally:
        passed(lab(folder, "down"))


def test_a_disk_that_is_full_under_the_run_log_ends_a_run_in_one_line_without_a_fault_left(
    shared_cluster: Cluster,
) -> None:
    cluster = shared_cluster
    for run in (ENGLISH_DEMO, SHORT_LOAD):
        ended = lab(cluster.run_dir.parent, *run, blocks=_blocks_below(cluster, run))
        said = ended.stderr.decode("ascii")
        assert (ended.returncode, b"PASS" in ended.stdout) == (2, False), said
        assert "Traceback" not in said
        (line,) = [line for line in said.splitlines() if "cannot be written" in line]
        assert line.endswith("free some of that disk, then see what is known with `./lab verify`")
        assert {cluster.driver.state(name) for name in cluster.network.names} == {"running"}
        assert "UNKNOWN" in cluster.lab("verify", exit_code=2)


def _blocks_below(cluster: Cluster, run: tuple[str, ...]) -> int:
    """Half of what the log of such a run takes, as one that went well shows."""
    passed(lab(cluster.run_dir.parent, *run))
    return (cluster.run_dir / "run.jsonl").stat().st_size // BLOCK // 2
