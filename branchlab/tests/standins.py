"""Networks of programs that stand in for nodes (`standin.py`): quick to start, and no more than processes."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import NodeAddress

STANDIN = Path(__file__).with_name("standin.py")


def standin(*words: str) -> Callable[[NodeAddress], Sequence[str]]:
    """The command that starts a stand-in for a node. The words say how it behaves."""
    return lambda node: [sys.executable, "-S", str(STANDIN), str(node.port), *words]


def driver_in(place: Path) -> ProcessDriver:
    """The driver of a network of stand-ins whose data and secrets are in a folder."""
    return ProcessDriver(place / "run", env_file=place / "env", command=standin())
