"""What nodes say of themselves, for tests: a status that is converged unless told otherwise."""

from collections.abc import Mapping, Sequence

from lab.nodes.contract import Status


def status(
    name: str,
    peers: Sequence[str],
    *,
    pending: int | None = 0,
    oldest: float | None = None,
    error: str | None = None,
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
                "next_retry_seconds": None,
                "last_success_at": None,
                "last_error": None if position else error,
            }
            for position, peer in enumerate(peers)
        },
    }
