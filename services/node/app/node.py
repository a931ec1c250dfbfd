"""One branch's node: its parts, put together, and its life from start to stop."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from pydantic import SecretStr

from app.config import Settings
from app.database import Actor, Database, Effects, StorageError
from app.database.forms import Forms
from app.domain.admission import Bounds, LaneName
from app.domain.waiting import WaitingList
from app.faults.fault_service import FaultService
from app.faults.faulty_transport import FaultyTransport
from app.faults.forgery import Forger, another_secret
from app.faults.knobs import SkewedClock
from app.runtime import Clock, Executor
from app.security.body_budget import BodyBudget
from app.security.buckets import BURST_SECONDS, Buckets
from app.security.client_tokens import ClientTokens
from app.security.login_lane import LoginLane
from app.security.passwords import Passwords
from app.security.replica_tokens import ReplicaTokens
from app.security.throttle import LoginThrottle
from app.security.token_verdicts import TokenVerdicts
from app.security.used_tokens import ReceiverClock, UsedTokens
from app.services.admission import Admission
from app.services.order_service import OrderService
from app.services.rights_broker import RightsBroker
from app.services.shared import Shared
from app.services.stock_service import StockService
from app.state.registry.canonical_forms import FORMS
from app.state.tables.tallies import Tallies
from app.status import NodeStatus, node_status, status_without_database
from app.sync.context import NodeContext
from app.sync.guards.alarms import Alarms
from app.sync.guards.fencer import Fencer
from app.sync.guards.kept_watch import KeptWatch
from app.sync.guards.readiness import Readiness
from app.sync.log import dead_letters
from app.sync.peering.client import PeerClient
from app.sync.peering.peers import Peers
from app.sync.peering.transport import Transport
from app.sync.replication import Replication

READS_QUEUE = 10  # times as long as commands: a page takes longer to read
PAGES_BEING_SENT = 32  # each holds a page in memory
REPLICA_QUEUE_BYTES = 64 * 2**20
STATUS_TOGETHER = 64  # who asks at the same time shares one reading


class BranchNode:
    """A branch's node. Routes reach its parts through it; nothing is read or started before `open`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        random: Random,
        transport: Transport,
        executor: Executor,
        forms: Forms = FORMS,
        compares_mirror: bool = False,
    ) -> None:
        self.settings = settings
        self._skewed = SkewedClock(clock)
        self.clock: Clock = self._skewed if settings.lab_faults else clock
        self.random = random
        self.executor = executor
        self.database = Database(
            settings.database_path,
            clock=self.clock,
            random=random,
            executor=executor,
            forms=forms,
            compares_mirror=compares_mirror,
        )
        self.passwords = Passwords(rounds=settings.bcrypt_rounds, random=random, executor=executor)
        self.tokens = ClientTokens(
            secret=settings.jwt_secret.get_secret_value(),
            previous=_revealed(settings.jwt_secret_previous),
            minutes=settings.jwt_minutes,
            random=random,
        )
        self.verdicts = TokenVerdicts()
        self._watch_users()
        self.throttle = LoginThrottle(failures=settings.login_failures)
        self.logins = LoginLane(waiting=settings.logins_waiting)
        self.bodies = BodyBudget(settings.bodies_max_bytes)
        rate = settings.unproven_requests_per_second
        self.unproven_requests = Buckets(size=rate * BURST_SECONDS, per_second=rate)
        self.receiver_clock = ReceiverClock(self.clock)
        self.replica_tokens = ReplicaTokens(
            name=settings.node_name,
            secret=settings.replica_secret.get_secret_value(),
            previous=_revealed(settings.replica_secret_previous),
            series=random.randbytes(8).hex(),
            used=UsedTokens((peer.name for peer in settings.peers), began_at=self.receiver_clock.began_at),
        )
        self.readiness = Readiness(policy=settings.stock_policy)
        self.alarms = Alarms()
        self.peers = Peers([(peer.name, peer.url) for peer in settings.peers], clock=self.clock)
        self.kept_watch = KeptWatch(self.database, peers=self.peers, alarms=self.alarms, clock=self.clock)
        self.admission = Admission(_bounds(settings), clock=self.clock, random=random)
        self._tallies = Tallies()
        self._statuses = Shared(self._status, name="status")
        self.database.on_commit.append(self._tallies.note)
        self._waiting = WaitingList()
        self.faults: FaultService | None = None
        self._transport = self._gated(transport) if settings.lab_faults else transport
        self._wire_stock()
        self._wire_replication()

    def _watch_users(self) -> None:
        """End all verdicts on tokens when a user may be another one than was read."""

        def on_commit(effects: Effects) -> None:
            if effects.users:
                self.verdicts.forget()

        self.database.on_commit.append(on_commit)
        self.database.on_damage.append(self.verdicts.forget)
        self.database.on_altered.append(lambda _relation, _key: self.verdicts.forget())

    def _gated(self, transport: Transport) -> Transport:
        """The transport behind the gate that the lab's faults go through."""
        addresses = [(peer.name, peer.url) for peer in self.settings.peers]
        gate = FaultyTransport(
            transport,
            addresses=addresses,
            clock=self.clock,
            random=self.random,
            sign_again=self.replica_tokens.again,
        )
        forger = Forger(
            transport,
            overheard=gate.overheard,
            tokens=self.replica_tokens,
            stranger=ReplicaTokens(
                name=self.settings.node_name,
                secret=another_secret(self.settings.replica_secret.get_secret_value()),
            ),
            clock=self.clock,
        )
        self.faults = FaultService(
            self.database,
            gate=gate,
            peers=self.peers,
            clock=self.clock,
            skew=self._skewed.skew,
            forger=forger,
        )
        return gate

    def _wire_stock(self) -> None:
        self.rights = RightsBroker(
            self.database,
            waiting=self._waiting,
            clock=self.clock,
            policy=self.settings.stock_policy,
            patience=self.settings.transfer_wait_seconds,
            may_sell=self.readiness.require_selling,
            lives_heard_from=self.peers.lives_heard_from,
        )
        self.orders = OrderService(
            self.database,
            rights=self.rights,
            policy=self.settings.stock_policy,
            clock=self.clock,
            patience=self.settings.durable_wait_seconds,
        )
        self.stock = StockService(
            self.database,
            rights=self.rights,
            waiting=self._waiting,
            policy=self.settings.stock_policy,
            lives_heard_from=self.peers.lives_heard_from,
            clock=self.clock,
        )

    def _wire_replication(self) -> None:
        self._replication = Replication(
            self._context(),
            stock=self.stock,
            waiting=self._waiting,
            hash_password=lambda: self.passwords.hash(self.settings.admin_password.get_secret_value()),
        )
        self.peer_server = self._replication.peer_server
        self.counts = self._replication.counts
        self.members = self._replication.members
        self.turns = self._replication.turns
        if self.settings.peers:  # else nobody has rights to give, and who is short is told so at once
            self.rights.use(self._replication.asker)

    def _context(self) -> NodeContext:
        link = PeerClient(
            self._transport,
            tokens=self.replica_tokens,
            identity=lambda: self.database.identity,
            peers=self.peers,
            clock=self.clock,
        )
        return NodeContext(
            settings=self.settings,
            database=self.database,
            peers=self.peers,
            link=link,
            readiness=self.readiness,
            alarms=self.alarms,
            fencer=Fencer(self.database, peers=self.peers, readiness=self.readiness, alarms=self.alarms),
            kept_watch=self.kept_watch,
            clock=self.clock,
            random=self.random,
            executor=self.executor,
            receiver_clock=self.receiver_clock,
        )

    @property
    def ready(self) -> bool:
        """Whether clients are served; `readiness.reason` says why not."""
        return self.readiness.ready

    async def open(self) -> None:
        """Open the database and start replication; the node is ready when its founding says so. A damaged
        database is held on to until it is this node's turn to replace it.

        Raises as `Database.open` does; it may be opened again then.
        """
        self.receiver_clock.began_at()
        if not self.database.opened:  # else only what comes next failed
            await self.database.open(
                cluster_id=self.settings.cluster_id,
                name=self.settings.node_name,
                founding=self.settings.founding_id or "",
            )
        await self._replication.start()

    async def close(self) -> None:
        """Stop replication, finish what was submitted, and free everything. A second call does nothing."""
        await self._replication.close()
        if self.faults is not None:
            await self.faults.close()
        await self._transport.close()
        await self.database.close()
        self.executor.close()

    async def replay_parked(self, *, actor: Actor) -> Mapping[str, int]:
        """Try every parked event again: `{applied, left}`. What is left is looked for, whole, at every peer
        that can be reached."""
        which: dead_letters.Which = "tried" if self._replication.catch_up.is_fetching else "all"
        outcome = await self.database.write(lambda tx: dead_letters.replay(tx, which, actor=actor))
        await self.kept_watch.look_again()
        if outcome["left"]:
            self._replication.fetch_parked()
        return outcome

    async def status(self) -> NodeStatus:
        """The node's status, read after this call, for all who asked meanwhile. What only a damaged database
        could tell is None or empty in it."""
        return await self._statuses.get()

    async def _status(self) -> NodeStatus:
        try:
            status = await node_status(
                self.database,
                peers=self.peers,
                readiness=self.readiness,
                alarms=self.alarms,
                catch_up=self._replication.catch_up,
                clock=self.clock,
                tallies=self._tallies,
            )
        except (StorageError, sqlite3.Error):
            if self.database.damage is None:
                raise
            status = status_without_database(
                self.settings.node_name,
                readiness=self.readiness,
                alarms=self.alarms,
                peers=self.peers,
                clock=self.clock,
            )
        return status if self.faults is None else replace(status, faults=self.faults.active())


def _bounds(settings: Settings) -> dict[LaneName, Bounds]:
    """What each lane may hold. Peers' requests may wait longer than clients': they carry whole batches."""
    seconds, size = settings.queue_seconds, settings.queue_bytes
    return {
        "commands": Bounds(settings.commands_together, seconds, size),
        "reads": Bounds(
            settings.reads_together, READS_QUEUE * seconds, size, aside=PAGES_BEING_SENT, stands=True
        ),
        "status": Bounds(STATUS_TOGETHER, 1.0, size),
        "replica": Bounds(32, 5.0, REPLICA_QUEUE_BYTES),
    }


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
