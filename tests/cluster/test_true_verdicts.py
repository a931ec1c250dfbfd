"""A verdict on a real network is true, or it says UNKNOWN, whatever else is done there, and however slow."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from branchlab import settings
from branchlab.checking.run import RunOutcome, closing_line
from branchlab.checking.runlog import Record, read_records
from branchlab.cli import app
from branchlab.networks import lease, pace, running
from branchlab.networks.drivers import Driver, get_driver
from branchlab.networks.network import UpOptions
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import WantedLine
from branchlab.nodes.convergence import wait_converged
from branchlab.poll import poll_blocking
from branchlab.teaching.scenarios import stage
from branchlab.teaching.scenarios.registry import get
from branchlab.teaching.scenarios.runner import RunOptions, run
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timed]

DEMO = ("demo", "--lang", "en", "--seconds", "3", "--rate", "5", "--orders", "60")
LOAD = ("load", "--users", "3", "--time", "20s")
_SECONDS = 120


def where(cluster: Cluster) -> list[str]:
    return ["--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file)]


def lab(cluster: Cluster, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, *where(cluster)])


@contextmanager
def in_another_window(cluster: Cluster, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A verb that has its network, in a program of its own; it is ended with the block."""
    command = [sys.executable, "-m", "branchlab", *words, *where(cluster)]
    with subprocess.Popen(
        command, cwd=settings.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as other:
        try:
            assert poll_blocking(lambda: lease.holder(cluster.run_dir) is not None, seconds=_SECONDS)
            yield other
        finally:
            if other.poll() is None:
                os.kill(other.pid, signal.SIGKILL)


def logs(cluster: Cluster) -> list[str]:
    """What the runs of a network are called, from the names of their logs."""
    return sorted(path.name.partition("-")[0] for path in (cluster.run_dir / "runs").glob("*.jsonl"))


def newest(cluster: Cluster) -> list[Record]:
    return list(read_records(cluster.run_dir / "run.jsonl"))


def has_sold(cluster: Cluster) -> bool:
    """Whether the newest run was told of an order."""
    if not (cluster.run_dir / "run.jsonl").exists():
        return False
    answers = (one["response"] for one in newest(cluster) if one["kind"] == "op.ok")
    return any(answer is not None and "lines" in answer for answer in answers)


def test_a_second_run_is_refused_and_the_first_is_judged_by_its_own_log(cluster: Cluster) -> None:
    with in_another_window(cluster, *LOAD) as load:
        refused = subprocess.run(
            [sys.executable, "-m", "branchlab", *DEMO, *where(cluster)],
            cwd=settings.ROOT,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said, _ = load.communicate(timeout=_SECONDS)

    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert refused.stderr.startswith("lab: load-")
    assert f"(pid {load.pid}, since " in refused.stderr
    assert load.returncode == 0, said
    assert said.splitlines()[-1] == "LOAD PASS · promises PASS"
    assert logs(cluster) == ["load"]


def test_a_run_that_was_killed_is_in_nobodys_way_and_its_log_stays(cluster: Cluster) -> None:
    with in_another_window(cluster, *LOAD) as load:
        assert poll_blocking(lambda: has_sold(cluster), seconds=_SECONDS)
        load.send_signal(signal.SIGKILL)
        load.wait()

    again = lab(cluster, *DEMO)

    assert again.exit_code == 0, again.output
    assert logs(cluster) == ["demo", "load"]
    listed = json.loads(cluster.lab("runs", "--json"))
    assert [(one["what"], one["result"]) for one in listed] == [("load", "unfinished"), ("demo", "PASS")]


def test_orders_of_somebody_else_are_counted_and_no_failure(cluster: Cluster) -> None:
    with in_another_window(cluster, *DEMO) as demo:
        asyncio.run(_order_like_the_demonstration(cluster))
        said, _ = demo.communicate(timeout=_SECONDS)

    assert demo.returncode == 2, said
    assert (
        "VERDICT UNKNOWN: 60 orders acknowledged, 0 lost, 0 duplicated, 0 units oversold, 3 by somebody else"
        in said
    )
    verdict = newest(cluster)[-1]
    assert {name for name, result in verdict["promises"].items() if result == "UNKNOWN"} == {"authentic"}
    assert verdict["others"] == 3


async def _order_like_the_demonstration(cluster: Cluster) -> None:
    """Three orders with curl, so to speak, once the demonstration sells."""
    assert await asyncio.to_thread(poll_blocking, lambda: has_sold(cluster), seconds=_SECONDS)
    async with cluster.client("matriz") as client:
        sku, buyer = await _plentiful(client), (await client.customers())[0]
        lines: list[WantedLine] = [{"sku": sku, "quantity": 1}]
        for _ in range(3):
            await client.place_order(buyer["code"], lines)


def test_after_a_count_that_found_units_the_next_runs_pass(cluster: Cluster) -> None:
    assert lab(cluster, *DEMO).exit_code == 0
    sku = asyncio.run(_plentiful_at_matriz(cluster))
    cluster.lab("wipe", "filial-sul", "--yes")
    cluster.driver.heal()
    asyncio.run(_agree(cluster))
    cluster.lab("count", sku, "--gone", "-1")
    asyncio.run(_agree(cluster))

    for _ in range(2):
        again = lab(cluster, *DEMO)
        assert again.exit_code == 0, again.output


async def _plentiful_at_matriz(cluster: Cluster) -> str:
    async with cluster.client("matriz") as client:
        return await _plentiful(client)


async def _plentiful(client: NodeClient) -> str:
    """The product of which the branch has most: a short history does not sell all there are."""
    return max(await client.stock(), key=lambda stock: stock["here"])["sku"]


async def _agree(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await wait_converged([*clients.values()])


def test_a_backup_of_a_network_that_was_cleaned_away_is_refused(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    cluster = start_cluster(2)
    copy = tmp_path / "matriz.db"
    cluster.lab("backup", "matriz", str(copy))
    cluster.lab("clean")
    cluster.driver.up(UpOptions(nodes=2, ports=tuple(node.port for node in cluster.network.nodes)))

    said = cluster.lab("restore", "matriz", str(copy), "--yes", exit_code=2)

    assert "this copy belongs to another founding of the network" in said
    assert cluster.driver.state("matriz") == "running"
    kept = tmp_path / "again.db"
    cluster.lab("backup", "matriz", str(kept))
    cluster.lab("restore", "matriz", str(kept), "--yes")


class SlowDriver:
    """A driver on a machine that takes `verb` seconds to start a process, which then does nothing for as long
    as `frozen`."""

    def __init__(self, driver: Driver, *, verb: float, frozen: float) -> None:
        self._driver = driver
        self._verb = verb
        self._frozen = frozen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def start(self, node: str) -> None:
        self._driver.start(node)
        self._driver.pause(node)
        threading.Timer(self._verb + self._frozen, lambda: self._driver.resume(node)).start()
        threading.Event().wait(self._verb)


def play_on(directory: Path, monkeypatch: pytest.MonkeyPatch, *, verb: float, frozen: float) -> RunOutcome:
    """A branch is stopped and started on such a machine, by a stage that waits a second on a quick one."""

    def slow(*words: Any, **named: Any) -> Any:
        return SlowDriver(get_driver(*words, **named), verb=verb, frozen=frozen)

    monkeypatch.setattr(running, "get_driver", slow)
    monkeypatch.setattr(stage, "IN_TIME_SECONDS", 1.0)
    (outcome,) = run(get("branch-stopped"), RunOptions(rounds=5, directory=directory))
    return outcome


def test_on_a_slow_machine_a_scenario_waits_longer_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = play_on(tmp_path, monkeypatch, verb=4.0, frozen=6.0)

    assert outcome.exit_code == 0, outcome.lines()


def test_what_is_too_slow_even_so_is_unknown_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "TIMES", 1)

    outcome = play_on(tmp_path, monkeypatch, verb=0.0, frozen=20.0)

    assert (outcome.exit_code, outcome.failures) == (2, ()), outcome.lines()
    assert closing_line("SCENARIO", [outcome]).startswith("SCENARIO UNKNOWN (")
