"""How long a wiped node takes to rebuild, as a ratio to copying its database file:

python -m loadtests.bench.rebuild [--orders 20000]
"""

import argparse
import asyncio
import os
import shutil
import time
from pathlib import Path

from branchlab.console import out
from loadtests.bench.donor import Bench, network_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    orders: int = parser.parse_args().orders
    with network_of(2) as bench:
        victim = bench.network.names[1]
        filled = bench.fill(orders)
        out.print(f"{orders} orders of two lines made at {bench.donor} in {filled:.1f} s")
        copied = _copy(bench.database(bench.donor))
        bench.driver.start(bench.donor)
        bench.wait_ready(bench.donor)
        restarted = _restart(bench, victim)
        rebuilt = _rebuild(bench, victim)
        asyncio.run(_check(bench, orders))
        size = bench.database(bench.donor).stat().st_size / (1 << 20)
        out.print(f"copying the donor's file ({size:.0f} MiB, with fsync): {copied:.2f} s")
        out.print(f"{victim} with its data, from start to ready: {restarted:.1f} s")
        out.print(f"{victim} wiped, from start to ready: {rebuilt:.1f} s ({orders / rebuilt:.0f} orders/s)")
        out.print(
            f"memory: donor {bench.resident_mib(bench.donor):.0f} MiB,"
            f" rebuilt node {bench.resident_mib(victim):.0f} MiB"
        )
        out.print(f"ratio rebuild / copy: {rebuilt / copied:.0f}")


def _copy(file: Path) -> float:
    """Seconds to copy the file, on disk when it returns."""
    target = file.with_name("copied.db")
    began = time.monotonic()
    shutil.copyfile(file, target)
    with target.open("rb") as copied:
        os.fsync(copied.fileno())
    seconds = time.monotonic() - began
    target.unlink()
    return seconds


def _restart(bench: Bench, node: str) -> float:
    """Seconds from start to ready of a node that lost nothing: what of a rebuild is only the start."""
    bench.driver.stop(node)
    began = time.monotonic()
    bench.driver.start(node)
    bench.wait_ready(node)
    return time.monotonic() - began


def _rebuild(bench: Bench, node: str) -> float:
    bench.driver.stop(node)
    began = time.monotonic()
    bench.driver.wipe(node)
    bench.wait_ready(node)
    return time.monotonic() - began


async def _check(bench: Bench, orders: int) -> None:
    """The rebuilt node has every order, and both nodes have the same data."""
    clients = [await bench.client(node) for node in bench.network.names]
    statuses = [await client.status() for client in clients]
    for client in clients:
        await client.close()
    if {status["counts"]["orders"] for status in statuses} != {orders}:
        raise SystemExit(f"not every order is there: {[status['counts'] for status in statuses]}")
    if len({status["digest"] for status in statuses}) != 1:
        raise SystemExit("the digests differ")


if __name__ == "__main__":
    main()
