"""Makes faults at the nodes, checks that calls feel them, and ends them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

from branchlab.errors import LabError
from branchlab.faults.kinds import LinkFault
from branchlab.faults.words import Link, spoken
from branchlab.language import _
from branchlab.networks.drivers import NodeState
from branchlab.networks.network import LAB, Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import DiskProbe, Faults, Forged, LinkProbe
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.password import is_wrong, wrong_password
from branchlab.poll import poll
from branchlab.settings import Secrets

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
        _("the faults on {links} stay until their lease ends: {error}", links=spoken([link]), error=error)
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
        _("{name} keeps its faults until their lease ends: {error}", name=name, error=error)
        for name, error in zip(clients, errors, strict=True)
        if error is not None
    ]
    if kept:
        raise LabError("; ".join(kept))


async def lift_everywhere(
    network: Network, secrets: Secrets, *, state_of: Callable[[str], NodeState]
) -> None:
    """Ends every fault of all nodes that run. LabError when one of them fails to do it. Nodes that are
    another program than the lab's have none."""
    if network.implementation != LAB:
        return
    async with open_clients(network, secrets, state_of=state_of) as clients:
        await lift_all(clients)


async def fill_disk(client: NodeClient, *, lease_seconds: float) -> None:
    """Makes the node's disk full as it is now; returns once a write was refused for it."""
    await _faults(client, "PUT", "/disk", body={"max_bytes": 0, "lease_seconds": lease_seconds})
    probe: DiskProbe = await _faults(client, "POST", "/disk/probe")
    if not probe["refused"]:
        await _faults(client, "DELETE", "/disk")
        raise LabError(_("the disk of {name} still takes writes", name=client.name))


async def empty_disk(client: NodeClient) -> None:
    """Gives the node's disk its room again."""
    await _faults(client, "DELETE", "/disk")


async def forge(client: NodeClient, peer: str, kind: str, *, times: int) -> Forged:
    """Lets the node send its peer what no honest node sends. LabError where the peer took no event yet."""
    forged: Forged = await _faults(
        client, "POST", f"/links/{peer}/forge", body={"kind": kind, "times": times}
    )
    if not forged["sent"]:
        raise LabError(
            _(
                "{peer} took no event of {name} yet; sell something at {name} first",
                peer=peer,
                name=client.name,
            )
        )
    return forged


async def skew_clock(client: NodeClient, offset_seconds: float, *, lease_seconds: float) -> None:
    """Shifts the node's wall clock."""
    body = {"offset_seconds": offset_seconds, "lease_seconds": lease_seconds}
    await _faults(client, "PUT", "/clock", body=body)


async def limit_batch(client: NodeClient, events: int, *, lease_seconds: float) -> None:
    """Lets the node's batches hold so many events at most."""
    await _faults(client, "PUT", "/batch", body={"events": events, "lease_seconds": lease_seconds})


@asynccontextmanager
async def open_clients(
    network: Network, secrets: Secrets, *, state_of: Callable[[str], NodeState]
) -> AsyncIterator[dict[str, NodeClient]]:
    """An admin's client for each node that runs and answers. A node that accepts no login before it is ready
    gets another node's token, which is valid at every branch. LabError where the password is wrong."""
    async with AsyncExitStack() as stack:
        asked = [
            await stack.enter_async_context(NodeClient(node.name, node.url, timeout=_TIMEOUT_SECONDS))
            for node in network.nodes
            if state_of(node.name) in ("running", "unreachable")
        ]
        answers = await asyncio.gather(*(_log_in(client, secrets) for client in asked))
        answering = [client for client, answer in zip(asked, answers, strict=True) if answer != "none"]
        token = next((client.token for client in answering if client.token is not None), None)
        if token is None and "wrong" in answers:
            raise wrong_password(secrets.admin_username)
        for client in answering:
            client.token = client.token or token
        yield {client.name: client for client in answering}


async def _log_in(client: NodeClient, secrets: Secrets) -> Literal["some", "wrong", "none"]:
    """Whether the node answers at all, with or without a token for it; `wrong` when the password is."""
    try:
        await client.login(secrets.admin_username, secrets.admin_password)
    except Refused as refused:
        if await is_wrong(client, refused):
            return "wrong"
        return "some" if refused.status else "none"
    except Unknown:
        return "none"
    return "some"


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
        raise LabError(
            _(
                "no call on {link} felt the fault '{name}' within {felt_seconds:.0f} s",
                link=link,
                name=fault.kind.name,
                felt_seconds=_FELT_SECONDS,
            )
        )


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
                _("{name} takes no faults; run `make down`, then `make up FAULTS=1`", name=client.name)
            ) from None
        if refused.code == "validation":
            wrong = "; ".join(f"{one['field']} {one['message']}" for one in refused.problem["errors"])
            raise LabError(
                _("{name} does not take this fault: {wrong}", name=client.name, wrong=wrong)
            ) from None
        raise LabError(_("{name} does not do that: {refused}", name=client.name, refused=refused)) from None
    except Unknown as unknown:
        raise LabError(_("{name} does not answer: {unknown}", name=client.name, unknown=unknown)) from None
