"""The next version of the node: what it writes that this one cannot read, and a network that is upgraded.

A machine's `version` says which one its process runs. One that runs the next version speaks other protocol
versions, has another schema, and writes events that this version parks: newer kinds, newer bodies, and fields
nobody knows. It reads all of them, as this version does its own.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar
from unittest import mock

from app.sync import outbox, parking, receiver, replication
from app.sync.events import PROTOCOL, SCHEMA_VERSION, Batch, WireEvent
from tests.simulation.process import present_process
from tests.simulation.tampering import NEWER, upgraded

T = TypeVar("T")

THIS, NEXT = 1, 2
NEXT_SCHEMA = "9999"
OVERLAPS, BREAKS = (PROTOCOL[0], PROTOCOL[1] + 1), (PROTOCOL[1] + 1, PROTOCOL[1] + 1)
"""The protocol versions of the next version of the node: with this one's among them, or not."""


@contextmanager
def side_by_side() -> Iterator[None]:
    """Let every process write and read events as its own version does."""
    with ExitStack() as stack:
        for module, name in ((receiver, "receive"), (parking, "replay")):
            reads = _as_its_version(getattr(module, name))
            stack.enter_context(mock.patch.object(module, name, reads))
        stack.enter_context(mock.patch.object(outbox, "next_batch", _written(outbox.next_batch)))
        yield


def built(version: int, protocol: tuple[int, int]) -> AbstractContextManager[object]:
    """A node that is made meanwhile is one of this version, or of the next one, which speaks `protocol`."""
    if version == THIS:
        return nullcontext()
    stack = ExitStack()
    stack.enter_context(mock.patch.object(replication, "PROTOCOL", protocol))
    stack.enter_context(mock.patch.object(replication, "newest_revision", return_value=NEXT_SCHEMA))
    return stack


def _as_its_version(read: Callable[..., T]) -> Callable[..., T]:
    def wrapped(*args: Any, **options: Any) -> T:
        with upgraded() if present_process().version == NEXT else nullcontext():
            return read(*args, **options)

    return wrapped


def _written(next_batch: Callable[..., Batch | None]) -> Callable[..., Batch | None]:
    def wrapped(*args: Any, **options: Any) -> Batch | None:
        batch = next_batch(*args, **options)
        if batch is None or present_process().version == THIS:
            return batch
        return batch.model_copy(update={"events": [newer(event) for event in batch.events]})

    return wrapped


def newer(event: WireEvent) -> WireEvent:
    """The event as the next version writes it: the same whenever it is sent."""
    how = hashlib.sha256(event.event_id.encode()).digest()[0] % 4
    changes: dict[str, Any] = {"trace": "a field of the next version"}
    if how == 0:
        changes["kind"] = event.kind + NEWER
    elif how == 1:
        changes["schema_version"] = SCHEMA_VERSION + 1
    return WireEvent.model_validate({**event.model_dump(), **changes})
