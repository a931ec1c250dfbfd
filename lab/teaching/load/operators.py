"""A few operators whose tokens all simulated users share: each login costs a node a quarter of a second."""

import asyncio
import secrets
from collections.abc import Mapping

from lab.errors import LabError
from lab.networks.network import Network
from lab.nodes.client import NodeClient
from lab.nodes.convergence import wait_converged
from lab.nodes.outcome import Refused, Unknown

USERNAMES = ("carga-1", "carga-2", "carga-3", "carga-4")
_PASSWORD_BYTES = 12


async def sign_in(clients: Mapping[str, NodeClient], network: Network) -> list[str]:
    """Tokens of operators that every node takes; makes the operators, or gives those that are there a new
    password. `clients` are an admin's, one per node. LabError when a node does not do its part."""
    first = next(iter(clients.values()))
    try:
        there = {user["username"]: user["id"] for user in await first.users()}
        tokens = await asyncio.gather(
            *(_token(first, network.url(first.name), name, there.get(name)) for name in USERNAMES)
        )
    except (Refused, Unknown) as error:
        raise LabError(f"the operators cannot be signed in at {first.name}: {error}") from None
    await wait_converged(list(clients.values()))  # until a node knows the new password it takes no such token
    return list(tokens)


async def _token(admin: NodeClient, url: str, username: str, user_id: str | None) -> str:
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    if user_id is None:
        await admin.create_user(username, password, role="operador")
    else:
        await admin.reset_password(user_id, password)
    async with NodeClient(admin.name, url) as operator:
        await operator.login(username, password)
        assert operator.token is not None, "a login that is not refused gives a token"
        return operator.token
