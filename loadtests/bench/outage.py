"""What the events of a long outage cost: memory of the nodes, size of the log, how late a healthy branch
hears of orders with and without the dead one, and the time until the branch that was away has all:

    python -m loadtests.bench.outage [--events 60000]      600000 is a week at one event a second
"""

import argparse
import asyncio
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path

from branchlab.console import out
from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from loadtests.bench.donor import Bench, network_of

_EVENTS_OF_AN_ORDER = 3  # two stock rows, and the order
_POLL_SECONDS = 0.1
_LOOK_SECONDS = 0.002  # between two looks for an order
_LOOKED_FOR = 40  # orders, to tell how late a branch hears of one
_MOST_SECONDS = 3600.0
_MOST_MIB = 256
_LIVE = ("users", "customers", "products", "orders", "order_lines", "stock", "stock_grants", "audit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    events: int = parser.parse_args().events
    with network_of(3) as bench:
        healthy, away = bench.network.names[1:]
        asyncio.run(_tell_lag(bench, healthy, f"with {away} up"))
        bench.driver.stop(away)
        filled = bench.fill(events // _EVENTS_OF_AN_ORDER)
        out.print(f"{events} events written at {bench.donor} in {filled:.1f} s while {away} was away")
        out.print(_sizes(bench.database(bench.donor)))
        bench.driver.start(bench.donor)
        bench.wait_ready(bench.donor)
        peaks = asyncio.run(_drain(bench, healthy, away))
        worst = max(peaks.values())
        out.print("most memory: " + ", ".join(f"{node} {peak:.0f} MiB" for node, peak in peaks.items()))
        if worst > _MOST_MIB:
            raise SystemExit(f"{worst:.0f} MiB is more than {_MOST_MIB} MiB")


def _sizes(file: Path) -> str:
    """How large the log is beside the data it tells of, indexes included."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        size = dict(
            connection.execute(
                "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name"
                " GROUP BY m.tbl_name"
            )
        )
    log, live = size["events"] / (1 << 20), sum(size.get(name, 0) for name in _LIVE) / (1 << 20)
    return f"log {log:.0f} MiB, data {live:.0f} MiB: {log / live:.2f} of it"


async def _tell_lag(bench: Bench, peer: str, when: str) -> None:
    """Prints how late a peer shows an order after the donor has answered it."""
    donor, there = await bench.client(bench.donor), await bench.client(peer)
    lags = []
    for number in range(_LOOKED_FOR):
        order = await donor.place_order("BUYER", [{"sku": f"P-{number % 20}", "quantity": 1}])
        lags.append(1000 * await _until_shown(there, order["id"]))
    await donor.close()
    await there.close()
    middle, worst = statistics.median(lags), max(lags)
    out.print(f"{peer} shows an order after {middle:.0f} ms ({worst:.0f} ms at worst) {when}")


async def _until_shown(client: NodeClient, order_id: str) -> float:
    began = time.monotonic()

    async def is_shown() -> bool:
        try:
            await client.order(order_id)
        except Refused:
            return False
        return True

    if not await poll(is_shown, seconds=_MOST_SECONDS, every=_LOOK_SECONDS):
        raise SystemExit(f"{client.name} does not show {order_id} after {_MOST_SECONDS:.0f} s")
    return time.monotonic() - began


async def _drain(bench: Bench, healthy: str, away: str) -> dict[str, float]:
    """Waits until the healthy peer has all, then brings the other one back; the peaks of memory by node."""
    peaks = dict.fromkeys(bench.network.names, 0.0)
    donor = await bench.client(bench.donor)
    seconds = await _wait_drained(bench, donor, healthy, peaks)
    pending = (await donor.status())["pending"]
    out.print(f"{healthy} had all after {seconds:.1f} s; {pending[away]} events wait for {away}")
    await _tell_lag(bench, healthy, f"with {away} down")
    await asyncio.to_thread(bench.driver.start, away)
    await _tell_lag(bench, healthy, f"while {away} catches up")
    seconds = await _wait_drained(bench, donor, away, peaks)
    out.print(f"{away} had all {seconds:.1f} s later")
    await donor.close()
    return peaks


async def _wait_drained(bench: Bench, donor: NodeClient, peer: str, peaks: dict[str, float]) -> float:
    began = time.monotonic()

    async def has_all() -> bool:
        for node in bench.network.names:
            if bench.driver.state(node) == "running":
                peaks[node] = max(peaks[node], bench.resident_mib(node))
        try:
            return (await donor.status())["pending"][peer] == 0
        except (Refused, Unknown):
            return False  # it just starts

    if not await poll(has_all, seconds=_MOST_SECONDS, every=_POLL_SECONDS):
        raise SystemExit(f"{peer} does not have all after {_MOST_SECONDS:.0f} s")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
