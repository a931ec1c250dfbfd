"""One branch's node: its parts, put together, and its life from start to stop."""

import asyncio
import logging
from collections.abc import Mapping
from random import Random
from typing import Any

from pydantic import SecretStr

from app.config import Settings
from app.database import Database, Effects
from app.database.migrations import newest_revision
from app.runtime import Clock, Executor
from app.security.client_tokens import ClientTokens
from app.security.passwords import Passwords
from app.security.replica_tokens import ReplicaTokens
from app.security.throttle import LoginThrottle
from app.state.order_desk import OrderDesk
from app.state.rights_desk import RightsDesk
from app.state.stock_desk import StockDesk
from app.state.waiting import WaitingList
from app.status import node_status
from app.sync.alarms import Alarms
from app.sync.counting import CountDesk
from app.sync.fault_desk import FaultDesk
from app.sync.founding import Founding
from app.sync.gate import GatedTransport
from app.sync.handshake import Self
from app.sync.link import ReplicaLink
from app.sync.meeting import Meetings
from app.sync.peers import Peers
from app.sync.rebirth import Rebirth
from app.sync.reception import Reception
from app.sync.recovery import Recovery
from app.sync.scrub import Scrub
from app.sync.standing import Standing
from app.sync.synchronizer import ReplicaSynchronizer
from app.sync.transfer import RightsAsker
from app.sync.transport import Transport

log = logging.getLogger("app.node")


