"""What the events of a long outage cost: memory of the nodes, and the time until the branch that was away has
all of them:

    python -m loadtests.bench.outage [--events 60000]      600000 is a week at one event a second
"""

import argparse
import asyncio
import time

from rich.console import Console

from lab.client import NodeClient, Refused, Unknown
from loadtests.bench.donor import Bench, network_of

out = Console(soft_wrap=True, highlight=False)
_EVENTS_OF_AN_ORDER = 3  # two stock rows, and the order
_POLL_SECONDS = 0.1
_MOST_SECONDS = 3600.0
_MOST_MIB = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    events: int = parser.parse_args().events
    with network_of(3) as bench:
        away = bench.network.names[2]
        bench.driver.stop(away)
        filled = bench.fill(events // _EVENTS_OF_AN_ORDER)
        out.print(f"{events} events written at {bench.donor} in {filled:.1f} s while {away} was away")
        bench.driver.start(bench.donor)
        bench.wait_ready(bench.donor)
        peaks = asyncio.run(_drain(bench, away))
        worst = max(peaks.values())
        out.print("most memory: " + ", ".join(f"{node} {peak:.0f} MiB" for node, peak in peaks.items()))
        if worst > _MOST_MIB:
            raise SystemExit(f"{worst:.0f} MiB is more than {_MOST_MIB} MiB")


async def _drain(bench: Bench, away: str) -> dict[str, float]:
    """Waits until the healthy peer has all, then brings the other one back; the peaks of memory by node."""
    peaks = dict.fromkeys(bench.network.names, 0.0)
    donor = await bench.client(bench.donor)
    healthy = bench.network.names[1]
    seconds = await _wait_drained(bench, donor, healthy, peaks)
    pending = (await donor.status())["pending"]
    out.print(f"{healthy} had all after {seconds:.1f} s; {pending[away]} events wait for {away}")
    await asyncio.to_thread(bench.driver.start, away)
    seconds = await _wait_drained(bench, donor, away, peaks)
    out.print(f"{away} had all {seconds:.1f} s after it came back")
    await donor.close()
    return peaks


async def _wait_drained(bench: Bench, donor: NodeClient, peer: str, peaks: dict[str, float]) -> float:
    began = time.monotonic()
    while time.monotonic() - began < _MOST_SECONDS:
        for node in bench.network.names:
            if bench.driver.state(node) == "running":
                peaks[node] = max(peaks[node], bench.resident_mib(node))
        try:
            if (await donor.status())["pending"][peer] == 0:
                return time.monotonic() - began
        except (Refused, Unknown):
            pass  # it just starts
        await asyncio.sleep(_POLL_SECONDS)
    raise SystemExit(f"{peer} does not have all after {_MOST_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
