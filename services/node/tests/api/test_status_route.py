"""GET /status: the document that the node makes, whole, and the model that describes it."""

import json
from typing import Any

import httpx
import pytest

from app.api.schemas.status import Status
from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio


def shown(document: Any) -> Any:
    """The document as the route shows it."""
    return json.loads(Status.model_validate(document).model_dump_json(by_alias=True, exclude_unset=True))


async def test_the_route_shows_all_that_the_node_says_and_nothing_else(
    shop: Shop, admin: httpx.AsyncClient
) -> None:
    assert (await admin.post("/products", json={"sku": "rice", "name": "Rice", "price_cents": 5})).is_success
    document = await shop.node.status()
    answer = (await admin.get("/status")).json()
    assert list(answer) == list(document)
    assert {**answer, "now": document["now"]} == json.loads(json.dumps(document))


async def test_a_peer_of_which_nothing_is_known_is_shown_with_nulls(shop: Shop) -> None:
    unknown = dict.fromkeys(
        (
            "epoch", "protocol", "schema", "another_schema", "comparable", "oldest_pending_seconds",
            "acknowledged", "next_retry_seconds", "last_success_at", "last_error",
        )
    )  # fmt: skip
    peer = {"state": "unknown", **unknown, "pending": 2, "attempts": 0}
    document = {**await shop.node.status(), "peers": {"norte": peer}, "pending": {"norte": 2}}
    assert shown(document) == document
