"""A few operators whose tokens all simulated users share: each login costs a node a quarter of a second."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.network import LAB, Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused, Unknown

USERNAMES = ("carga-1", "carga-2", "carga-3", "carga-4")
_PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Operators:
    """Names and passwords of some operators, and a token of each that every node takes."""

    logins: tuple[tuple[str, str], ...]
    tokens: tuple[str, ...]


async def sign_in(clients: Mapping[str, NodeClient], network: Network) -> Operators:
    """Operators whom every node knows; makes the operators, or gives those that are there a new
    password. `clients` are an admin's, one per node. LabError when a node does not do its part."""
    first = next(iter(clients.values()))
    try:
        there = {user["username"]: user["id"] for user in await first.users()}
        # Where nobody can reset a password, the operators are new ones each time.
        names = USERNAMES if network.implementation == LAB else [f"{one}-{_new()}" for one in USERNAMES]
        logins = tuple((name, secrets.token_urlsafe(_PASSWORD_BYTES)) for name in names)
        tokens = await asyncio.gather(
            *(_token(first, network.url(first.name), login, there.get(login[0])) for login in logins)
        )
    except (Refused, Unknown) as error:
        raise LabError(
            _("the operators cannot be signed in at {name}: {error}", name=first.name, error=error)
        ) from None
    await wait_converged(list(clients.values()))  # until a node knows the new password it takes no such token
    return Operators(logins, tuple(tokens))


def _new() -> str:
    return secrets.token_hex(2)


async def _token(admin: NodeClient, url: str, login: tuple[str, str], user_id: str | None) -> str:
    username, password = login
    if user_id is None:
        await admin.create_user(username, password, role="operador")
    else:
        await admin.reset_password(user_id, password)
    async with NodeClient(admin.name, url) as operator:
        await operator.login(username, password)
        assert operator.token is not None, "a login that is not refused gives a token"
        return operator.token
