"""The faults that a teacher makes in the control room: the verbs of the command line, with leases, each
written to the room's log."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from branchlab.checking.evidence import collect
from branchlab.checking.runlog import Record, RunLog
from branchlab.checking.timeline.model import Band
from branchlab.errors import LabError
from branchlab.faults import gates
from branchlab.faults.kinds import BY_NAME, LinkFault
from branchlab.faults.words import links_between, spoken
from branchlab.language import deferred
from branchlab.networks.drivers import Driver
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from branchlab.settings import Secrets

_READY_SECONDS = 60.0
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "cut": {"hang": 0.0},
    "slow": {"delay": "800ms±200"},
    "flaky": {"loss": "30%"},
    "duplicate": {"copies": 1},
    "reorder": {"share": "50%"},
}
"""What a fault of links does when nobody says more."""


@dataclass
class _Lease:
    """A fault of a node that ends by itself."""

    node: str
    fault: str
    number: int
    ends: float


class Breaking:
    """Makes and ends faults. Every method returns when the effect is there; LabError says why it is not."""

    def __init__(
        self,
        driver: Driver,
        network: Network,
        secrets: Secrets,
        log: RunLog,
        clients: Mapping[str, NodeClient],
        *,
        bands: Callable[[], Sequence[Band]],
        records: Callable[[], Sequence[Record]],
    ) -> None:
        self._driver = driver
        self._network = network
        self._secrets = secrets
        self._log = log
        self._clients = clients
        self._bands = bands
        self._records = records
        self._leases: dict[str, _Lease] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def node_fault(self, fault: str, node: str, *, lease_seconds: float | None) -> None:
        """`stop`, `pause` or `kill` of a node. It comes back by itself when the lease is over."""
        verbs = {"stop": self._driver.stop, "pause": self._driver.pause, "kill": self._driver.kill}
        async with self._lock(node):
            if self._driver.state(node) == "stopped":
                raise LabError(deferred("{node} is stopped already", node=node))
            number = self._log.fault_requested(fault, node, lease_seconds=lease_seconds)
            try:
                await asyncio.to_thread(verbs[fault], node)
            except BaseException:
                self._log.fault_healed(number)
                raise
            self._log.fault_active(number)
            if lease_seconds is not None:
                self._leases[node] = _Lease(node, fault, number, time.monotonic() + lease_seconds)

    async def bring_back(self, node: str, *, by_lease: bool = False) -> None:
        """Starts a node that is stopped, lets one go on that is paused; its faults of that kind are over."""
        async with self._lock(node):
            state = await asyncio.to_thread(self._driver.state, node)
            if state == "running":
                raise LabError(deferred("{node} runs already", node=node))
            await asyncio.to_thread(self._driver.resume if state == "paused" else self._driver.start, node)
            self._leases.pop(node, None)
            for band in self._bands():
                if band.target == node and band.healed is None and band.fault in ("stop", "pause", "kill"):
                    self._log.fault_healed(band.id, by="lease" if by_lease else "healed")

    async def link_fault(
        self,
        kind: str,
        pairs: Sequence[tuple[str, str]],
        *,
        lease_seconds: float,
        one_way: bool = False,
        **given: object,
    ) -> None:
        """A fault on the links of these pairs, both ways unless it is `one_way`."""
        links = [link for one, other in pairs for link in links_between(one, other, one_way=one_way)]
        senders = {link.sender for link in links}
        for name in senders:
            if await asyncio.to_thread(self._driver.state, name) != "running":
                raise LabError(
                    deferred("{node} does not run, and a link is broken at both its ends", node=name)
                )
        settings = BY_NAME[kind].settings(**{**SETTINGS[kind], **given})
        number = self._log.fault_requested(kind, spoken(links), lease_seconds=lease_seconds)
        try:
            await gates.make(self._clients, links, LinkFault(BY_NAME[kind], settings, lease_seconds))
        except BaseException:
            self._log.fault_healed(number)
            raise
        self._log.fault_active(number)

    async def lift(self, one: str, other: str) -> None:
        """Ends the faults of the link between two nodes."""
        links = links_between(one, other, one_way=False)
        await gates.lift(self._clients, links)
        for band in self._bands():
            if (
                band.healed is None
                and band.links
                and set(band.links) <= {(a.sender, a.receiver) for a in links}
            ):
                self._log.fault_healed(band.id)

    async def fill(self, node: str, *, lease_seconds: float) -> None:
        """Lets a node's disk be full."""
        number = self._log.fault_requested("fill", node, lease_seconds=lease_seconds)
        try:
            await gates.fill_disk(self._clients[node], lease_seconds=lease_seconds)
        except BaseException:
            self._log.fault_healed(number)
            raise
        self._log.fault_active(number)

    async def wipe(self, node: str) -> list[str]:
        """Takes a node's disk away, and waits until it serves again. Returns the confirmed orders that were
        on it alone, as far as the room knows."""
        async with self._lock(node):
            stored, epoch = await self._stored(node)
            number = self._log.fault_requested("wipe", node)
            await asyncio.to_thread(self._driver.wipe, node)
            self._log.fault_active(number)
            told = collect(self._records()).acknowledged()
            there = {id_: answers[0].response for id_, answers in told.items()}
            at_risk = [
                id_
                for id_, order in there.items()
                if order["branch"] == node and id_ not in stored and epoch in (None, order["epoch"])
            ]
            self._log.disk_lost(node, at_risk=at_risk)
            if await poll(self._clients[node].is_ready, seconds=_READY_SECONDS):
                self._log.fault_healed(number)
            return at_risk

    async def _stored(self, node: str) -> tuple[set[str], str | None]:
        """The node's orders that a peer has, as the node shows them, and the life it is in."""
        client = self._clients[node]
        try:
            epoch = (await client.status())["epoch"]
            return {order["id"] for order in await client.orders() if order["stored_by"]}, epoch
        except (Refused, Unknown):
            return set(), None

    async def heal(self) -> None:
        """Ends every fault there is; returns when every node is ready."""
        opened = [band.id for band in self._bands() if band.healed is None]
        self._leases.clear()
        for name in self._network.names:
            if await asyncio.to_thread(self._driver.state, name) == "paused":
                await asyncio.to_thread(self._driver.resume, name)
        await gates.lift_everywhere(self._network, self._secrets, state_of=self._driver.state)
        await asyncio.to_thread(self._driver.heal)
        still_open = {band.id for band in self._bands() if band.healed is None}
        for number in opened:
            if number in still_open:
                self._log.fault_healed(number)

    async def end_leases(self) -> None:
        """Brings back the nodes whose lease is over; to be called now and then."""
        for lease in [one for one in self._leases.values() if time.monotonic() >= one.ends]:
            self._leases.pop(lease.node, None)
            if await asyncio.to_thread(self._driver.state, lease.node) != "running":
                await self.bring_back(lease.node, by_lease=True)

    def _lock(self, node: str) -> asyncio.Lock:
        return self._locks.setdefault(node, asyncio.Lock())


def pairs_of(selected: Sequence[str], names: Sequence[str]) -> list[tuple[str, str]]:
    """The pair of the two nodes that are selected; all pairs of the one that is. LabError for none."""
    if len(selected) >= 2:
        return [(selected[-2], selected[-1])]
    if not selected:
        raise LabError(deferred("select a branch first"))
    return [(selected[0], other) for other in names if other != selected[0]]
