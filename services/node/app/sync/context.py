"""What the parts of replication share."""

from dataclasses import dataclass
from random import Random

from app.config import Settings
from app.database import Database
from app.runtime import Clock, Executor
from app.security.used_tokens import ReceiverClock
from app.sync.guards.alarms import Alarms
from app.sync.guards.fencer import Fencer
from app.sync.guards.kept_watch import KeptWatch
from app.sync.guards.readiness import Readiness
from app.sync.log.kept_room import Room
from app.sync.peering.client import PeerClient
from app.sync.peering.peers import Peers


@dataclass(frozen=True)
class NodeContext:
    """The parts of one node that every part of replication may use. A part that needs more is given it by
    name beside the context."""

    settings: Settings
    database: Database
    peers: Peers
    link: PeerClient
    readiness: Readiness
    alarms: Alarms
    fencer: Fencer
    kept_watch: KeptWatch
    clock: Clock
    random: Random
    executor: Executor
    receiver_clock: ReceiverClock

    @property
    def room(self) -> Room:
        """How much may be kept for one branch of what cannot be used yet."""
        return Room.among(1 + len(self.peers.configured), own=self.settings.kept_max_bytes)
