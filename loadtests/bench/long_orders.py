"""What orders of many lines cost, beside short ones:

python -m loadtests.bench.long_orders [--orders 30]

For orders of 10, 100 and 1,000 lines: how long one is answered in, how long a one-line order waits
meanwhile, and how long until the peer has all. Then how often an order of 1,000 lines is sent whose units are
all the peer's, and how long the peer takes to rebuild after it lost its disk.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from branchlab.console import out
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import WantedLine
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused, Unknown
from loadtests.bench.donor import Bench, network_of

_LINES = (10, 100, 1_000)
_PRODUCTS = 1_000
_UNITS = 1_000
_AT_ONCE = 8
_MOST_REQUESTS = 60
_NAME = "Açaí orgânico da Amazônia, congelado, sem açúcar, pacote econômico de 1 kg, produto {}"
_SHORT: Sequence[WantedLine] = [{"sku": "P-0", "quantity": 1}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=30)
    orders: int = parser.parse_args().orders
    with network_of(2) as bench:
        seller, peer = bench.network.names
        asyncio.run(_measure(bench, seller, peer, orders=orders))
        began = time.monotonic()
        bench.driver.wipe(peer)
        bench.wait_ready(peer)
        out.print(f"{peer} wiped, from start to ready: {time.monotonic() - began:.1f} s")
        memory = ", ".join(f"{node} {bench.resident_mib(node):.0f} MiB" for node in (seller, peer))
        out.print(f"memory: {memory}")


async def _measure(bench: Bench, seller: str, peer: str, *, orders: int) -> None:
    clients = [await bench.client(node) for node in (seller, peer)]
    here, there = clients
    await _fill(here)
    await wait_converged(clients)
    for lines in _LINES:
        await _sell(here, clients, lines, orders=orders)
    await _far_away(there, clients)
    for client in clients:
        await client.close()


async def _fill(client: NodeClient) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def fill(number: int) -> None:
        async with slots:
            await client.create_product(f"LONG-{number}", _NAME.format(number), 700)
            await client.adjust(f"LONG-{number}", _UNITS, reason="bench", share="keep")

    await asyncio.gather(*map(fill, range(_PRODUCTS)))


def _wanted(lines: int) -> list[WantedLine]:
    return [{"sku": f"LONG-{number}", "quantity": 1} for number in range(lines)]


async def _sell(client: NodeClient, clients: Sequence[NodeClient], lines: int, *, orders: int) -> None:
    """Sells some orders of so many lines, while others buy one thing."""
    done = asyncio.Event()
    waiting = asyncio.create_task(_short_ones(client, done))
    took = []
    for _ in range(orders):
        began = time.monotonic()
        await client.place_order("BUYER", _wanted(lines))
        took.append(time.monotonic() - began)
    done.set()
    short = await waiting
    began = time.monotonic()
    await wait_converged(clients)
    caught_up = time.monotonic() - began
    out.print(f"{orders} orders of {lines} lines: {_shown(took)}; the peer has all after {caught_up:.1f} s")
    out.print(f"  an order of one line meanwhile: {_shown(short)}")


def _shown(seconds: Sequence[float]) -> str:
    median = sorted(seconds)[len(seconds) // 2]
    return f"{median * 1000:.0f} ms (median), {max(seconds) * 1000:.0f} ms at most"


async def _short_ones(client: NodeClient, done: asyncio.Event) -> list[float]:
    took: list[float] = []
    while not done.is_set() or not took:
        began = time.monotonic()
        await client.place_order("BUYER", _SHORT)
        took.append(time.monotonic() - began)
    return took


async def _far_away(there: NodeClient, clients: Sequence[NodeClient]) -> None:
    """An order for units that are all at the other branch, sent until it is accepted."""
    began = time.monotonic()
    requests, accepted = 0, False
    while not accepted and requests < _MOST_REQUESTS:
        requests += 1
        with suppress(Refused, Unknown):
            await there.place_order("BUYER", _wanted(_PRODUCTS), key="far-away")
            accepted = True
    outcome = "accepted" if accepted else "not accepted"
    seconds = time.monotonic() - began
    out.print(
        f"{_PRODUCTS} lines with all units at the peer: {outcome}, {requests} requests, {seconds:.1f} s"
    )
    await wait_converged(clients)


if __name__ == "__main__":
    main()
