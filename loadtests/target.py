"""Where a load test may go and for how long: this machine's own network, ten minutes at most."""

from urllib.parse import urlsplit

from branchlab.errors import LabError
from branchlab.networks.network import Network, NodeAddress

MOST_SECONDS = 600
_THIS_MACHINE = "127.0.0.1"


def nodes_to_load(network: Network, host: str | None) -> tuple[NodeAddress, ...]:
    """The nodes whose branches the operators work at: all, or those at `host` when that is given. It is one
    address or several with commas between them.

    LabError in one plain line for anything that is not on 127.0.0.1 or not a node of the network.
    """
    wanted = [url.strip().rstrip("/") for url in (host or "").split(",") if url.strip()]
    for url in (*(node.url for node in network.members), *wanted):
        if urlsplit(url).hostname != _THIS_MACHINE:
            raise LabError(f"a load test goes to this machine only ({_THIS_MACHINE}), not to {url}")
    for url in wanted:
        if url not in {node.url for node in network.members}:
            raise LabError(f"no node of this network is at {url}; its nodes are at {all_hosts(network)}")
    return tuple(node for node in network.members if not wanted or node.url in wanted)


def all_hosts(network: Network) -> str:
    """The addresses of all branches, as `nodes_to_load` takes them and Locust shows them as its host."""
    return ",".join(node.url for node in network.members)


def require_an_end(seconds: float | None) -> None:
    """LabError unless the test ends by itself, within ten minutes."""
    if seconds is None or seconds <= 0:
        raise LabError("say how long the load test runs, as in --run-time 60s")
    if seconds > MOST_SECONDS:
        raise LabError(f"a load test runs {MOST_SECONDS} s at most, not {seconds:.0f} s")
