"""Every verb that breaks links or disks, by one test body over every driver."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from branchlab import settings
from branchlab.faults.forging import KINDS
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import Statuses, read_status, wait_clear, wait_converged, wait_pending_zero
from branchlab.nodes.outcome import Refused
from branchlab.poll import poll_blocking
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import FAST
from tests.verbs.conftest import MakeCluster

PRODUCTS = 5  # each creation is one event
UNITS = 5000  # more than there is room for orders in a full disk
A, B, C = "matriz", "filial-norte", "filial-sul"
CAUSES = {
    "repeated": "200 duplicate: applied nothing",
    "replayed": "401 used_token: refused",
    "tampered": "401 other_body: refused",
    "forged": "401 invalid_token: refused",
    "stale-token": "401 expired_token: refused",
}


@pytest.fixture(scope="module")
def breakable(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()


@pytest.fixture
def cluster(breakable: Cluster) -> Cluster:
    """Three nodes that take faults and have none, whatever the test before did."""
    breakable.lab("heal")
    return breakable


async def faults(cluster: Cluster) -> dict[str, list[Mapping[str, Any]]]:
    """NODE → the faults of its calls, from its `/status`."""
    async with cluster.clients() as clients:
        statuses: dict[str, Any] = {name: await client.status() for name, client in clients.items()}
        return {name: status["faults"]["links"] for name, status in statuses.items()}


def broken(cluster: Cluster) -> list[tuple[str, str, str]]:
    """(sender, receiver, kind) of every fault, sorted."""
    shown = asyncio.run(faults(cluster))
    return sorted((name, fault["peer"], fault["kind"]) for name, links in shown.items() for fault in links)


async def create_products(client: NodeClient, *, prefix: str) -> None:
    for number in range(PRODUCTS):
        await client.create_product(f"{prefix}-{number}", f"{prefix} {number}", 100)


async def write_until_pending(
    cluster: Cluster, node: str, expected: Mapping[str, int], *, prefix: str
) -> None:
    """Writes at a node; passes once exactly this is pending there to each peer."""
    async with cluster.client(node) as client:
        await create_products(client, prefix=prefix)

        async def read() -> dict[str, Status | None]:
            return {node: await read_status(client)}

        def differences(statuses: Statuses) -> list[str]:
            pending = status["pending"] if (status := statuses[node]) is not None else "not known"
            return [] if pending == expected else [f"pending is {pending}"]

        await wait_clear(read, differences, deadline_seconds=30)


async def converge(cluster: Cluster) -> None:
    async with cluster.clients() as clients:
        await wait_converged(list(clients.values()))


async def write_and_drain(cluster: Cluster, *, prefix: str) -> None:
    """Everything written at every node arrives at all others, over whatever links there are."""
    async with cluster.clients() as clients:
        for name, client in clients.items():
            await create_products(client, prefix=f"{prefix}-{name}")
        await wait_pending_zero(list(clients.values()))
        counts = {len(await client.products()) for client in clients.values()}
    assert len(counts) == 1


def test_a_cut_holds_back_what_is_written_on_both_sides_and_heal_delivers_it(cluster: Cluster) -> None:
    asyncio.run(converge(cluster))
    assert f"{A}↔{B}: cut" in cluster.lab("cut", A, B)
    assert broken(cluster) == sorted([(A, B, "cut"), (B, A, "cut")])
    asyncio.run(write_until_pending(cluster, A, {B: PRODUCTS, C: 0}, prefix="cut-a"))
    asyncio.run(write_until_pending(cluster, B, {A: PRODUCTS, C: 0}, prefix="cut-b"))
    assert {node["state"] for node in cluster.status()["nodes"].values()} == {"running"}
    cluster.lab("heal")
    assert broken(cluster) == []
    asyncio.run(converge(cluster))


def test_a_one_way_cut_leaves_the_other_way(cluster: Cluster) -> None:
    asyncio.run(converge(cluster))
    assert f"{A}→{B}: cut" in cluster.lab("cut", A, B, "--one-way")
    assert broken(cluster) == [(A, B, "cut")]
    asyncio.run(write_until_pending(cluster, A, {B: PRODUCTS, C: 0}, prefix="way-a"))
    asyncio.run(write_until_pending(cluster, B, {A: 0, C: 0}, prefix="way-b"))


def test_a_branch_is_cut_from_all_others_and_stays_reachable_from_here(cluster: Cluster) -> None:
    asyncio.run(converge(cluster))
    cluster.lab("partition", C, "--fault", "cut")
    assert broken(cluster) == sorted((x, y, "cut") for x, y in ((A, C), (C, A), (B, C), (C, B)))
    asyncio.run(write_until_pending(cluster, C, {A: PRODUCTS, B: PRODUCTS}, prefix="alone"))
    asyncio.run(write_until_pending(cluster, A, {B: 0, C: PRODUCTS}, prefix="pair"))
    cluster.lab("heal", C)
    assert broken(cluster) == []
    asyncio.run(converge(cluster))


@pytest.mark.parametrize(
    ("arguments", "settings_shown"),
    [
        (("slow", A, B, "80ms±20"), {"delay_seconds": 0.08, "jitter_seconds": 0.02}),
        (("flaky", A, B, "30%", "--seed", "7"), {"loss": 0.3, "seed": 7}),
        (("duplicate", A, B, "--copies", "3"), {"copies": 3}),
        (("reorder", A, B, "60%"), {"chance": 0.6}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_on_a_bad_link_everything_arrives_all_the_same(
    cluster: Cluster, arguments: tuple[str, ...], settings_shown: dict[str, float]
) -> None:
    kind = arguments[0]
    cluster.lab(*arguments)
    shown = asyncio.run(faults(cluster))
    for sender, receiver in ((A, B), (B, A)):
        (fault,) = shown[sender]
        assert (fault["peer"], fault["kind"]) == (receiver, kind)
        assert {name: fault[name] for name in settings_shown} == settings_shown
        assert fault["hits"] >= 1
    asyncio.run(write_and_drain(cluster, prefix=kind))
    cluster.lab("heal", A, B)
    assert broken(cluster) == []
    asyncio.run(converge(cluster))


def test_a_fault_ends_with_its_lease_though_nobody_heals_it(cluster: Cluster) -> None:
    cluster.lab("cut", A, B, "--lease", "5")
    assert poll_blocking(lambda: not broken(cluster), seconds=30)
    asyncio.run(write_and_drain(cluster, prefix="lease"))


def test_after_a_tool_that_was_killed_heal_leaves_nothing_broken(cluster: Cluster) -> None:
    environment = {**os.environ, "LAB_RUN_DIR": str(cluster.run_dir), "LAB_ENV_FILE": str(cluster.env_file)}
    command = [sys.executable, "-m", "branchlab", "cut", A, C]
    with subprocess.Popen(command, cwd=settings.ROOT, env=environment, stdout=subprocess.PIPE) as tool:
        assert poll_blocking(lambda: broken(cluster) or tool.poll() is not None, seconds=60, every=0)
        os.kill(tool.pid, signal.SIGKILL)
    cluster.driver.pause(B)
    cluster.driver.stop(C)
    cluster.lab("heal")
    cluster.lab("heal")
    assert broken(cluster) == []
    assert {cluster.driver.state(name) for name in cluster.network.names} == {"running"}


def test_a_full_disk_refuses_orders_and_takes_them_when_it_has_room_again(cluster: Cluster) -> None:
    asyncio.run(sell_until_full(cluster))


async def sell_until_full(cluster: Cluster) -> None:
    async with cluster.client(A) as client:
        await client.create_product("full-1", "Full", 100)
        await client.create_customer({"code": "FULL", "name": "Ana Lima"})
        await client.adjust("full-1", UNITS, reason="verbs", share="keep")
        await asyncio.to_thread(cluster.lab, "disk-full", A)
        acknowledged, refused = await sell_until_refused(client)
        assert (refused.status, refused.code) == (507, "disk_full")
        assert {one["id"] for one in await client.orders()} == set(acknowledged)
        await asyncio.to_thread(cluster.lab, "disk-full", A, "--heal")
        acknowledged.append(await order(client, len(acknowledged)))  # the refused one, asked again
        assert sorted(one["id"] for one in await client.orders()) == sorted(acknowledged)
        assert (await client.stock_of("full-1"))["available"] == UNITS - len(acknowledged)
    await converge(cluster)


async def sell_until_refused(client: NodeClient) -> tuple[list[str], Refused]:
    """The orders that were acknowledged, and the refusal of the one after them."""
    acknowledged: list[str] = []
    try:
        while True:
            acknowledged.append(await order(client, len(acknowledged)))
    except Refused as refused:
        return acknowledged, refused


async def order(client: NodeClient, number: int) -> str:
    placed = await client.place_order("FULL", [{"sku": "full-1", "quantity": 1}], key=f"full-{number}")
    return placed["id"]


def test_without_lab_faults_the_verbs_say_how_to_get_them(make_cluster: MakeCluster) -> None:
    plain = make_cluster(2, settings={**FAST, "LAB_FAULTS": "0"})
    said = plain.lab("cut", A, B, exit_code=2)
    assert " takes no faults; run `make down`, then `make up FAULTS=1`" in said  # who is asked first answers
    assert "the nodes run without LAB_FAULTS=1; run `make down`" in plain.lab("up", "--faults", exit_code=2)
    plain.lab("down")
    plain.lab("up", "--faults")
    assert "cut" in plain.lab("cut", A, B)
    plain.lab("heal")


async def status_of(cluster: Cluster, node: str) -> Status:
    async with cluster.client(node) as client:
        return await client.status()


async def spread(cluster: Cluster, sku: str) -> None:
    """Writes at A, and heals; returns when every node has it."""
    async with cluster.clients() as clients:
        await clients[A].create_product(sku, sku, 100)
    cluster.lab("heal")


def faults_of(cluster: Cluster, node: str) -> Any:
    return asyncio.run(status_of(cluster, node)).get("faults")


def test_each_kind_of_false_message_is_answered_with_its_cause_and_changes_nothing(cluster: Cluster) -> None:
    assert CAUSES.keys() == KINDS.keys()
    asyncio.run(spread(cluster, "FALSE"))
    before = asyncio.run(status_of(cluster, C))["digest"]
    for kind, cause in CAUSES.items():
        said = cluster.lab("forge", kind, A, C, "--times", "2")
        assert f"2 × {cause}" in said, said
    assert asyncio.run(status_of(cluster, C))["digest"] == before


def test_a_small_batch_and_a_wrong_clock_last_until_the_heal(cluster: Cluster) -> None:
    cluster.lab("batch", A, "1")
    cluster.lab("skew", C, "-90s")
    assert faults_of(cluster, A)["batch"]["value"] == 1
    assert faults_of(cluster, C)["clock"]["value"] == -90
    asyncio.run(spread(cluster, "SLOWLY"))
    assert faults_of(cluster, A)["batch"] is None
    assert faults_of(cluster, C)["clock"] is None
