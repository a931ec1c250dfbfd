"""Makes the faults of a schedule and undoes them, and says in the run log what could not be kept.

Several faults may be there at once. What the network promises is the bound: a disk is lost only when every
node knows of the last loss and has what was left of it, and the orders at risk then are declared exactly.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from branchlab.checking.runlog import RunLog
from branchlab.errors import LabError, NotInTimeError
from branchlab.faults import gates
from branchlab.faults.kinds import BY_NAME, LinkFault
from branchlab.language import _
from branchlab.networks.drivers import Driver
from branchlab.networks.pace import Pace
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import read_status
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.poll import poll
from branchlab.teaching.torture.schedule import DISK_KINDS, Assault
from branchlab.teaching.torture.shoppers import Shoppers

_LEASE_SECONDS = 60.0  # beyond a fault's end: should this program die, the node ends it by itself
_RECOVERY_SECONDS = 90.0  # for a node to come back with what its peers have, other faults notwithstanding
_CALM_SECONDS = 30.0  # to wait for the moment in which a disk may be lost
Act = Callable[[], Awaitable[None]]


class Nemesis:
    """Plays one schedule. `made` counts the faults by kind, `skipped` those for which it was not the moment;
    `failures` are what should not have happened, `unjudged` what was not there in time."""

    def __init__(
        self, driver: Driver, shoppers: Shoppers, *, pace: Pace, tell: Callable[[str], None]
    ) -> None:
        self._pace = pace
        self._driver = driver
        self._shoppers = shoppers
        self._clients = shoppers.operations.clients
        self._log: RunLog = shoppers.operations.log
        self._tell = tell
        self._busy: set[str] = set()  # nodes that have a fault of their own
        self._disk_under_way = False
        self._calm = False  # while a disk is to be lost as soon as all is in order
        self.made: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.at_risk = 0
        self.failures: list[str] = []
        self.unjudged: list[str] = []

    async def rage(self, assaults: Sequence[Assault]) -> None:
        """Makes every fault at its time and undoes it at its end; returns when all are undone, or as good as
        that. What was not undone is a failure."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for assault in assaults:
                await asyncio.sleep(max(0.0, began + assault.begins - time.monotonic()))
                group.create_task(self._play(assault))

    async def _play(self, assault: Assault) -> None:
        nodes = {assault.node} if assault.node else {link.sender for link in assault.links}
        is_in_the_way = self._disk_under_way if assault.kind in DISK_KINDS else self._calm
        if nodes & self._busy or is_in_the_way:
            self.skipped[assault.kind] += 1
            return
        try:
            if assault.links:
                await self._break_links(assault)
            elif assault.node is not None:
                self._busy.add(assault.node)
                try:
                    await self._break_node(assault, assault.node)
                finally:
                    self._busy.discard(assault.node)
        except (LabError, Refused, Unknown) as error:
            # Another fault was in the way. What is half made is undone at the end of the run.
            self._tell(
                _(
                    "{kind} {target} was not made: {error}",
                    kind=assault.kind,
                    target=assault.target,
                    error=error,
                )
            )
            self.skipped[assault.kind] += 1

    async def _break_links(self, assault: Assault) -> None:
        lease = assault.ends - assault.begins + _LEASE_SECONDS
        fault = LinkFault(BY_NAME[assault.kind], assault.settings, lease, assault.seed)
        number = self._log.fault_requested(assault.kind, assault.target)
        await gates.make(self._clients, assault.links, fault)
        self._made(number, assault)
        await self._undo(number, assault, lambda: gates.lift(self._clients, assault.links))

    async def _break_node(self, assault: Assault, node: str) -> None:
        if assault.kind in DISK_KINDS:
            self._disk_under_way = True
            try:
                await self._lose_disk(assault.kind, node)
            finally:
                self._disk_under_way = False
            return
        number = self._log.fault_requested(assault.kind, node)
        make, undo = self._ways(assault, node)
        await make()
        self._made(number, assault)
        await self._undo(number, assault, undo)

    def _ways(self, assault: Assault, node: str) -> tuple[Act, Act]:
        """How a fault of a node is made, and how it is undone."""
        driver, client = self._driver, self._clients[node]
        if assault.kind == "fill":
            lease = assault.ends - assault.begins + _LEASE_SECONDS
            return lambda: gates.fill_disk(client, lease_seconds=lease), lambda: gates.empty_disk(client)
        verbs = {
            "kill": (driver.kill, driver.start),
            "stop": (driver.stop, driver.start),
            "pause": (driver.pause, driver.resume),
        }
        make, undo = verbs[assault.kind]
        return lambda: asyncio.to_thread(make, node), lambda: asyncio.to_thread(undo, node)

    async def _lose_disk(self, kind: str, node: str) -> None:
        """Takes a disk once that is within the promise, to which end nothing new is broken for a while; then
        sees the node come back, whatever else happens."""
        self._calm = True
        try:
            if not await poll(lambda: self._may_lose(node), seconds=_CALM_SECONDS):
                self.skipped[kind] += 1
                return
            before, number = await self._take_disk(kind, node)
        finally:
            self._calm = False
        patience = self._pace.patience(_RECOVERY_SECONDS)
        if await poll(lambda: self._lives_again(node, before), seconds=patience):
            self._log.fault_healed(number)
        else:  # while its peers are killed again and again that may take long; in the end it has to
            self._tell(_("{node} is not back yet after {patience:.0f} s", node=node, patience=patience))

    async def _take_disk(self, kind: str, node: str) -> tuple[str, int]:
        """Takes the disk and declares at risk what the node has shown as stored by no peer. Returns the life
        that ended, and the fault's number."""
        client = self._clients[node]
        async with self._shoppers.no_cancelling[node]:
            epoch = (await client.status())["epoch"]
            if epoch is None:
                raise LabError(_("{node} cannot read its database", node=node))
            stored, unstored = await _by_copies(client)
            number = self._log.fault_requested(kind, node)
            try:
                await asyncio.to_thread(self._ruin, kind, node)
            except NotInTimeError as error:
                self.unjudged.append(
                    _("{node} did not start in time after its disk was lost: {error}", node=node, error=error)
                )
            except LabError as error:
                self.failures.append(
                    _("{node} did not start after its disk was lost: {error}", node=node, error=error)
                )
            finally:  # whatever became of the node, its disk may be gone
                told = self._shoppers.told[node, epoch]
                at_risk = sorted((told - stored) | unstored)
                self._log.fault_active(number)
                self._log.disk_lost(node, at_risk=at_risk)
        self.at_risk += len(at_risk)
        self.made[kind] += 1
        self._tell(_("{kind} {node}, {count} orders at risk", kind=kind, node=node, count=len(at_risk)))
        return epoch, number

    def _ruin(self, kind: str, node: str) -> None:
        if kind == "wipe":
            self._driver.wipe(node)
            return
        # It takes no more orders once it is told to stop, so none is taken on a ruined disk and then lost.
        self._driver.stop(node)
        self._driver.corrupt(node)
        self._driver.start(node)

    async def _may_lose(self, node: str) -> bool:
        """Whether every node serves, knows the others' present lives, and has what is left of past ones."""
        statuses = await asyncio.gather(*(read_status(client) for client in self._clients.values()))
        known = [status for status in statuses if status is not None]
        return len(known) == len(statuses) and node in self._clients and is_settled(known)

    async def _lives_again(self, node: str, before: str) -> bool:
        status = await read_status(self._clients[node])
        return status is not None and status["ready"] and status["epoch"] != before

    def _made(self, number: int, assault: Assault) -> None:
        self._log.fault_active(number)
        self.made[assault.kind] += 1
        self._tell(
            _(
                "{kind} {target} for {ends:.1f} s",
                kind=assault.kind,
                target=assault.target,
                ends=assault.ends - assault.begins,
            )
        )

    async def _undo(self, number: int, assault: Assault, undo: Act) -> None:
        """Undoes a fault when its time is over; tries again where another fault is in the way. A link whose
        sender is not there for long is left to its lease, and to the end of the run."""
        await asyncio.sleep(assault.ends - assault.begins)

        async def is_undone() -> bool:
            try:
                await undo()
            except (LabError, Refused, Unknown):
                return False
            return True

        if await poll(is_undone, seconds=self._pace.patience(_RECOVERY_SECONDS)):
            self._log.fault_healed(number)
        elif assault.node is not None:
            self.unjudged.append(
                _("{kind} {target} could not be undone in time", kind=assault.kind, target=assault.target)
            )


async def _by_copies(client: NodeClient) -> tuple[set[str], set[str]]:
    """Ids of the node's own orders: those that it shows as stored by some peer, and those by none."""
    own = [order for order in await client.orders() if order["branch"] == client.name]
    stored = {order["id"] for order in own if order["stored_by"]}
    return stored, {order["id"] for order in own} - stored


def is_settled(statuses: Sequence[Status]) -> bool:
    """Whether nodes that were asked at about one moment know each other's present lives, and the same of all
    lives that are over."""
    present = {status["node"]: status["epoch"] for status in statuses}
    for status in statuses:
        if not status["ready"]:
            return False
        if any(peer.get("epoch") != present[name] for name, peer in status["peers"].items()):
            return False
    lives = {f"{name}@{epoch}" for name, epoch in present.items()}
    over = [{life: head for life, head in one["heads"].items() if life not in lives} for one in statuses]
    return all(heads == over[0] for heads in over)
