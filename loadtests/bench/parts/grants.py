"""Orders whose units are all a peer's beside plain orders, in one load: what asking for rights costs."""

import asyncio
from collections.abc import Iterator

from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from loadtests.bench import order_texts, own
from loadtests.bench.donor import Bench
from loadtests.bench.notes import Notes
from loadtests.bench.order_texts import Request
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import press
from loadtests.bench.room import Room
from loadtests.bench.watching import grants_of

_RATE = 50.0  # orders a second, one half of each kind
_SPARE_SECONDS = 3.0  # of orders, beyond those that count
_UNITS = 1_000


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    needed = round(_RATE / 2 * (room.seconds + _SPARE_SECONDS))  # a product for each order of a round
    with own.network(room, 2, of_nodes={"REBALANCE_SECONDS": "0"}) as node:  # so that only orders move units
        node.warm(room)
        for number in rounds:
            names = [f"FAR-{number}-{each}" for each in range(needed)]
            asyncio.run(_bring_in(node.bench, names))
            found = press(room, node.port, _mixed(node, names), rate=_RATE)
            notes.doubt("orders that need a grant", found)
            taken = len(found.times.get("grant", []))
            if (granted := grants_of(node.database, names)) < taken:
                raise SystemExit(f"{taken} orders of far products were taken with {granted} grants")
            near, far = found.quantile(50, "order"), found.quantile(50, "grant")
            notes.figure("p50 ms at 50 orders/s", "plain order", 1000 * near)
            notes.figure("p50 ms at 50 orders/s", "order that needs a grant", 1000 * far)
            notes.ratio("grant", far / near)


def _mixed(node: own.Own, names: list[str]) -> list[Request]:
    """One-line orders of near and far products in turn, and of each far product only one."""
    found = []
    near = node.orders(lines=1)
    for name, request in zip(names, near, strict=False):
        body = {"customer": order_texts.customer(0), "lines": [{"sku": name, "quantity": 1}]}
        found += [request, ("grant", order_texts.post("/orders", body, node.token))]
    return found


async def _bring_in(bench: Bench, names: list[str]) -> None:
    """Makes the products; the peer receives their units and keeps them."""
    clients = [await bench.client(node) for node in bench.network.names]
    peer = clients[1]
    slots = asyncio.Semaphore(4)

    async def bring(client: NodeClient, name: str) -> None:
        async with slots:
            await client.create_product(name, name, 500)
            await client.adjust(name, _UNITS, reason="bench", share="keep")

    await asyncio.gather(*(bring(peer, name) for name in names))
    await wait_converged(clients)
    for client in clients:
        await client.close()


PART = Part("grants", ("grant",), 12, 10, _play)
