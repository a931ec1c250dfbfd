"""Nodes that tests fork are to the machine what nodes from a shell are."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil
import pytest

from tests.cluster import forked_nodes
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        sys.platform != "linux", reason="what the kernel says of a process is read as on Linux"
    ),
]


def process_of(cluster: Cluster, node: str) -> psutil.Process:
    record = json.loads((cluster.run_dir / node / "process.json").read_text("utf-8"))
    return psutil.Process(record["pid"])


def seen(cluster: Cluster, node: str) -> dict[str, object]:
    """What other programs may rely on of a node's process."""
    process = process_of(cluster, node)
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    files = {file: os.readlink(f"/proc/{process.pid}/fd/{file}") for file in range(3)}
    log = str(cluster.run_dir / node / "node.log")
    return {
        "folder": process.cwd(),
        "parent": process.ppid(),
        "a session of its own": os.getsid(process.pid) not in (os.getsid(0), process.ppid()),
        "umask, ignored and caught signals": re.findall(r"^(?:Umask|SigIgn|SigCgt):\s*(\S+)", status, re.M),
        "input and output": {file: "its log" if name == log else name for file, name in files.items()},
        "modes": {path.name: oct(path.stat().st_mode) for path in (cluster.run_dir / node).iterdir()},
    }


@contextmanager
def forked() -> Iterator[None]:
    assert forked_nodes.address(), "tests fork their nodes"
    yield


def test_a_forked_node_looks_like_one_from_a_shell_and_ends_in_order(start_cluster: StartCluster) -> None:
    found = []
    for way in (forked(), forked_nodes.from_a_shell()):
        with way:
            cluster = start_cluster(2)
        found.append(seen(cluster, "matriz"))
        cluster.driver.stop("matriz")
        assert cluster.driver.state("matriz") == "stopped"
        assert not (cluster.run_dir / "matriz" / "node.db-wal").exists(), "its database was not closed"

    assert found[0] == found[1]


def test_a_forked_node_that_cannot_start_says_why_in_its_log(start_cluster: StartCluster) -> None:
    said: list[str] = []
    for way in (nullcontext(), forked_nodes.from_a_shell()):
        with way, pytest.raises(Exception, match="ended while starting") as refused:
            start_cluster(2, settings={"QUEUE_SECONDS": "many"})
        _, why, _ = re.split(r"(?<=starting: )|(?= \(all of it)", str(refused.value))
        said.append(why)

    assert said[0] == said[1]
