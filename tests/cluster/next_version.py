"""The node as its next version, for uvicorn (`tests.cluster.next_version:app`): it speaks one more protocol
version, has another schema's name, reads newer events and writes them, which the present version parks."""

import sqlite3
from contextlib import ExitStack

from fastapi import FastAPI

from app import main
from app.sync import outbox, replication
from app.sync.events import Batch
from tests.simulation.tampering import upgraded
from tests.simulation.versions import NEXT_SCHEMA, OVERLAPS, newer

_changed = ExitStack()  # kept: what is collected is undone
_next_batch = outbox.next_batch


def _as_the_next_version_writes(
    connection: sqlite3.Connection, *, peer: str, peer_epoch: str
) -> Batch | None:
    batch = _next_batch(connection, peer=peer, peer_epoch=peer_epoch)
    return batch and batch.model_copy(update={"events": [newer(event) for event in batch.events]})


def __getattr__(name: str) -> FastAPI:
    """`app`, changed for as long as the process runs."""
    if name != "app":
        raise AttributeError(name)
    _changed.enter_context(upgraded())
    for module, part, next_one in (
        (outbox, "next_batch", _as_the_next_version_writes),
        (replication, "PROTOCOL", OVERLAPS),
        (replication, "newest_revision", lambda: NEXT_SCHEMA),
    ):
        setattr(module, part, next_one)
    return main.__getattr__("app")
