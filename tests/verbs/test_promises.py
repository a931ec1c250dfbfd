"""All branches sell while one thing is broken and mended: nothing acknowledged is lost, nothing is oversold,
all nodes agree. One test body over every driver; what is done to disks is played by the disk scenarios."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from branchlab.checking.operations import Operations
from branchlab.checking.run import begin
from branchlab.checking.runlog import RunLog
from branchlab.checking.verdict import Verdict
from branchlab.nodes.contract import WantedLine
from branchlab.nodes.convergence import wait_converged
from branchlab.poll import poll
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST
from tests.verbs.conftest import MakeCluster

A, B, C = "matriz", "filial-norte", "filial-sul"
UNITS = 60  # fewer than are asked for, so that branches ask each other over what is broken
ORDERS = 25  # ended while it is broken, and again afterwards
BUYERS = 2  # at each branch
ANSWER_SECONDS = 4.0
ENOUGH_SECONDS = 90.0
FAULTS = [
    ("cut", A, B),
    ("cut", A, B, "--one-way"),
    ("partition", C, "--fault", "cut"),
    ("slow", A, B, "300ms±200"),
    ("flaky", A, B, "40%", "--seed", "7"),
    ("duplicate", A, B, "--copies", "2"),
    ("reorder", A, B, "60%", "--seed", "7"),
    ("disk-full", C),
    ("pause", C),
    ("stop", C),
    ("kill", C),
]


@pytest.fixture(scope="module")
def shared(make_cluster: MakeCluster) -> Cluster:
    return make_cluster(settings={**FAST, "LAB_FAULTS": "1"})


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """Three nodes that take faults and have none, whatever the test before did."""
    shared.lab("heal")
    return shared


@pytest.mark.parametrize("fault", FAULTS, ids="-".join)
def test_what_was_promised_while_it_was_broken_is_kept(
    cluster: Cluster, tmp_path: Path, fault: tuple[str, ...]
) -> None:
    verdict, digests = asyncio.run(sell_break_and_heal(cluster, tmp_path / "run.jsonl", fault))

    found = (verdict.result, verdict.lost, verdict.duplicated, verdict.oversold, verdict.converged)
    assert found == ("PASS", 0, 0, 0, True), verdict.problems
    assert verdict.acknowledged > 0
    assert len(digests) == 1


async def sell_break_and_heal(
    cluster: Cluster, path: Path, fault: tuple[str, ...]
) -> tuple[Verdict, set[str | None]]:
    """The verdict over all that was sold before, meanwhile and afterwards, and the digests at the end."""
    with RunLog(path) as log:
        async with begin(
            log,
            cluster.network,
            cluster.secrets,
            what=" ".join(fault),
            run="promises",
            seed=1,
            answer_seconds=ANSWER_SECONDS,
        ) as under_way:
            operations = under_way.operations
            sale = Sale(operations, f"PROMISED-{FAULTS.index(fault)}")
            await sale.open()
            async with sale.going_on():
                await sale.until_more(ORDERS)
                number = log.fault_requested(fault[0], " ".join(fault[1:]))
                await asyncio.to_thread(cluster.lab, *fault)
                log.fault_active(number)
                await sale.until_more(ORDERS)
                await asyncio.to_thread(cluster.lab, "heal")
                log.fault_healed(number)
                await sale.until_more(ORDERS)
            verdict = await under_way.conclude()
            statuses = await under_way.converge()
    return verdict, {status["digest"] for status in statuses.values() if status is not None}


@dataclass
class Sale:
    """Buyers of one product at every branch. `ended` counts orders that were taken, refused or left open."""

    operations: Operations
    sku: str
    ended: int = 0

    async def open(self) -> None:
        """The product and its units, which every branch knows when this returns."""
        clients = [*self.operations.clients.values()]
        await wait_converged(clients)
        await self.operations.read("before")
        await self.operations.create_product(A, self.sku, self.sku, 100)
        await self.operations.create_customer(A, {"code": f"C-{self.sku}", "name": "Ana Lima"})
        await self.operations.adjust(A, self.sku, UNITS, share="equal")
        await wait_converged(clients)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """The buyers buy for as long as the context lasts."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for node in self.operations.clients:
                for buyer in range(BUYERS):
                    group.create_task(self._buy(node, buyer, over))
            try:
                yield
            finally:
                over.set()

    async def _buy(self, node: str, buyer: int, over: asyncio.Event) -> None:
        number = 0
        while not over.is_set():
            number += 1
            line: WantedLine = {"sku": self.sku, "quantity": 1}
            key = f"{self.sku}-{node}-{buyer}-{number}"
            await self.operations.place(node, f"C-{self.sku}", [line], key=key)
            self.ended += 1
            await asyncio.sleep(0.05)  # a buyer's pause, so that there are units left while it is broken

    async def until_more(self, orders: int) -> None:
        """Waits until so many more orders ended."""
        wanted = self.ended + orders

        async def ended() -> int:
            return self.ended

        found = await poll(ended, until=lambda count: count >= wanted, seconds=ENOUGH_SECONDS, every=0.05)
        assert found >= wanted, f"only {found} orders of {wanted} ended"
