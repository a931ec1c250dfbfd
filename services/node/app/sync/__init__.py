"""Replication between nodes: the outbox's delivery, the receiving side, hello, and asking for rights."""

from app.sync.synchronizer import ReplicaSynchronizer

__all__ = ["ReplicaSynchronizer"]