class BranchNode:
    """A branch's node. Routes reach its parts through it; nothing is read or started before `open`."""

    def __init__(
        self, settings: Settings, *, clock: Clock, random: Random, transport: Transport, executor: Executor
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.random = random
        self.executor = executor
        self.database = Database(settings.database_path, clock=clock, random=random, executor=executor)
        self.passwords = Passwords(rounds=settings.bcrypt_rounds, random=random, executor=executor)
        self.tokens = ClientTokens(
            secret=settings.jwt_secret.get_secret_value(),
            previous=_revealed(settings.jwt_secret_previous),
            minutes=settings.jwt_minutes,
            random=random,
        )
        self.throttle = LoginThrottle()
        self.replica_tokens = ReplicaTokens(
            name=settings.node_name,
            secret=settings.replica_secret.get_secret_value(),
            previous=_revealed(settings.replica_secret_previous),
        )
        self.standing = Standing(policy=settings.stock_policy)
        self.alarms = Alarms()
        self.peers = Peers([(peer.name, peer.url) for peer in settings.peers], clock=clock)
        self._waiting = WaitingList()
        self.faults: FaultDesk | None = None
        self._transport = self._gated(transport) if settings.lab_faults else transport
        self._tasks: list[asyncio.Task[None]] = []
        self._replacing: asyncio.Task[None] | None = None
        self._wire_stock()
        self._wire_replication()

    def _gated(self, transport: Transport) -> Transport:
        """The transport behind the gate that the lab's faults go through."""
        addresses = [(peer.name, peer.url) for peer in self.settings.peers]
        gate = GatedTransport(transport, addresses=addresses, clock=self.clock, random=self.random)
        self.faults = FaultDesk(self.database, gate=gate, peers=self.peers, clock=self.clock)
        return gate

    def _wire_stock(self) -> None:
        self.rights = RightsDesk(
            self.database,
            waiting=self._waiting,
            clock=self.clock,
            policy=self.settings.stock_policy,
            patience=self.settings.transfer_wait_seconds,
            may_sell=self.standing.require_selling,
        )
        self.orders = OrderDesk(
            self.database,
            rights=self.rights,
            policy=self.settings.stock_policy,
            clock=self.clock,
            patience=self.settings.durable_wait_seconds,
        )
        self.stock = StockDesk(
            self.database,
            rights=self.rights,
            waiting=self._waiting,
            policy=self.settings.stock_policy,
            lives_heard_from=self.peers.lives_heard_from,
            clock=self.clock,
        )

    def _wire_replication(self) -> None:
        settings = self.settings
        this = Self(
            schema_hash=newest_revision(),
            policy=settings.stock_policy,
            incarnation=self.random.randbytes(8).hex(),
        )
        link = ReplicaLink(
            self._transport,
            tokens=self.replica_tokens,
            identity=lambda: self.database.identity,
            peers=self.peers,
            clock=self.clock,
        )
        rebirth = Rebirth(self.database, peers=self.peers, standing=self.standing, alarms=self.alarms)
        self._recovery = Recovery(
            self.database,
            peers=self.peers,
            link=link,
            rebirth=rebirth,
            alarms=self.alarms,
            clock=self.clock,
        )
        self._meetings = Meetings(
            self.database,
            this=this,
            peers=self.peers,
            standing=self.standing,
            alarms=self.alarms,
            rebirth=rebirth,
            recovery=self._recovery,
            clock=self.clock,
        )
        self.reception = Reception(
            self.database,
            peers=self.peers,
            meetings=self._meetings,
            stock=self.stock,
            standing=self.standing,
            alarms=self.alarms,
            rebirth=rebirth,
        )
        self.counts = CountDesk(self.database, peers=self.peers, link=link)
        self._asker = RightsAsker(
            self.database,
            waiting=self._waiting,
            stock_desk=self.stock,
            peers=self.peers,
            link=link,
            clock=self.clock,
            rebirth=rebirth,
            patience=settings.transfer_wait_seconds,
        )
        self.rights.use(self._asker)
        self._synchronizer = ReplicaSynchronizer(
            self.database,
            peers=self.peers,
            link=link,
            meetings=self._meetings,
            stock=self.stock,
            rebirth=rebirth,
            clock=self.clock,
            random=self.random,
            retry_seconds=settings.replication_retry_seconds,
            rebalance_seconds=settings.rebalance_seconds,
            most_events=settings.outbox_max_events,
        )
        self._founding = Founding(
            self.database,
            peers=self.peers,
            standing=self.standing,
            clock=self.clock,
            recovery=self._recovery,
            rebirth=rebirth,
            alone=settings.found,
            admin=settings.admin_username,
            hash_password=lambda: self.passwords.hash(settings.admin_password.get_secret_value()),
        )
        self._scrub = Scrub(
            self.database,
            peers=self.peers,
            alarms=self.alarms,
            clock=self.clock,
            seconds=settings.scrub_seconds,
            replace=self._note_damage,
        )
        self.database.on_commit.append(self._wake_senders)

    @property
    def ready(self) -> bool:
        """Whether clients are served; `standing.reason` says why not."""
        return self.standing.ready

    async def open(self) -> None:
        """Open the database and start replication; the node is ready when its founding says so. A damaged
        database is set aside and rebuilt.

        Raises WrongDatabase.
        """
        await self.database.open(cluster_id=self.settings.cluster_id, name=self.settings.node_name)
        if self.database.set_aside is not None:
            self.alarms.raise_("damaged_database", f"set aside as {self.database.set_aside.name}")
        self.database.on_damage.append(self._note_damage)
        self._start_tasks()

    def _start_tasks(self) -> None:
        for work, name in (
            (self._synchronizer.run(), "synchronizer"),
            (self._recovery.run(), "recovery"),
            (self._scrub.run(), "scrub"),
            (self._founding.run(), "founding"),
        ):
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._note_end)
            self._tasks.append(task)

    async def close(self) -> None:
        """Stop replication, finish what was submitted, and free everything. A second call does nothing."""
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.gather(self._replacing, return_exceptions=True)
        await self._stop_tasks()
        await self._asker.close()
        if self.faults is not None:
            await self.faults.close()
        await self._transport.close()
        await self.database.close()
        self.executor.close()

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _note_damage(self) -> None:
        if self._replacing is None or self._replacing.done():
            self._replacing = asyncio.create_task(self._replace_damaged(), name="replace damaged database")
            self._replacing.add_done_callback(self._note_end)

    async def _replace_damaged(self) -> None:
        """Never serve or send another row of a damaged file: begin an empty one and rebuild it from peers."""
        self.standing.wait_for("damaged_database")
        await self._stop_tasks()
        await self.database.replace_damaged()
        assert self.database.set_aside is not None, "the damaged file was set aside"
        self.alarms.raise_("damaged_database", f"set aside as {self.database.set_aside.name}")
        self._recovery.forget()
        self.peers.greet_all()
        self._start_tasks()

    async def status(self) -> Mapping[str, Any]:
        """What GET /status answers."""
        status = await node_status(
            self.database,
            peers=self.peers,
            standing=self.standing,
            alarms=self.alarms,
            recovery=self._recovery,
            clock=self.clock,
        )
        return status if self.faults is None else {**status, "faults": self.faults.as_json()}

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s ended", task.get_name(), exc_info=error)
            self.alarms.raise_("stands_still", f"{task.get_name()} ended: {error!r}")

    def _wake_senders(self, effects: Effects) -> None:
        if effects.emitted:
            self.peers.wake_all()


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
