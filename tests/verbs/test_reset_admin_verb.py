"""`./lab reset-admin` over every driver: where nobody can log in, one node's file is the way back for all."""

import asyncio

from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll
from tests.cluster.cluster import Cluster

HERE, THERE = "matriz", "filial-sul"
KNOWN_SECONDS = 60.0


async def _can_log_in(cluster: Cluster, node: str) -> bool:
    try:
        async with cluster.client(node) as client:
            return (await client.me())["role"] == "admin"
    except Refused:
        return False


async def _forget_the_password(cluster: Cluster) -> None:
    async with cluster.client(HERE) as admin:
        await admin.change_password(cluster.secrets.admin_password, "a password that nobody wrote down")


async def _may_everywhere(cluster: Cluster) -> bool:
    """Whether the admin can log in at both ends. It is tried HERE when the node serves again, and THERE when
    all arrived: who fails waits ever longer for the next try."""
    async with NodeClient(HERE, cluster.network.url(HERE)) as somebody:
        await poll(somebody.is_ready, seconds=KNOWN_SECONDS)
    if not await _can_log_in(cluster, HERE):
        return False
    async with cluster.client(HERE) as admin:
        await poll(lambda: _has_all(admin, THERE), seconds=KNOWN_SECONDS)
    return await _can_log_in(cluster, THERE)


async def _has_all(admin: NodeClient, node: str) -> bool:
    return (await admin.status())["pending"][node] == 0


def test_a_forgotten_password_is_reset_in_the_file_of_one_node(cluster: Cluster) -> None:
    asyncio.run(_forget_the_password(cluster))
    assert not asyncio.run(_can_log_in(cluster, HERE))

    assert "nothing was done" in cluster.lab("reset-admin", HERE, exit_code=2)
    said = cluster.lab("reset-admin", HERE, "--yes").splitlines()

    assert said == [
        f"{cluster.secrets.admin_username} is an active administrator",
        f"{HERE} is started again; the other branches receive it from there",
    ]
    assert asyncio.run(_may_everywhere(cluster))
