"""One branch's node: its parts, put together, and its life from start to stop."""

import sqlite3
from collections.abc import Mapping
from random import Random
from typing import Any

from pydantic import SecretStr

from app.config import Settings
from app.database import Actor, Database, StorageError
from app.database.forms import Forms
from app.database.migrations import newest_revision
from app.domain.waiting import WaitingList
from app.faults.fault_service import FaultService
from app.faults.faulty_transport import FaultyTransport
from app.runtime import Clock, Executor
from app.security.client_tokens import ClientTokens
from app.security.passwords import Passwords
from app.security.replica_tokens import ReplicaTokens
from app.security.throttle import LoginThrottle
from app.services.order_service import OrderService
from app.services.rights_broker import RightsBroker
from app.services.stock_service import StockService
from app.state.registry.canonical_forms import FORMS
from app.state.registry.replicated import revisions
from app.status import node_status
from app.sync.context import NodeContext
from app.sync.guards.alarms import Alarms
from app.sync.guards.fencer import Fencer
from app.sync.guards.readiness import Readiness
from app.sync.log import dead_letters
from app.sync.peering.client import PeerClient
from app.sync.peering.peers import Peers
from app.sync.peering.transport import Transport
from app.sync.replication import Replication


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
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.random = random
        self.executor = executor
        self.database = Database(
            settings.database_path, clock=clock, random=random, executor=executor, forms=forms
        )
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
        self.readiness = Readiness(policy=settings.stock_policy)
        self.alarms = Alarms()
        self.peers = Peers([(peer.name, peer.url) for peer in settings.peers], clock=clock)
        self._waiting = WaitingList()
        self.faults: FaultService | None = None
        self._transport = self._gated(transport) if settings.lab_faults else transport
        self._wire_stock()
        self._wire_replication()

    def _gated(self, transport: Transport) -> Transport:
        """The transport behind the gate that the lab's faults go through."""
        addresses = [(peer.name, peer.url) for peer in self.settings.peers]
        gate = FaultyTransport(transport, addresses=addresses, clock=self.clock, random=self.random)
        self.faults = FaultService(self.database, gate=gate, peers=self.peers, clock=self.clock)
        return gate

    def _wire_stock(self) -> None:
        self.rights = RightsBroker(
            self.database,
            waiting=self._waiting,
            clock=self.clock,
            policy=self.settings.stock_policy,
            patience=self.settings.transfer_wait_seconds,
            may_sell=self.readiness.require_selling,
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
            clock=self.clock,
            random=self.random,
            executor=self.executor,
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
        if not self.database.opened:  # else only what comes next failed
            await self.database.open(cluster_id=self.settings.cluster_id, name=self.settings.node_name)
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
        if outcome["left"]:
            self._replication.fetch_parked()
        return outcome

    async def status(self) -> Mapping[str, Any]:
        """What GET /status answers. What only a damaged database could tell is null, or names nothing."""
        try:
            status = await node_status(
                self.database,
                peers=self.peers,
                readiness=self.readiness,
                alarms=self.alarms,
                catch_up=self._replication.catch_up,
                clock=self.clock,
            )
        except (StorageError, sqlite3.Error):
            if self.database.damage is None:
                raise
            status = self._status_without_database()
        return status if self.faults is None else {**status, "faults": self.faults.as_json()}

    def _status_without_database(self) -> dict[str, Any]:
        unknown = dict.fromkeys(("epoch", "digest", "at_risk", "parked", "possible_duplicates"))
        by_name: dict[str, Any] = {name: {} for name in ("counts", "digests", "stock", "heads", "peers")}
        return {
            **unknown,
            **by_name,
            "altered": [],
            "pending": {peer.name: None for peer in self.peers},
            "decommissioned": [peer.name for peer in self.peers.configured if peer.gone],
            "node": self.settings.node_name,
            "policy": self.readiness.policy,
            "ready": self.readiness.ready,
            "reason": self.readiness.reason,
            "fenced": self.readiness.fenced,
            "sqlite": sqlite3.sqlite_version,
            "schema": newest_revision(),
            "canonical": revisions(),
            "now": self.clock.wall(),
            "alarms": self.alarms.as_json(),
            "fetching": [],
            "salvage": [],
        }


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
