"""A client's calls end as done, refused or unknown, and never as anything else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import pytest

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Order
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode, problem

Value = TypeVar("Value")


def ask(node: FakeNode, question: Callable[[NodeClient], Awaitable[Value]]) -> Value:
    """The answer to a question asked by a client that logged in."""

    async def conversation() -> Value:
        async with node.client() as client:
            await client.login(USERNAME, PASSWORD)
            return await question(client)

    return asyncio.run(conversation())


async def buy(client: NodeClient) -> Order:
    return await client.place_order("ANA", [{"sku": "CAFE", "quantity": 1}], key="k")


def test_a_wrong_password_is_refused() -> None:
    async def login() -> None:
        async with FakeNode().client() as client:
            await client.login(USERNAME, "wrong")

    with pytest.raises(Refused, match="401 unauthenticated"):
        asyncio.run(login())


def test_an_expired_token_is_renewed_once_for_all_calls_under_way() -> None:
    node = FakeNode()

    async def two_calls_with_an_expired_token(client: NodeClient) -> int:
        node.expire_tokens()
        await asyncio.gather(client.products(), client.customers())
        return node.tokens

    assert ask(node, two_calls_with_an_expired_token) == 2


def test_a_list_is_read_over_all_its_pages() -> None:
    node = FakeNode(pages=2)
    node.products = {str(number): {"sku": str(number)} for number in range(5)}

    products = ask(node, NodeClient.products)

    assert [product["sku"] for product in products] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "out_of_stock"),
        (422, "unknown_sku"),
        (503, "not_ready"),  # a 5xx, but the node says that it did nothing
        (503, "overloaded"),
        (503, "policy_mismatch"),
        (507, "disk_full"),
    ],
)
def test_what_certainly_did_not_happen_is_refused(status: int, code: str) -> None:
    node = FakeNode()
    node.next_orders.append(problem(status, code, wanted=3))

    with pytest.raises(Refused) as refused:
        ask(node, buy)

    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.problem["wanted"] == 3


@pytest.mark.parametrize(
    "answer",
    [
        problem(503, "outcome_unknown"),
        problem(500, "internal_error"),
        httpx.Response(502, text="bad gateway"),
        httpx.Response(201, text="cut sh"),
        httpx.ReadTimeout("too slow"),
        httpx.RemoteProtocolError("server disconnected"),
    ],
)
def test_what_may_have_happened_is_unknown(answer: httpx.Response | Exception) -> None:
    node = FakeNode()
    node.next_orders.append(answer)

    with pytest.raises(Unknown):
        ask(node, buy)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("no answer")])
def test_a_request_that_was_never_sent_is_refused_as_unreachable(error: Exception) -> None:
    node = FakeNode()
    node.next_orders.append(error)

    with pytest.raises(Refused) as refused:
        ask(node, buy)

    assert (refused.value.status, refused.value.code) == (0, "unreachable")
