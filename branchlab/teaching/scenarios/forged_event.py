"""Somebody reads what one branch sends to another, alters it, and sends it again."""

import json
from typing import Any

import httpx

from branchlab.language import N_, _
from branchlab.nodes.client import DEFAULT_TIMEOUT
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.selling import open_shop, sell
from branchlab.teaching.scenarios.stage import Stage
from branchlab.teaching.scenarios.wire import Heard

_UNITS = 10
_ORDERS = 2
_MORE = 1000  # what the forger adds to every number
# What belongs to the connection or to the length, and is made anew.
_OF_THE_CONNECTION = {"host", "content-length", "connection", "transfer-encoding"}


async def _play(stage: Stage) -> None:
    left, right = stage.nodes
    shop = await open_shop(stage, _UNITS)
    await sell(stage, shop, left, _ORDERS, "true")
    await stage.converge()
    assert stage.wire is not None, "the scenario asks for a wire"
    heard = [one for one in stage.wire.heard() if (one.link.sender, one.link.receiver) == (left, right)]
    stage.expect(
        bool(heard), _("nothing of what {left} sent to {right} could be read", left=left, right=right)
    )
    answers = [await _forge(stage, one) for one in heard]
    taken = sum(200 <= status < 300 for status in answers)
    await stage.converge()
    stage.facts.append(
        _(
            "{count} requests of {left} read on the wire, and sent again with {more} more of"
            " everything: {right} answered {taken} of them with 2xx",
            count=len(heard),
            left=left,
            more=_MORE,
            right=right,
            taken=taken,
        )
    )


async def _forge(stage: Stage, heard: Heard) -> int:
    """Sends it to its receiver with other numbers and the same credentials. Returns the status."""
    headers = [(name, value) for name, value in heard.headers if name.lower() not in _OF_THE_CONNECTION]
    url = stage.network.url(heard.link.receiver) + heard.target
    async with httpx.AsyncClient(trust_env=False, timeout=DEFAULT_TIMEOUT) as forger:
        answer = await forger.request(heard.method, url, headers=headers, content=forged(heard.body))
    return answer.status_code


def forged(body: bytes) -> bytes:
    """The body with more in every whole number; one that is no JSON, with its last byte changed."""
    try:
        return json.dumps(_with_more(json.loads(body))).encode()
    except ValueError:
        return body[:-1] + bytes([body[-1] ^ 1])


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_more(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_more(each) for each in value]
    return value + _MORE if isinstance(value, int) and not isinstance(value, bool) else value


SCENARIO = Scenario(
    name="forged-event",
    group="contrast",
    title=N_("Somebody reads what a branch sends, alters it and sends it again: nothing of it counts."),
    play=_play,
    any_node=True,
    over_wire=True,
    nodes=2,
    exactly=True,
    needs_own_network=True,
    settings={"REBALANCE_SECONDS": "0"},
)
