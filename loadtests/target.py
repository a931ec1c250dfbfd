"""Where a load test may go and for how long: this machine's own network, ten minutes at most."""

from urllib.parse import urlsplit

from lab.errors import LabError
from lab.networks.network import Network, NodeAddress

MOST_SECONDS = 600
_THIS_MACHINE = "127.0.0.1"


def nodes_to_load(network: Network, host: str | None) -> tuple[NodeAddress, ...]:
    """The nodes whose branches the operators work at: all, or the one at `host` when that is given.

    LabError in one plain line for anything that is not on 127.0.0.1 or not a node of the network.
    """
    for url in (*(node.url for node in network.nodes), *([host] if host else [])):
        if urlsplit(url).hostname != _THIS_MACHINE:
            raise LabError(f"a load test goes to this machine only ({_THIS_MACHINE}), not to {url}")
    if not host:
        return network.nodes
    chosen = tuple(node for node in network.nodes if node.url == host.rstrip("/"))
    if not chosen:
        raise LabError(
            f"no node of this network is at {host}; its nodes are at "
            + ", ".join(node.url for node in network.nodes)
        )
    return chosen


def require_an_end(seconds: float | None) -> None:
    """LabError unless the test ends by itself, within ten minutes."""
    if seconds is None or seconds <= 0:
        raise LabError("say how long the load test runs, as in --run-time 60s")
    if seconds > MOST_SECONDS:
        raise LabError(f"a load test runs {MOST_SECONDS} s at most, not {seconds:.0f} s")
