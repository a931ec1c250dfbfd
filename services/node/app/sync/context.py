"""What replication stands on."""

from dataclasses import dataclass
from random import Random

from app.config import Settings
from app.database import Database
from app.runtime import Clock, Executor
from app.sync.guards.alarms import Alarms
from app.sync.guards.readiness import Readiness
from app.sync.peering.peers import Peers


@dataclass(frozen=True)
class NodeContext:
    """What replication stands on: the node's own parts."""

    settings: Settings
    database: Database
    peers: Peers
    readiness: Readiness
    alarms: Alarms
    clock: Clock
    random: Random
    executor: Executor
