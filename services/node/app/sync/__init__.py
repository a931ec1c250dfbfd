"""Replication between nodes. `synchronizer` sends, `peer_server` answers, `replication` runs both.

The decisions are in `rules`, pure. The other rooms load, store, send and wait.
"""

from app.sync.synchronizer import ReplicaSynchronizer

__all__ = ["ReplicaSynchronizer"]
