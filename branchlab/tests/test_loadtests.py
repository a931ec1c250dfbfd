"""What a simulated operator may do and how it reads answers; without Locust, which would patch Python."""

import json
from dataclasses import replace

import httpx
import pytest

from branchlab.errors import LabError
from branchlab.networks.network import Network, NodeAddress
from branchlab.nodes.outcome import Refused, Unknown
from loadtests import answers, target

NETWORK = Network(
    driver="process",
    nodes=(
        NodeAddress("matriz", "http://127.0.0.1:18001"),
        NodeAddress("filial-sul", "http://127.0.0.1:18002"),
    ),
    policy="escrow",
)


def problem(code: str) -> bytes:
    return json.dumps({"code": code, "title": code}).encode()


def outcome(status: int, body: bytes | None = None, error: BaseException | None = None) -> Refused | Unknown:
    with pytest.raises((Refused, Unknown)) as raised:
        answers.value_in(status, body, error)
    found = raised.value
    assert isinstance(found, Refused | Unknown)
    return found


def test_operators_work_at_every_branch_or_at_the_one_that_is_given() -> None:
    assert target.nodes_to_load(NETWORK, None) == NETWORK.nodes
    assert target.nodes_to_load(NETWORK, "http://127.0.0.1:18002/") == NETWORK.nodes[1:]
    assert target.nodes_to_load(NETWORK, target.all_hosts(NETWORK)) == NETWORK.nodes


def test_a_decommissioned_branch_gets_no_operators() -> None:
    smaller = replace(NETWORK, decommissioned=("filial-sul",))
    assert target.nodes_to_load(smaller, None) == NETWORK.nodes[:1]
    assert target.all_hosts(smaller) == "http://127.0.0.1:18001"


@pytest.mark.parametrize(
    "host",
    [
        "http://example.com",
        "http://localhost:18001",
        "http://127.0.0.1.example.com:18001",
        "http://0.0.0.0:18001",
        "http://127.0.0.1@example.com",
        "127.0.0.1:18001",
        "http://127.0.0.1:18001,http://example.com",
    ],
)
def test_any_other_machine_is_refused_in_one_plain_line(host: str) -> None:
    with pytest.raises(LabError, match="goes to this machine only") as refused:
        target.nodes_to_load(NETWORK, host)
    assert "\n" not in str(refused.value)


def test_a_network_elsewhere_is_refused_too() -> None:
    elsewhere = Network(driver="process", nodes=(NodeAddress("a", "http://10.0.0.1:1"),), policy="escrow")
    with pytest.raises(LabError, match=r"not to http://10\.0\.0\.1:1"):
        target.nodes_to_load(elsewhere, None)


def test_a_port_of_this_machine_that_is_no_node_is_refused() -> None:
    with pytest.raises(LabError, match=r"no node of this network is at http://127\.0\.0\.1:5432"):
        target.nodes_to_load(NETWORK, "http://127.0.0.1:5432")


@pytest.mark.parametrize("seconds", [None, 0, 601])
def test_a_load_without_an_end_within_ten_minutes_is_refused(seconds: float | None) -> None:
    with pytest.raises(LabError):
        target.require_an_end(seconds)


def test_a_value_is_what_the_node_answered() -> None:
    assert answers.value_in(httpx.codes.CREATED, b'{"id": "1"}', None) == {"id": "1"}


@pytest.mark.parametrize(
    ("found", "failure", "mistake"),
    [
        (outcome(409, problem("out_of_stock")), False, False),
        (outcome(429, problem("throttled")), False, False),
        (outcome(503, problem("not_ready")), False, False),
        (outcome(503, problem("overloaded")), False, False),
        (outcome(0, None, ConnectionRefusedError("refused")), True, False),
        (outcome(0, None, TimeoutError("timed out")), True, False),
        (outcome(503, problem("outcome_unknown")), True, False),
        (outcome(422, problem("validation")), True, True),
        (outcome(401, problem("unauthenticated")), True, True),
        (outcome(404, b"not json"), True, True),
    ],
)
def test_only_what_nothing_explains_is_a_mistake(
    found: Refused | Unknown, failure: bool, mistake: bool
) -> None:
    status = found.status if isinstance(found, Refused) else 0
    assert (answers.is_failure(found), answers.is_mistake(found, status)) == (failure, mistake)


def test_a_500_is_a_mistake_whatever_it_says() -> None:
    found = outcome(500, b"Internal Server Error")
    assert isinstance(found, Unknown)
    assert answers.is_mistake(found, 500)


def test_a_refused_connection_did_nothing_and_a_time_out_may_have() -> None:
    assert isinstance(outcome(0, None, ConnectionRefusedError("refused")), Refused)
    assert isinstance(outcome(0, None, TimeoutError("timed out")), Unknown)
