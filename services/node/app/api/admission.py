"""Admission control at the edge: what cannot be answered in time is refused before its body is read. The
rule is `app.domain.admission`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Message, Receive, Scope

from app.domain.admission import lane_of
from app.node import BranchNode
from app.services.admission import Lane, Pass

PASS = "pass"  # noqa: S105  # in a request's state
_WITH_BODY = ("POST", "PUT", "PATCH")
_WATCHED = ("commands", "reads")  # a peer repeats what it did not see answered; a client may not


def look_ahead(scope: Scope, node: BranchNode, sent: Mapping[bytes, bytes]) -> None:
    """Refuse a request before its body is read while its lane is full. What arrives in pieces takes no place
    until it is whole, so slow senders keep nobody out. Raises Overloaded."""
    if PASS in scope["state"]:
        return
    lane = lane_for(scope, node)
    if lane is not None and lane.refuses(size=stated_size(sent)):
        raise lane.refusal()


def lane_for(scope: Scope, node: BranchNode) -> Lane | None:
    """The lane that a request waits in, if it waits in any."""
    name = lane_of(scope["method"], scope["path"])
    return None if name is None else node.admission.lane(name)


def stated_size(sent: Mapping[bytes, bytes]) -> int:
    """How long a request's body is, by its header."""
    stated = sent.get(b"content-length", b"").decode("latin-1")
    return int(stated) if stated.isdecimal() and len(stated) < 20 else 0


@asynccontextmanager
async def watched(scope: Scope, receive: Receive, admitted: Pass, *, read: bool) -> AsyncIterator[Receive]:
    """What the application receives. From the end of the body on, the connection is watched for its end;
    `read` says that the body was read already."""
    if lane_of(scope["method"], scope["path"]) not in _WATCHED:
        yield receive
        return
    watches: list[asyncio.Task[Message]] = []

    def watch() -> None:
        watches.append(asyncio.create_task(_until_gone(receive, admitted), name="watch a client"))

    async def received() -> Message:
        if watches:
            return await asyncio.shield(watches[0])
        message = await receive()
        if not message.get("more_body", False):
            watch()
        return message

    if read or scope["method"] not in _WITH_BODY:
        watch()
    try:
        yield received
    finally:
        for task in watches:
            task.cancel()


async def _until_gone(receive: Receive, admitted: Pass) -> Message:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
    admitted.gone = True
    return {"type": "http.disconnect"}
