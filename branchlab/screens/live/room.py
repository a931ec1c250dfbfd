"""The live room: reads the network into one run log, and lets people act on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random

from branchlab.checking.operations import Operations
from branchlab.checking.run import Run, new_name
from branchlab.checking.runlog import Record, RunLog
from branchlab.checking.runs import FOLDER, open_log
from branchlab.checking.timeline.model import Band
from branchlab.checking.timeline.timeline import Timeline
from branchlab.checking.verdict import Verdict
from branchlab.errors import LabError
from branchlab.networks import lease
from branchlab.networks.drivers import Driver
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.screens.live.breaking import Breaking
from branchlab.screens.live.follower import Follower
from branchlab.screens.live.hands import Hands, SteadyLoad
from branchlab.screens.live.judging import Kept, opinion
from branchlab.screens.live.reading import NodeReader
from branchlab.screens.live.seen import Watcher, shown_by
from branchlab.settings import Secrets
from branchlab.tasks import cancel

KEEP_SECONDS = 900.0
"""So much of the run stays on the live screens; the log has all of it."""
_LOOK_SECONDS = 0.5
_JUDGE_SECONDS = 3.0
_JUDGE_SHARE = 0.1  # of the time goes into judging, at the most
_CONCLUDE_SECONDS = 3.0


class LiveRoom:
    """A network that runs, as the pages show it. Everything it learns goes through its `log`."""

    is_live = True

    def __init__(self, driver: Driver, network: Network, secrets: Secrets, run_dir: Path) -> None:
        self.name = new_name("room")
        self.network = network
        self.timeline = Timeline(keep_seconds=KEEP_SECONDS)
        self._driver = driver
        self._secrets = secrets
        self._run_dir = run_dir
        self._kept = Kept()
        self._watcher = Watcher()
        self._stack = AsyncExitStack()
        self._load_lease = ExitStack()
        self._readers: dict[str, NodeReader] = {}
        self.verdict: Verdict | None = None
        self.log: RunLog
        self.breaking: Breaking
        self.hands: Hands
        self.load: SteadyLoad
        self._follower: Follower
        self._clients: dict[str, NodeClient] = {}

    @property
    def now(self) -> float:
        return self.log.seconds

    @property
    def length(self) -> float:
        return self.log.seconds

    @property
    def clients(self) -> dict[str, NodeClient]:
        """An administrator's client of each node, logged in as soon as the node takes it."""
        return self._clients

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Reads, follows and judges until the block ends."""
        async with self._stack:
            self.log = self._stack.enter_context(open_log(self._run_dir, self.name, tap=self._take))
            self.log.start(
                run=self.name,
                what="room",
                seed=None,
                nodes={node.name: node.url for node in self.network.nodes},
                policy=self.network.policy,
                driver=self.network.driver,
                may_oversell=self.network.policy == "optimistic",
            )
            await self._open_clients()
            self._follower = Follower(self._run_dir / FOLDER, self.log)
            self.hands = Hands(self.network, self._secrets, self.log, mark=self.name)
            self._stack.push_async_callback(self.hands.close)
            self.load = SteadyLoad(self.log, mark=self.name)
            self._stack.callback(self.stop_load)
            self.breaking = Breaking(
                self._driver,
                self.network,
                self._secrets,
                self.log,
                self._clients,
                bands=lambda: self.timeline.bands,
                records=lambda: self._kept.records,
            )
            tasks = [asyncio.create_task(reader.run()) for reader in self._readers.values()]
            tasks += [asyncio.create_task(self._look()), asyncio.create_task(self._judge())]
            try:
                yield
            finally:
                await cancel(tasks)

    async def start_load(self, rate: float) -> None:
        """Orders so often per second at the branches that run. LabError while another run has the network."""
        if not self.load.is_on:
            self._load_lease.enter_context(lease.held(self._run_dir, self.name))
        try:
            await self.hands.prepare()
        except BaseException:
            self._load_lease.close()
            raise
        self.load.start(rate, self._clients, self.hands.skus, runs=self._runs)

    def stop_load(self) -> None:
        """No more orders from now on; the network is free for another run."""
        self.load.cancel()
        self._load_lease.close()

    async def conclude(self) -> None:
        """Writes the whole reads and the verdict into the log, as at the end of any run in which something
        was asked for."""
        if any(record["kind"] == "op.invoke" for record in self._kept.records):
            run = Run(Operations(self._clients, self.log, random=Random()))
            self.verdict = await run.conclude(deadline_seconds=_CONCLUDE_SECONDS)

    def _runs(self, node: str) -> bool:
        return self._readers[node].status is not None

    def _take(self, record: Record) -> None:
        self._kept.add(record)
        self.timeline.add(record)

    async def _open_clients(self) -> None:
        credentials = (self._secrets.admin_username, self._secrets.admin_password)
        for node in self.network.members:
            client = await self._stack.enter_async_context(NodeClient(node.name, node.url))
            self._clients[node.name] = client
            self._readers[node.name] = NodeReader(
                client, self.log, credentials=credentials, state_of=self._driver.state
            )

    async def _look(self) -> None:
        """Follows other runs, notes faults that others made, and ends leases."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._follower.look()
            self._note_seen()
            with suppress(LabError):
                await self.breaking.end_leases()

    def _note_seen(self) -> None:
        readers = self._readers
        shown = shown_by(
            {name: one.state for name, one in readers.items()},
            {name: one.status for name, one in readers.items()},
        )
        unknown = {name for name, one in readers.items() if one.status is None}
        new, over = self._watcher.differences(self.now, self.timeline.bands, shown, unknown)
        for one in new:
            self.log.fault_active(self.log.fault_requested(one.fault, one.target, seen=True))
        for band in over:
            self.log.fault_healed(band.id, by="lease" if _had_lease(band, self.now) else "healed")

    async def _judge(self) -> None:
        """Lets the checker say what it thinks, whenever something has changed."""
        judged: object = None
        pause = _JUDGE_SECONDS
        await self._read_before()
        while True:
            await asyncio.sleep(pause)
            statuses = self._statuses()
            state = (self._kept.changes, [one["digest"] if one else None for one in statuses.values()])
            if state == judged or not self._kept.changes:
                continue
            verdict, seconds = await opinion(self._kept, self._clients, statuses)
            pause = max(_JUDGE_SECONDS, seconds / _JUDGE_SHARE)
            self.log.opinion(verdict.as_record())
            judged = state

    async def _read_before(self) -> None:
        """Reads what is there before anything is done, once every node that runs can be read."""
        while any(client.token is None for client in self._clients.values()):
            await asyncio.sleep(_LOOK_SECONDS)
            if any(reader.state in ("stopped", "paused") for reader in self._readers.values()):
                break
        operations = Operations(self._clients, self.log, random=Random())
        await operations.read("before")

    def _statuses(self) -> dict[str, Status | None]:
        return {name: reader.status for name, reader in self._readers.items()}


def _had_lease(band: Band, now: float) -> bool:
    return band.lease_seconds is not None and now >= band.requested + band.lease_seconds - 1.0
