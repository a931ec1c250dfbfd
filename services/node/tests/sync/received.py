"""Batches on their way between two branches, and what is changed in them."""

import json
from collections.abc import Callable
from typing import Any

from app.sync.log import positions
from app.sync.wire.messages import Batch, Head
from tests.support.branch import Branch, Branches, over_the_wire

Change = Callable[[dict[str, Any]], Any]


def with_ten_units(branches: Branches) -> tuple[Branch, Branch]:
    """matriz with a customer, a product and ten units of it, which norte has too."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 10)
    matriz.send(norte)
    return matriz, norte


def next_batch(branch: Branch, peer: Branch) -> Batch:
    batch = branch.batch_for(peer)
    assert batch is not None
    return batch


def position(branch: Branch, origin: Branch) -> Head:
    return positions.at(branch.connection, origin.life)


def with_event(batch: Batch, number: int, **changes: Any) -> Batch:
    """The batch with one of its events replaced."""
    events = list(batch.events)
    events[number] = events[number].model_copy(update=changes)
    return over_the_wire(batch.model_copy(update={"events": events}))


def with_body(batch: Batch, number: int, change: Change) -> Batch:
    body = json.loads(json.dumps(batch.events[number].body))
    change(body)
    return with_event(batch, number, body=body)
