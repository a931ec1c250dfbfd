"""Short loads by Locust on three real nodes, judged by what the operators were told."""

import json
import os
import subprocess
import sys

import pytest

from lab import settings
from lab.checking.evidence import collect
from lab.checking.runlog import read_records
from lab.teaching.load.operators import USERNAMES
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster

LOCUST = (sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "-L", "ERROR")


def load(cluster: Cluster, *options: str) -> "subprocess.CompletedProcess[str]":
    where = ("--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file))
    return subprocess.run(
        [sys.executable, "-m", "lab", "load", *where, *options],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_load_passes_and_may_be_repeated_in_another_shape(cluster: Cluster) -> None:
    steady = load(cluster, "--users", "5", "--time", "6s")
    assert steady.returncode == 0, steady.stdout + steady.stderr
    assert "VERDICT PASS" in steady.stdout
    evidence = collect(read_records(cluster.run_dir / "run.jsonl"))
    assert {op.node for op in evidence.operations if op.action == "order"} == set(cluster.network.names)
    names = {entry["name"] for entry in json.loads((cluster.run_dir / "load.json").read_text("utf-8"))}
    assert {"/orders", "/products", "/stock/{sku}"} <= names  # grouped: no sku, no id

    rush_hour = load(cluster, "--users", "5", "--time", "8s", "--shape", "rush-hour")
    assert rush_hour.returncode == 0, rush_hour.stdout + rush_hour.stderr
    assert "VERDICT PASS" in rush_hour.stdout


def test_locust_by_itself_refuses_what_a_load_test_must_not_do(cluster: Cluster) -> None:
    log = cluster.run_dir / "by-hand.jsonl"
    log.write_text("", encoding="utf-8")
    given = {
        "LAB_RUN_DIR": str(cluster.run_dir),
        "LAB_LOAD_LOG": str(log),
        "LAB_LOAD_TOKENS": ",".join(USERNAMES),
    }
    for options, environment, line in (
        (["-t", "5s", "--host", "http://example.com"], given, "goes to this machine only (127.0.0.1)"),
        (["-t", "11m"], given, "a load test runs 600 s at most"),
        ([], given, "say how long the load test runs"),
        (["-t", "5s"], {}, "start load tests with `make load` or `make load-ui`"),
    ):
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "locust",
                "-f",
                "loadtests/locustfile.py",
                "--headless",
                "-L",
                "ERROR",
                *options,
            ],
            cwd=settings.ROOT,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ended.returncode, ended.stdout) == (2, "")
        assert line in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    assert log.read_text(encoding="utf-8") == ""
