"""What nodes say of themselves, for tests: a status that is converged unless told otherwise, and readings of
it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from branchlab.networks.drivers import NodeState
from branchlab.networks.network import Network, UpOptions, plan
from branchlab.networks.status import NetworkReading, NodeReading
from branchlab.nodes.contract import ActiveFullDisk, ActiveLinkFault, Faults, Status

NETWORK: Network = plan(None, UpOptions(), driver="process")
AT = datetime.fromisoformat("2026-03-02T14:03:12")


def status(
    name: str,
    peers: Sequence[str],
    *,
    pending: int | None = 0,
    oldest: float | None = None,
    error: str | None = None,
    next_try: float | None = None,
    parked: int = 0,
    ready: bool = True,
    heads: Mapping[str, int] | None = None,
    digest: str = "a1b2c3d4e5",
) -> Status:
    """The `/status` of node `name`; `pending`, `oldest` and `error` are those of its first peer."""
    counts = {peer: 0 if position else pending for position, peer in enumerate(peers)}
    return {
        "node": name,
        "epoch": "1",
        "policy": "escrow",
        "ready": ready,
        "fenced": None,
        "sqlite": "3.45.0",
        "counts": {"orders": 5},
        "stock": {"available": 40, "frozen": 0},
        "heads": dict(heads or {"matriz@1": 5}),
        "digest": digest,
        "at_risk": 0,
        "parked": parked,
        "alarms": {},
        "pending": counts,
        "peers": {
            peer: {
                "state": "backing_off" if error and not position else "ok",
                "pending": counts[peer],
                "oldest_pending_seconds": None if position else oldest,
                "acknowledged": 5,
                "attempts": 0,
                "next_retry_seconds": None if position else next_try,
                "last_success_at": None,
                "last_error": None if position else error,
            }
            for position, peer in enumerate(peers)
        },
    }


def said_by(
    name: str,
    state: NodeState = "running",
    said: Status | None = None,
    error: str | None = None,
    *,
    clock_ahead: float | None = None,
) -> NodeReading:
    """A node that reports `said`, or nothing for the reason `error`."""
    ready = said["ready"] if said else None
    return NodeReading(name, state, ready, said, error, clock_ahead)


def network_of(*nodes: NodeReading) -> NetworkReading:
    return NetworkReading(nodes=nodes, at=AT)


def link_fault(peer: str, kind: str, *, left: float = 1740.0, **settings: float) -> ActiveLinkFault:
    fault: dict[str, Any] = {"peer": peer, "kind": kind, "seed": 1, "lease_seconds": 1800.0}
    return cast(ActiveLinkFault, {**fault, "seconds_left": left, "calls": 1, "hits": 1, **settings})


def with_faults(said: Status, *links: ActiveLinkFault, disk_left: float | None = None) -> Status:
    disk: ActiveFullDisk | None = None
    if disk_left is not None:
        disk = {"max_bytes": 0, "lease_seconds": 1800.0, "seconds_left": disk_left}
    faults: Faults = {"links": [*links], "disk": disk}
    return {**said, "faults": faults}
