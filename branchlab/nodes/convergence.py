"""Whether the nodes agree, what prevents it, and waiting until they do.

It reads `/status`: good for waiting and for people. A verdict never relies on it
(branchlab/checking/verdict.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from branchlab.errors import NotInTimeError
from branchlab.language import _, deferred, joined
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.settling import Settling, keeps_no_log
from branchlab.poll import poll
from branchlab.steps import Step, Tell, first_of, silent

DEFAULT_DEADLINE_SECONDS = 60.0

Statuses = Mapping[str, Status | None]
"""NODE → its `/status`, or None if it could not be read."""


class NotConvergedError(NotInTimeError):
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


def has_moved(before: Statuses, after: Statuses) -> bool:
    """Whether anything was written between two readings, as far as heads or digests tell; also where one
    could not be read."""
    known = [status for status in (*before.values(), *after.values()) if status is not None]
    if len(known) < len(before) + len(after):
        return True
    if any(keeps_no_log(status) for status in known):
        return _digests(before) != _digests(after)
    return len({_heads(status) for status in known}) > 1


def _digests(statuses: Statuses) -> dict[str, str | None]:
    return {name: None if status is None else status["digest"] for name, status in statuses.items()}


def pending_obstacles(statuses: Statuses) -> list[str]:
    """One plain line for each pending count that is not 0 or is unknown; empty when all are 0."""
    lines: list[str] = []
    for name, status in members(statuses).items():
        if status is None:
            lines.append(deferred("{name} gives no status", name=name))
            continue
        lines += [
            deferred("{name} → {peer}: {words}", name=name, peer=peer, words=_pending_words(status, peer))
            for peer, pending in status["pending"].items()
            if pending != 0
        ]
    return lines


def obstacles(statuses: Statuses) -> list[str]:
    """One plain line for each obstacle to convergence; empty when the network is converged."""
    lines = pending_obstacles(statuses)
    known = {name: status for name, status in members(statuses).items() if status is not None}
    lines += [
        deferred("{name} is not ready", name=name) for name, status in known.items() if not status["ready"]
    ]
    lines += [
        deferred("{name} has {parked} parked", name=name, parked=status["parked"])
        for name, status in known.items()
        if status["parked"] != 0
    ]
    lines += [
        deferred(
            "{name} has {count} rows that are not what was written (`./lab altered {name}`)",
            name=name,
            count=len(altered),
        )
        for name, status in known.items()
        if (altered := status.get("altered"))
    ]
    if len({_heads(status) for status in known.values()}) > 1:
        lines.append(deferred("the nodes have seen different events"))
    elif _digests_differ([*known.values()]):
        without_log = any(keeps_no_log(status) for status in known.values())
        lines.append(
            deferred("their data differ")
            if without_log
            else deferred("the nodes have seen the same events but their data differ")
        )
    elif len({_stock(status) for status in known.values()}) > 1:
        lines.append(deferred("the nodes do not know of the same lost disks yet: their frozen stock differs"))
    elif len({_gone(status) for status in known.values()}) > 1:
        lines.append(deferred("the nodes do not know of the same decommissioned branches yet"))
    return lines


def _pending_words(status: Status, peer: str) -> str:
    pending = status["pending"][peer]
    details = status["peers"].get(peer)
    words = deferred("pending unknown") if pending is None else deferred("{pending} pending", pending=pending)
    parts: list[str] = [words]
    if details is not None and details["oldest_pending_seconds"] is not None:
        parts.append(deferred("the oldest for {seconds:.0f} s", seconds=details["oldest_pending_seconds"]))
    if details is not None and details["last_error"]:
        parts.append(deferred("last error: {error}", error=details["last_error"]))
    return joined(", ", parts)


async def wait_converged(
    clients: Sequence[NodeClient],
    *,
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
    tell: Tell = silent,
) -> dict[str, Status | None]:
    """Polls until the nodes agree; returns the last reading. NotConvergedError names the obstacles.

    Nodes without a log of events need not agree: it is enough that nothing changes any more."""
    settling = Settling()

    def left(statuses: Statuses) -> list[str]:
        is_over = settling.is_over([*members(statuses).values()])
        return [] if is_over else obstacles(statuses)

    return await wait_clear(lambda: read_all(clients), left, deadline_seconds=deadline_seconds, tell=tell)


async def wait_pending_zero(
    clients: Sequence[NodeClient], *, deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
) -> dict[str, Status | None]:
    """Polls until nothing is pending from any node to any peer. NotConvergedError names what still is."""
    return await wait_clear(lambda: read_all(clients), pending_obstacles, deadline_seconds=deadline_seconds)


async def wait_clear(
    read: Callable[[], Awaitable[dict[str, Status | None]]],
    find_obstacles: Callable[[Statuses], list[str]],
    *,
    deadline_seconds: float,
    tell: Tell = silent,
) -> dict[str, Status | None]:
    """Reads again and again until there are no obstacles, and tells which there are; returns that reading.

    NotConvergedError lists the obstacles of the last reading when the deadline passes first.
    """

    def is_clear(found: Statuses) -> bool:
        if lines := find_obstacles(found):
            tell(Step(_("waiting until the nodes agree: {first}", first=first_of(lines)), passing=True))
        return not lines

    statuses = await poll(read, until=is_clear, seconds=deadline_seconds)
    if remaining := find_obstacles(statuses):
        raise NotConvergedError(
            deferred(
                "after {seconds:.0f} s: {remaining}",
                seconds=deadline_seconds,
                remaining=joined("; ", remaining),
            )
        )
    return statuses


async def read_all(clients: Sequence[NodeClient]) -> dict[str, Status | None]:
    """Every node's status, read at about one moment."""
    readings = await asyncio.gather(*(read_status(client) for client in clients))
    return {client.name: reading for client, reading in zip(clients, readings, strict=True)}


async def read_status(client: NodeClient) -> Status | None:
    """The node's status, or None while it refuses or does not answer. For callers that ask again."""
    try:
        return await client.status()
    except (Refused, Unknown):
        return None
