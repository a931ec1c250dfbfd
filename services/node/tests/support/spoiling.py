"""Events that arrive such that this version, or none, can apply them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from app.node import BranchNode
from app.security.replica_tokens import ReplicaClaims
from app.sync.log import batches
from app.sync.wire import kinds
from app.sync.wire.messages import SCHEMA_VERSION, Batch, BatchReceipt

NONSENSE = {"body": {"order": None}}
"""What no version can apply."""


def newer(kind: str) -> dict[str, str]:
    """What only the next version can apply."""
    return {"kind": f"{kind}.2"}


async def deliver_spoiled(
    sender: BranchNode, receiver: BranchNode, *, kind: str, changes: dict[str, Any]
) -> BatchReceipt:
    """Deliver what one node has for another, with these changes of every event of a kind."""
    name, epoch = receiver.database.identity.name, receiver.database.identity.epoch
    cut = await sender.database.read(
        lambda connection: batches.next_cut(connection, peer=name, peer_epoch=epoch)
    )
    assert cut is not None, "there is something to tell"
    document = json.loads(cut.encoded())
    for event in document["events"]:
        if event["kind"] == kind:
            event.update(changes)
    spoiled = Batch.read(json.dumps(document).encode())
    return await receiver.peer_server.event(ReplicaClaims(spoiled.origin, spoiled.epoch), spoiled)


@contextmanager
def upgraded() -> Iterator[None]:
    """Every node is of the next version, to which newer events are what this version's are to this one."""
    known = {newer(name)["kind"]: kind for name, kind in kinds.KINDS.items()}
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(kinds.KINDS, known))
        stack.enter_context(mock.patch.object(kinds, "SCHEMA_VERSION", SCHEMA_VERSION + 1))
        yield
