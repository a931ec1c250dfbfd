"""GET /status: the document that the node makes, whole, and the model that describes it."""

import json
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from app.api.schemas.status import Status
from app.database.seals import ListedRow
from app.state.salvage.account import SalvagedFile
from app.status import NodeStatus, PeerStatus
from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio


def shown(status: NodeStatus) -> Any:
    """The status as the route shows it."""
    return json.loads(Status.of(status).model_dump_json(by_alias=True, exclude_unset=True))


async def test_the_route_shows_all_that_the_node_says_and_nothing_else(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    assert (await admin.post("/products", json={"sku": "rice", "name": "Rice", "price_cents": 5})).is_success
    status = await shop.node.status()
    answer = (await admin.get("/status")).json()
    named = {field.name for field in fields(status)} - {"faults"}
    assert set(answer) == named
    assert datetime.fromisoformat(answer["now"]).timestamp() == pytest.approx(status.now)
    assert {**answer, "now": status.now} == json.loads(
        json.dumps({name: value for name, value in asdict(status).items() if name in named})
    )


async def test_a_peer_of_which_nothing_is_known_is_shown_with_nulls(shop: Shop) -> None:
    unknown = dict.fromkeys(
        (
            "epoch", "protocol", "schema", "another_schema", "comparable", "oldest_pending_seconds",
            "acknowledged", "next_retry_seconds", "last_success_at", "last_error",
        )
    )  # fmt: skip
    known: dict[str, Any] = {"state": "unknown", **unknown, "pending": 2, "attempts": 0}
    status = await shop.node.status()
    document = shown(replace(status, peers={"norte": PeerStatus(**known)}, pending={"norte": 2}))
    assert (document["peers"], document["pending"]) == ({"norte": known}, {"norte": 2})


async def test_every_time_is_shown_as_in_all_other_answers(shop: Shop) -> None:
    unknown: dict[str, Any] = dict.fromkeys(field.name for field in fields(PeerStatus))
    peer = PeerStatus(**{**unknown, "state": "ok", "attempts": 0, "last_success_at": 1_795_471_260.5})
    file = SalvagedFile(file="node.db", at=0.0, orders_back=1, orders_lost=0, complete=True)
    row = ListedRow(relation="customers", row_key="c", bucket=7, asked=2, why="", since=1.0)
    status = await shop.node.status()

    document = shown(replace(status, peers={"norte": peer}, salvage=[file], altered=[row]))

    assert document["peers"]["norte"]["last_success_at"] == "2026-11-23T22:01:00.500000+00:00"
    assert document["salvage"][0]["at"] == "1970-01-01T00:00:00+00:00"
    assert document["altered"][0]["since"] == "1970-01-01T00:00:01+00:00"
