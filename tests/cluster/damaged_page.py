"""One damaged page in the middle of a stopped node's file, by either driver."""

import subprocess

from branchlab.networks.drivers import compose_disk
from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.process import ProcessDriver
from tests.cluster.cluster import Cluster

_SCRIPT = """
import sqlite3, sys
path = sys.argv[1]
connection = sqlite3.connect(path)
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
(root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit'").fetchone()
connection.close()
with open(path, "r+b") as file:
    file.seek((root - 1) * 4096)
    file.write(bytes(4096))
"""


def zero_a_page(cluster: Cluster, name: str) -> None:
    """Empty the first page of the audit, which no order stands in."""
    driver = cluster.driver
    words = ("python", "-c", _SCRIPT, "/data/node.db")
    if isinstance(driver, ComposeDriver):
        run = compose_disk.beside(driver._existing(name))
    else:
        assert isinstance(driver, ProcessDriver)
        run = driver._at_disk_of(name)
        words = (*words[:3], str(cluster.run_dir / name / "node.db"))
    run(words, subprocess.DEVNULL, subprocess.DEVNULL)
