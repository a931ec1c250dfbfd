"""Who may do what, over real nodes: clients' tokens, nodes' tokens, and neither in the other's place."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import jwt
import pytest

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import wait_converged
from branchlab.nodes.outcome import Refused
from tests.cluster.cluster import Cluster, StartCluster
from tests.cluster.impostors import (
    FORGED_SECRET,
    RECEIVER,
    SENDER,
    Door,
    Token,
    knock,
    product_batch,
    wish_for_units,
    wrong_headers,
    wrong_senders,
)

pytestmark = pytest.mark.cluster

CLIENT_ROUTES = (
    *(("GET", path) for path in ("/auth/me", "/users", "/customers", "/products", "/stock", "/orders")),
    *(("GET", path) for path in ("/audit", "/status")),
    *(("POST", path) for path in ("/users", "/customers", "/products", "/stock/adjustments", "/orders")),
)


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    """One network, since no test here minds what another one left."""
    return shared_cluster


def what_a_token_could_change(status: Status, here: int) -> dict[str, Any]:
    return {
        "heads": status["heads"],
        "digest": status["digest"],
        "parked": status["parked"],
        "counts": status["counts"],
        "here": here,
    }


def test_a_replica_token_that_is_not_exactly_right_opens_nothing(cluster: Cluster) -> None:
    """The right token is tried last: what the others sent would have been applied."""

    async def knock_everywhere() -> None:
        async with cluster.client(RECEIVER) as client:
            product = await client.create_product("HELD", "Held here", 100)
            await client.adjust("HELD", 10, reason="test", share="keep")
            async with cluster.clients() as clients:
                await wait_converged(list(clients.values()))
            status = await client.status()
            event = Door("/replica/event", product_batch(cluster, status))
            transfer = Door("/replica/transfer", wish_for_units(status, product["id"]))
            before = what_a_token_could_change(status, (await client.stock_of("HELD"))["here"])

            answers = {
                (door.path, words): (await knock(cluster.network.url(RECEIVER), door, headers)).status_code
                for door in (event, transfer, Door("/replica/hello", b"{}"))
                for words, headers in wrong_headers(cluster, door, client.token or "").items()
            }
            for words, headers in wrong_senders(cluster, event).items():
                answer = await knock(cluster.network.url(RECEIVER), event, headers)
                answers[event.path, words] = answer.status_code
            opened = {kind: status for kind, status in answers.items() if status not in (401, 403)}
            after = what_a_token_could_change(await client.status(), (await client.stock_of("HELD"))["here"])

            assert opened == {}
            assert after == before

            for door in (event, transfer):
                right = Token().sign(door, cluster.secrets.replica_secret)
                answer = await knock(cluster.network.url(RECEIVER), door, {"X-Replica-Token": right})
                assert answer.status_code == 200, answer.text
            assert (await client.product("SMUGGLED"))["name"] == "Never ordered"
            assert (await client.stock_of("HELD"))["here"] == 7

    asyncio.run(knock_everywhere())


def test_without_a_valid_token_every_route_answers_401(cluster: Cluster) -> None:
    async def knock_everywhere() -> dict[str, set[int]]:
        url = cluster.network.url(RECEIVER)
        async with cluster.client(RECEIVER) as client:
            good = client.token or ""
        claims = jwt.decode(good, options={"verify_signature": False})
        secret = cluster.secrets.jwt_secret
        tokens = {
            "none": None,
            "no JWT": "let me in",
            "cut short": good[:-4],
            "signed with another secret": jwt.encode(claims, FORGED_SECRET, algorithm="HS256"),
            "not signed": jwt.encode(claims, "", algorithm="none"),
            "of another algorithm": jwt.encode(claims, secret, algorithm="HS512"),
            "expired": jwt.encode({**claims, "exp": time.time() - 1}, secret, algorithm="HS256"),
            "of another issuer": jwt.encode({**claims, "iss": "elsewhere"}, secret, algorithm="HS256"),
            "for replicas": jwt.encode({**claims, "aud": "replica:matriz"}, secret, algorithm="HS256"),
            "of nobody": jwt.encode({**claims, "sub": str(uuid.uuid4())}, secret, algorithm="HS256"),
            "a replica's": Token().sign(Door("/orders", b""), cluster.secrets.replica_secret),
        }
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            return {
                words: {
                    (
                        await http.request(
                            method, path, headers={"Authorization": f"Bearer {token}"} if token else {}
                        )
                    ).status_code
                    for method, path in CLIENT_ROUTES
                }
                for words, token in tokens.items()
            }

    answers = asyncio.run(knock_everywhere())

    assert {words: codes for words, codes in answers.items() if codes != {401}} == {}


def test_an_operador_sells_but_does_not_administer(cluster: Cluster) -> None:
    async def try_everything() -> tuple[list[str], str]:
        async with cluster.client(RECEIVER) as admin:
            await admin.create_user("caixa", "senha do caixa", role="operador")
            await admin.create_product("CAFE", "Café", 500)
            await admin.adjust("CAFE", 1, reason="test", share="keep")
            async with NodeClient(RECEIVER, cluster.network.url(RECEIVER)) as operador:
                await operador.login("caixa", "senha do caixa")
                codes = [
                    await refusal(operador.create_product("CHA", "Chá", 100)),
                    await refusal(operador.create_user("outra", "outra senha", role="admin")),
                    await refusal(operador.users()),
                    await refusal(operador.audit()),
                ]
                await operador.create_customer({"code": "ANA", "name": "Ana"})
                order = await operador.place_order("ANA", [{"sku": "CAFE", "quantity": 1}], key="k")
                return codes, order["branch"]

    codes, branch = asyncio.run(try_everything())

    assert codes == ["403 forbidden"] * 4
    assert branch == RECEIVER


async def refusal(call: Any) -> str:
    try:
        await call
    except Refused as refused:
        return f"{refused.status} {refused.code}"
    return "not refused"


@pytest.mark.parametrize("offset_seconds", [3600, -3600])
def test_a_clock_an_hour_off_stops_neither_replication_nor_sales(
    start_cluster: StartCluster, offset_seconds: int
) -> None:
    cluster = start_cluster(node_settings={SENDER: {"CLOCK_OFFSET_SECONDS": str(offset_seconds)}})

    async def sell_everywhere() -> list[set[str]]:
        async with cluster.clients() as clients:
            nodes = list(clients.values())
            await clients[RECEIVER].create_customer({"code": "ANA", "name": "Ana"})
            await clients[RECEIVER].create_product("CAFE", "Café", 500)
            await clients[RECEIVER].adjust("CAFE", len(nodes), reason="test", share="keep")
            await wait_converged(nodes)
            for client in nodes:  # the units are at the first node: the others need its grant
                await client.place_order("ANA", [{"sku": "CAFE", "quantity": 1}], key=f"k-{client.name}")
            await wait_converged(nodes)
            return [{order["branch"] for order in await client.orders()} for client in nodes]

    assert asyncio.run(sell_everywhere()) == [{"matriz", "filial-norte", "filial-sul"}] * 3


def test_a_deactivated_user_and_an_old_password_open_nothing_any_more(cluster: Cluster) -> None:
    async def change_of_mind() -> list[str]:
        async with cluster.client(RECEIVER) as admin:
            balcao = await admin.create_user("balcao", "primeira senha", role="operador")
            async with NodeClient(RECEIVER, cluster.network.url(RECEIVER)) as operador:
                await operador.login("balcao", "primeira senha")
                await operador.change_password("primeira senha", "segunda senha")
                with_the_old_password = await refusal(operador.me())  # renews its token, or tries to
                await operador.login("balcao", "segunda senha")
                await admin.reset_password(balcao["id"], "terceira senha")
                after_a_reset = await refusal(operador.me())
                await operador.login("balcao", "terceira senha")
                await admin.change_user(balcao["id"], active=False)
                return [with_the_old_password, after_a_reset, await refusal(operador.me())]

    assert asyncio.run(change_of_mind()) == ["401 unauthenticated"] * 3
