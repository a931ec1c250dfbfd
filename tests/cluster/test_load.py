"""Short loads by Locust on three real nodes, judged by what the operators were told."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from branchlab import settings
from branchlab.checking.evidence import collect
from branchlab.checking.runlog import read_records
from branchlab.teaching.load.locust import SUITES
from branchlab.teaching.load.operators import USERNAMES
from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timed]

# A request that tells a suite from the others.
OF_SUITES = {
    "hot-product": "/orders",
    "login-storm": "/auth/login",
    "read-heavy": "/stock/{sku}",
    "classroom": "/orders",
    "rush-hour": "/orders",
}
ROUTES = {"/orders", "/orders/{id}", "/orders/{id}/cancel", "/products", "/stock/{sku}", "/stock/adjustments"}
BROKEN = 1  # the exit status of a run that broke a promise
LOCUST = (sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "-L", "ERROR")


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    """One network, since no test here minds what another one left."""
    return shared_cluster


def load(cluster: Cluster, *options: str) -> "subprocess.CompletedProcess[str]":
    where = ("--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file))
    return subprocess.run(
        [sys.executable, "-m", "branchlab", "load", *where, *options],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def sold_at(cluster: Cluster) -> set[str]:
    """The branches at which the newest run ordered."""
    evidence = collect(read_records(cluster.run_dir / "run.jsonl"))
    return {op.node for op in evidence.operations if op.action == "order"}


def test_a_load_passes(cluster: Cluster) -> None:
    steady = load(cluster, "--users", "5", "--time", "6s")
    if steady.returncode != BROKEN and sold_at(cluster) != set(cluster.network.names):
        steady = load(cluster, "--users", "5", "--time", "30s")  # a busy machine serves few of them in 6 s
    assert steady.returncode == 0, steady.stdout + steady.stderr
    assert "VERDICT PASS" in steady.stdout
    assert sold_at(cluster) == set(cluster.network.names)
    *_, figures = sorted((cluster.run_dir / "runs").glob("load-*.load.json"))
    names = {entry["name"] for entry in json.loads(figures.read_text("utf-8"))}
    assert {f"{node} /orders" for node in cluster.network.names} <= names
    grouped = {name.partition(" ")[2] for name in names}  # no sku, no id
    assert {"/orders", "/products", "/stock/{sku}"} <= grouped <= ROUTES
    report = figures.with_suffix(".html")
    assert f"report: {report}" in steady.stdout
    page = report.read_text("utf-8")
    assert all(node.url in page for node in cluster.network.nodes)
    assert not re.search(r"(?:src|href)=.https?://", page), "it needs no internet"
    *_, listed = json.loads(cluster.lab("runs", "--json"))
    assert [Path(path).name.partition(".load")[2] for path in listed["reports"]] == [
        ".html",
        *("_exceptions.csv", "_failures.csv", "_stats.csv", "_stats_history.csv"),
    ]


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite != "mixed"])
def test_every_suite_passes_and_does_what_it_is_for(cluster: Cluster, suite: str) -> None:
    before = set((cluster.run_dir / "runs").glob("load-*.load.json"))

    played = load(cluster, "--users", "6", "--time", "6s", "--suite", suite)

    assert played.returncode == 0, played.stdout + played.stderr
    assert "VERDICT PASS" in played.stdout
    (figures,) = {*(cluster.run_dir / "runs").glob("load-*.load.json")} - before
    asked = {entry["name"].partition(" ")[2] for entry in json.loads(figures.read_text("utf-8"))}
    assert OF_SUITES[suite] in asked


def test_workers_write_one_log_that_is_judged(cluster: Cluster) -> None:
    before = set((cluster.run_dir / "runs").glob("*"))

    played = load(cluster, "--users", "6", "--time", "10s", "--workers", "2")

    assert played.returncode == 0, played.stdout + played.stderr
    assert "VERDICT PASS" in played.stdout
    made = {*(cluster.run_dir / "runs").glob("*")} - before
    assert [path for path in made if ".worker-" in path.name] == []
    (log,) = (path for path in made if path.suffix == ".jsonl")
    records = [*read_records(log)]
    numbers = [record["op"] for record in records if record["kind"] == "op.invoke"]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert any(op.action == "order" for op in collect(records).operations)


def test_locust_by_itself_refuses_what_a_load_test_must_not_do(cluster: Cluster) -> None:
    log = cluster.run_dir / "by-hand.jsonl"
    log.write_text("", encoding="utf-8")
    given = {
        "LAB_RUN_DIR": str(cluster.run_dir),
        "LAB_LOAD_LOG": str(log),
        "LAB_LOAD_MARK": "load-1",
        "LAB_LOAD_TOKENS": ",".join(USERNAMES),
        "LAB_LOAD_LOGINS": ",".join(f"{name}:secret" for name in USERNAMES),
        "LAB_LOAD_BEGAN": "0",
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
