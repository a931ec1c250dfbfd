"""Attempts of administrators on each other, and on branches that are only cut off."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from branchlab.faults import gates
from branchlab.faults.kinds import CUT, LinkFault
from branchlab.faults.words import Link, links_between
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding

_FAULTS = {"LAB_FAULTS": "1"}
_PASSWORD = "a long password of somebody"
_CUT_SECONDS = 15.0
_MET_SECONDS = 60.0


async def _cut(clients: dict[str, NodeClient], ours: Iterable[str], theirs: Iterable[str]) -> list[Link]:
    """Cut all links between two sides; the cut ends by itself, since nobody may be able to log in later."""
    pairs = [(one, other) for one in ours for other in theirs]
    links = [link for one, other in pairs for link in links_between(one, other, one_way=False)]
    await gates.make(clients, links, LinkFault(CUT, lease_seconds=_CUT_SECONDS))
    return links


async def _two_admins_remove_each_other(arena: Arena, *, how: dict[str, str | bool]) -> Finding:
    here, there = arena.cluster.network.names
    secrets = arena.cluster.secrets
    rival = f"rival {'-'.join(how)}"
    people = {secrets.admin_username: secrets.admin_password, rival: _PASSWORD}
    async with arena.cluster.clients() as clients:
        own = (await clients[here].me())["id"]
        made = (await clients[here].create_user(rival, _PASSWORD, role="admin"))["id"]
        await wait_converged([*clients.values()])
        await clients[there].login(rival, _PASSWORD)
        await _cut(clients, [here], [there])
        ended = time.monotonic() + _CUT_SECONDS
        await clients[here].change_user(made, **how)
        await clients[there].change_user(own, **how)
    await asyncio.sleep(max(0.0, ended - time.monotonic()))

    async def left() -> list[list[str]]:
        return [await _administrators(arena, node, people) for node in (here, there)]

    found = await poll(left, seconds=_MET_SECONDS, until=lambda sides: sides[0] == sides[1])
    same = found[0] == found[1]
    got = f"{len(found[0])} can act" + ("" if same else f", and other ones at {there}")
    if found[0]:
        await _restore(arena, found[0][0], people, admin=own, rival=made)
    return Finding(same and len(found[0]) == 1, got)


async def _restore(arena: Arena, acting: str, people: dict[str, str], *, admin: str, rival: str) -> None:
    """Let the one who acts make the network's own administrator one again, and then nobody else."""
    node = arena.cluster.network.names[0]
    async with NodeClient(node, arena.url(node)) as client:
        await client.login(acting, people[acting])
        for user_id in ((await client.me())["id"], admin):
            await client.change_user(user_id, role="admin", active=True)
    async with arena.cluster.client(node) as own:
        await own.change_user(rival, active=False)


async def _administrators(arena: Arena, node: str, people: dict[str, str]) -> list[str]:
    """Who of these people can log in at a node and read what only administrators may."""
    found = []
    for username, password in people.items():
        async with NodeClient(node, arena.url(node)) as client:
            try:
                await client.login(username, password)
                await client.users()
            except Refused:
                continue
            found.append(username)
    return found


async def _nobody_knows_a_password(arena: Arena) -> Finding:
    here, there = arena.cluster.network.names
    secrets = arena.cluster.secrets
    people = {secrets.admin_username: secrets.admin_password}
    async with arena.cluster.client(here) as admin:
        await admin.change_password(secrets.admin_password, "a password that nobody wrote down")
    before = await _administrators(arena, here, people)
    said = arena.cluster.lab("reset-admin", here, "--yes").splitlines()[0]
    there_too = await poll(lambda: _administrators(arena, there, people), seconds=_MET_SECONDS)
    here_too = await _administrators(arena, here, people)
    held = not before and here_too == there_too == [*people]
    return Finding(held, said if held else f"{len(here_too)} here and {len(there_too)} there can act")


async def _two_halves_count(arena: Arena) -> Finding:
    names = sorted(arena.cluster.network.names)
    left, right = names[:2], names[2:]
    async with arena.cluster.clients() as clients:
        await clients[left[0]].create_product("CAFE-500", "Café 500 g", 1890)
        await wait_converged([*clients.values()])
        await _cut(clients, left, right)
        reasons = []
        for ours, theirs in ((left, right), (right, left)):
            for name in theirs:
                await clients[ours[0]].decommission(name)
            reasons.append(await _reason(partial(clients[ours[0]].count, "CAFE-500", gone=0)))
    return Finding(all(reason == "decommissioned_without_majority" for reason in reasons), ", ".join(reasons))


async def _reason(count: Callable[[], Awaitable[object]]) -> str:
    try:
        await count()
    except Refused as refused:
        return str(refused.problem.get("reason") or refused.code)
    return "it was counted"


ATTEMPTS = (
    Attempt(
        "two administrators deactivate each other across a cut",
        "one and the same can act at both branches",
        partial(_two_admins_remove_each_other, how={"active": False}),
        nodes=2,
        settings=_FAULTS,
    ),
    Attempt(
        "two administrators take each other's role across a cut",
        "one and the same can act at both branches",
        partial(_two_admins_remove_each_other, how={"role": "operador"}),
        nodes=2,
        settings=_FAULTS,
    ),
    Attempt(
        "nobody knows an administrator's password any more",
        "lab reset-admin lets the admin in at every branch",
        _nobody_knows_a_password,
        nodes=2,
        settings=_FAULTS,
    ),
    Attempt(
        "two halves of a cut decommission each other and count",
        "neither half counts",
        _two_halves_count,
        nodes=4,
        settings=_FAULTS,
        alone=True,
    ),
)
