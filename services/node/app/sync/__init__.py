"""Replication between nodes. `synchronizer` sends, `peer_server` answers, `replication` runs all of it.

What is decided is in `rules`, pure; the other rooms load, store, send and wait.
"""

from app.sync.synchronizer import ReplicaSynchronizer

__all__ = ["ReplicaSynchronizer"]
