"""Whether the nodes agree, what prevents it, and waiting until they do.

It reads `/status`: good for waiting and for people. A verdict never relies on it (lab/checking/verdict.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from lab.errors import LabError
from lab.nodes.client import NodeClient
from lab.nodes.contract import Status
from lab.nodes.outcome import Refused, Unknown
from lab.poll import poll

DEFAULT_DEADLINE_SECONDS = 60.0

Statuses = Mapping[str, Status | None]
"""NODE → its `/status`, or None if it could not be read."""


class NotConvergedError(LabError):
    """The deadline passed first. The message names the remaining obstacles."""


def decommissioned(statuses: Statuses) -> list[str]:
    """The nodes that any node reports as decommissioned, sorted by name."""
    known = [status for status in statuses.values() if status is not None]
    return sorted({name for status in known for name in _gone(status)})


def members(statuses: Statuses) -> dict[str, Status | None]:
    """The statuses of the nodes that are not decommissioned."""
    gone = decommissioned(statuses)
    return {name: status for name, status in statuses.items() if name not in gone}


def is_converged(statuses: Statuses) -> bool | None:
    """True when all members are ready, have the same heads, digest and stock, and know the same
    decommissioned branches. Nothing may be pending or parked, and no row altered.

    False as soon as one reading disproves it; None when none does but something is unknown. Decommissioned
    branches are not asked. Members of different versions are compared by the digests that both make under the
    same revision.
    """
    statuses = members(statuses)
    known = [status for status in statuses.values() if status is not None]
    facts = [fact for status in known for fact in _local_facts(status)]
    if False in facts or len({_heads(status) for status in known}) > 1:
        return False
    if len({(_stock(status), _gone(status)) for status in known}) > 1:
        return False
    if _digests_differ(known):
        return False
    if None in facts or any(status["digest"] is None for status in known) or len(known) < len(statuses):
        return None
    return True


def _digests_differ(statuses: Sequence[Status]) -> bool:
    """Whether the nodes' rows differ. Digests made under different revisions are not compared."""
    told = [status for status in statuses if status["digest"] is not None]
    if len({tuple(sorted(status.get("canonical", {}).items())) for status in told}) <= 1:
        return len({status["digest"] for status in told}) > 1
    found: dict[tuple[str, int], set[str | None]] = {}
    for status in told:
        for relation, revision in status.get("canonical", {}).items():
            found.setdefault((relation, revision), set()).add(status.get("digests", {}).get(relation))
    return any(len(digests) > 1 for digests in found.values())


def _local_facts(status: Status) -> Iterator[bool | None]:
    """The facts about each node alone that convergence needs; None is unknown."""
    yield status["ready"]
    yield None if status["parked"] is None else status["parked"] == 0
    yield not status.get("altered")
    for pending in status["pending"].values():
        yield None if pending is None else pending == 0


def _heads(status: Status) -> tuple[tuple[str, int], ...]:
    # A node knows that its own epoch wrote nothing yet (0); to its peers that epoch is not known at all.
    return tuple(sorted((epoch, head) for epoch, head in status["heads"].items() if head != 0))


def _stock(status: Status) -> tuple[int | None, ...]:
    """The company's units. The dead lives decide what is frozen, and they spread apart from events."""
    return status["stock"].get("available"), status["stock"].get("frozen")


def _gone(status: Status) -> tuple[str, ...]:
    return tuple(status.get("decommissioned", ()))


def pending_obstacles(statuses: Statuses) -> list[str]:
    """One plain line for each pending count that is not 0 or is unknown; empty when all are 0."""
    lines = []
    for name, status in members(statuses).items():
        if status is None:
            lines.append(f"{name} gives no status")
            continue
        lines += [
            f"{name} → {peer}: {_pending_words(status, peer)}"
            for peer, pending in status["pending"].items()
            if pending != 0
        ]
    return lines


def obstacles(statuses: Statuses) -> list[str]:
    """One plain line for each obstacle to convergence; empty when the network is converged."""
    lines = pending_obstacles(statuses)
    known = {name: status for name, status in members(statuses).items() if status is not None}
    lines += [f"{name} is not ready" for name, status in known.items() if not status["ready"]]
    lines += [
        f"{name} has {status['parked']} parked" for name, status in known.items() if status["parked"] != 0
    ]
    lines += [
        f"{name} has {len(altered)} rows that are not what was written (lab altered {name})"
        for name, status in known.items()
        if (altered := status.get("altered"))
    ]
    if len({_heads(status) for status in known.values()}) > 1:
        lines.append("the nodes have seen different events")
    elif _digests_differ([*known.values()]):
        lines.append("the nodes have seen the same events but their data differ")
    elif len({_stock(status) for status in known.values()}) > 1:
        lines.append("the nodes do not know of the same lost disks yet: their frozen stock differs")
    elif len({_gone(status) for status in known.values()}) > 1:
        lines.append("the nodes do not know of the same decommissioned branches yet")
    return lines


def _pending_words(status: Status, peer: str) -> str:
    pending = status["pending"][peer]
    details = status["peers"].get(peer)
    words = "pending unknown" if pending is None else f"{pending} pending"
    if details is None:
        return words
    if details["oldest_pending_seconds"] is not None:
        words += f", the oldest for {details['oldest_pending_seconds']:.0f} s"
    if details["last_error"]:
        words += f", last error: {details['last_error']}"
    return words


async def wait_converged(
    clients: Sequence[NodeClient], *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
) -> dict[str, Status | None]:
    """Polls until the nodes agree; returns the last reading. NotConvergedError names the obstacles."""
    return await wait_clear(lambda: _read_all(clients), obstacles, deadline_seconds=deadline_seconds)


async def wait_pending_zero(
    clients: Sequence[NodeClient], *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
) -> dict[str, Status | None]:
    """Polls until nothing is pending from any node to any peer. NotConvergedError names what still is."""
    return await wait_clear(lambda: _read_all(clients), pending_obstacles, deadline_seconds=deadline_seconds)


async def wait_clear(
    read: Callable[[], Awaitable[dict[str, Status | None]]],
    find_obstacles: Callable[[Statuses], list[str]],
    *,
    deadline_seconds: float,
) -> dict[str, Status | None]:
    """Reads again and again until there are no obstacles; returns that reading.

    NotConvergedError lists the obstacles of the last reading when the deadline passes first.
    """
    statuses = await poll(read, until=lambda found: not find_obstacles(found), seconds=deadline_seconds)
    if remaining := find_obstacles(statuses):
        raise NotConvergedError(f"after {deadline_seconds:.0f} s: {'; '.join(remaining)}")
    return statuses


async def _read_all(clients: Sequence[NodeClient]) -> dict[str, Status | None]:
    readings = await asyncio.gather(*(read_status(client) for client in clients))
    return {client.name: reading for client, reading in zip(clients, readings, strict=True)}


async def read_status(client: NodeClient) -> Status | None:
    """The node's status, or None while it refuses or does not answer. For callers that ask again."""
    try:
        return await client.status()
    except (Refused, Unknown):
        return None
