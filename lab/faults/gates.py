"""Makes faults at the nodes, checks that calls feel them, and ends them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from lab.errors import LabError
from lab.faults.kinds import LinkFault
from lab.faults.words import Link, spoken
from lab.networks.drivers import NodeState
from lab.networks.network import Network
from lab.nodes.client import NodeClient
from lab.nodes.contract import DiskProbe, Faults, LinkProbe
from lab.nodes.outcome import Refused, Unknown
from lab.poll import poll
from lab.settings import Secrets

_FELT_SECONDS = 20.0  # for a rare loss to be seen: a probe takes some milliseconds
_TIMEOUT_SECONDS = 10.0
_LIFT_SECONDS = 20.0  # for a node to end its faults that rebuilds, or has much to do
_NOT_FOUND = 404
_HAS_NONE = {_NOT_FOUND, 401}  # LAB_FAULTS is off; an empty node that knows no users was just started


async def make(clients: Mapping[str, NodeClient], links: Iterable[Link], fault: LinkFault) -> None:
    """Puts the fault on every link, and returns once a call over each of them felt it.

    LabError when a node accepts no faults, or when a link feels none; the faults made so far are then ended.
    """
    links = list(links)
    try:
        await asyncio.gather(*(_put(clients[link.sender], link.receiver, fault) for link in links))
        await asyncio.gather(*(_until_felt(clients[link.sender], link.receiver, fault) for link in links))
    except BaseException:
        await asyncio.gather(*(_lift(clients[link.sender], link.receiver) for link in links))
        raise


async def lift(clients: Mapping[str, NodeClient], links: Iterable[Link]) -> None:
    """Ends all faults of these links; to repeat it changes nothing. LabError when a node fails to do it."""
    links = list(links)
    errors = await asyncio.gather(*(_lift(clients[link.sender], link.receiver) for link in links))
    kept = [
        f"the faults on {spoken([link])} stay until their lease ends: {error}"
        for link, error in zip(links, errors, strict=True)
        if error is not None
    ]
    if kept:
        raise LabError("; ".join(kept))


async def lift_all(clients: Mapping[str, NodeClient]) -> None:
    """Ends every fault of these nodes, their disks' too, and repeats it for a while where a node fails.
    LabError when a node still fails."""
    errors = await asyncio.gather(*(_lift_patiently(client) for client in clients.values()))
    kept = [
        f"{name} keeps its faults until their lease ends: {error}"
        for name, error in zip(clients, errors, strict=True)
        if error is not None
    ]
    if kept:
        raise LabError("; ".join(kept))


async def lift_everywhere(
    network: Network, secrets: Secrets, *, state_of: Callable[[str], NodeState]
) -> None:
    """Ends every fault of all nodes that run. LabError when one of them fails to do it."""
    async with open_clients(network, secrets, state_of=state_of) as clients:
        await lift_all(clients)


async def fill_disk(client: NodeClient, *, lease_seconds: float) -> None:
    """Makes the node's disk full as it is now; returns once a write was refused for it."""
    await _faults(client, "PUT", "/disk", body={"max_bytes": 0, "lease_seconds": lease_seconds})
    probe: DiskProbe = await _faults(client, "POST", "/disk/probe")
    if not probe["refused"]:
        await _faults(client, "DELETE", "/disk")
        raise LabError(f"the disk of {client.name} still takes writes")


async def empty_disk(client: NodeClient) -> None:
    """Gives the node's disk its room again."""
    await _faults(client, "DELETE", "/disk")


@asynccontextmanager
async def open_clients(
    network: Network, secrets: Secrets, *, state_of: Callable[[str], NodeState]
) -> AsyncIterator[dict[str, NodeClient]]:
    """An admin's client for each node that runs and answers. A node that accepts no login before it is ready
    gets another node's token, which is valid at every branch."""
    async with AsyncExitStack() as stack:
        asked = [
            await stack.enter_async_context(NodeClient(node.name, node.url, timeout=_TIMEOUT_SECONDS))
            for node in network.nodes
            if state_of(node.name) in ("running", "unreachable")
        ]
        answers = await asyncio.gather(*(_log_in(client, secrets) for client in asked))
        answering = [client for client, answers_at_all in zip(asked, answers, strict=True) if answers_at_all]
        token = next((client.token for client in answering if client.token is not None), None)
        for client in answering:
            client.token = client.token or token
        yield {client.name: client for client in answering}


async def _log_in(client: NodeClient, secrets: Secrets) -> bool:
    """Whether the node answers at all, with or without a token for it."""
    try:
        await client.login(secrets.admin_username, secrets.admin_password)
    except Refused as refused:
        return refused.status != 0
    except Unknown:
        return False
    return True


async def _put(client: NodeClient, peer: str, fault: LinkFault) -> None:
    body = {
        "kind": fault.kind.name,
        **fault.settings,
        "lease_seconds": fault.lease_seconds,
        "seed": fault.seed,
    }
    await _faults(client, "PUT", f"/links/{peer}", body=body)


async def _lift(client: NodeClient, peer: str) -> str | None:
    """None, or why the faults of the link could not be ended."""
    error = await _end(client, f"/links/{peer}")
    return None if error is None else str(error)


async def _lift_patiently(client: NodeClient) -> str | None:
    """None, or why the faults of the node could not be ended, even after some retries."""

    def is_final(error: Refused | Unknown | None) -> bool:
        return error is None or (isinstance(error, Refused) and not error.passes)

    error = await poll(lambda: _end(client, ""), until=is_final, seconds=_LIFT_SECONDS)
    return None if error is None else str(error)


async def _end(client: NodeClient, part: str) -> Refused | Unknown | None:
    """Ends faults, of which a node may have none. Returns any other answer."""
    try:
        await client.faults("DELETE", part)
    except Refused as refused:
        has_none = refused.status in _HAS_NONE or refused.code == "branch_closed"
        return None if has_none else refused
    except Unknown as unknown:
        return unknown
    return None


async def _until_felt(client: NodeClient, peer: str, fault: LinkFault) -> None:
    async def is_felt() -> bool:
        probe: LinkProbe = await _faults(client, "POST", f"/links/{peer}/probe")
        met = await _hits(client, peer, fault) > 0
        return met and fault.kind.is_felt(fault.settings, probe)

    if not await poll(is_felt, seconds=_FELT_SECONDS, every=0):  # a rare loss takes many probes
        link = spoken([Link(client.name, peer)])
        raise LabError(f"no call on {link} felt the fault '{fault.kind.name}' within {_FELT_SECONDS:.0f} s")


async def _hits(client: NodeClient, peer: str, fault: LinkFault) -> int:
    active: Faults = await _faults(client)
    return sum(
        link["hits"] for link in active["links"] if (link["peer"], link["kind"]) == (peer, fault.kind.name)
    )


async def _faults(
    client: NodeClient, method: str = "GET", part: str = "", *, body: Mapping[str, Any] | None = None
) -> Any:
    """As `NodeClient.faults`, with what went wrong as one line."""
    try:
        return await client.faults(method, part, body=body)
    except Refused as refused:
        if refused.status == _NOT_FOUND:
            raise LabError(
                f"{client.name} takes no faults; run `make down`, then `make up FAULTS=1`"
            ) from None
        if refused.code == "validation":
            wrong = "; ".join(f"{one['field']} {one['message']}" for one in refused.problem["errors"])
            raise LabError(f"{client.name} does not take this fault: {wrong}") from None
        raise LabError(f"{client.name} does not do that: {refused}") from None
    except Unknown as unknown:
        raise LabError(f"{client.name} does not answer: {unknown}") from None
