"""Nodes and the lab say in the same words why a call got no answer; the lab has them in Portuguese too."""

import inspect
import re

import httpx
import pytest

from app.faults import link_faults
from app.sync import synchronizer
from app.sync.peering import client, transport
from branchlab.language import speaking
from branchlab.networks.words import reason_words
from branchlab.nodes import reasons

REQUEST = httpx.Request(
    "GET", "http://fake", extensions={"timeout": dict.fromkeys(("connect", "read", "write"), 5.0)}
)
ERRORS = [
    httpx.ReadTimeout("", request=REQUEST),
    httpx.ConnectTimeout("", request=REQUEST),
    httpx.WriteTimeout("", request=REQUEST),
    httpx.PoolTimeout("", request=REQUEST),
    httpx.ReadError("", request=REQUEST),
    httpx.RemoteProtocolError("", request=REQUEST),
    httpx.ConnectError("no route", request=REQUEST),
    httpx.UnsupportedProtocol("no scheme", request=REQUEST),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_nodes_and_the_lab_use_the_same_words(error: httpx.HTTPError) -> None:
    assert transport.reason_of(error, patience=5.0) == reasons.reason_of(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_each_of_them_is_said_in_portuguese_too(error: httpx.HTTPError) -> None:
    said = reasons.reason_of(error)
    assert reason_words(said) == said
    with speaking("pt-BR"):
        assert reason_words(said) != said


def test_what_a_gate_and_a_refusal_report_is_said_in_portuguese_too() -> None:
    """The texts are found in the code, so that a new one is missed here."""
    gate = re.findall(r'Unreachable\("(.+?)"\)', inspect.getsource(link_faults))
    refusals = re.findall(r'Refusal\((?:unproven|\s*Answer\(.+?\)), "(.+?)"', inspect.getsource(client))
    undelivered = re.findall(r'Retry\([^()]+\), f?"(.+?)"', inspect.getsource(synchronizer))
    own = re.findall(r'return f?"(.+?)"', inspect.getsource(synchronizer._why))
    found = [*gate, *refusals, *undelivered, *own]
    assert len(found) >= 14
    assert [text for text in found if reason_words(text) != text] == []
    with speaking("pt-BR"):
        assert [text for text in found if reason_words(text) == text] == []
