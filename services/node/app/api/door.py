"""What is judged before a body is read: the route, the token in the header, and the rate of requests without
one. Then the body is read, within its limit, its time and the budget of all bodies."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from app.node import BranchNode
from app.security.addresses import network_of
from app.security.body_budget import Holding, Sender
from app.security.errors import (
    BodyTooLarge,
    ReplicaTokenRefused,
    SlowBody,
    TooManyRequests,
    Unauthenticated,
)
from app.security.replica_tokens import REQUEST_HEADER

LOGIN = "/auth/login"
LOGIN_BODY_BYTES = 16 * 1024
CLIENT_BODY_BYTES = 1024 * 1024
REPLICA_BODY_BYTES = 8 * 1024 * 1024
BODY_BYTES_A_SECOND = 64 * 1024
"""A body may take BODY_SECONDS, and a second more for each of so many bytes that arrived. It may never
pause for BODY_SECONDS."""

CONNECTION = "connection"
"""Where a request's state names its connection, if the server told it (see `Connection`)."""

TOKEN = "token"  # noqa: S105  # in a request's state: what its good token says,
VERDICT = "verdict"  # and the verdict on it, where there is one

WHOLE_BODY = "whole_body"
"""Where a request's state has its body, if the server had it with the header."""

Sent = Mapping[bytes, bytes]
"""The first value of each header of a request."""

_REPLICA_TOKEN = REQUEST_HEADER.lower().encode()
_REPLICA = "/replica/"
_TOKENS = {
    "/openapi.json": 50.0,  # it is 220 kB, which a client may leave unread
    "/docs/swagger-ui-bundle.js": 50.0,  # these are 1.6 and 1.1 MB, in pieces
    "/redoc/redoc.standalone.js": 50.0,
}


class Connection(Protocol):
    """The connection that a request came by, as far as the door needs it."""

    def prove(self) -> None:
        """Note that a valid token came by it: it is not closed to make room for others."""


def judge(scope: Scope, node: BranchNode, sent: Sent, *, takes_body: bool) -> Sender:
    """Who sends the request, by the token in its header. One without a valid token is counted. Raises
    TooManyRequests, and for a route with a body Unauthenticated or ReplicaTokenRefused. Other routes look at
    the token themselves."""
    try:
        sender = _sender(scope, node, sent)
    except (Unauthenticated, ReplicaTokenRefused):
        _count(scope, node)
        if takes_body:
            raise
        return "stranger"
    if sender == "stranger":
        _count(scope, node)
        return sender
    connection: Connection | None = scope["state"].get(CONNECTION)
    if connection is not None:
        connection.prove()
    return sender


def _sender(scope: Scope, node: BranchNode, sent: Sent) -> Sender:
    path, now = scope["path"], node.clock.wall()
    if path == LOGIN:
        return "stranger"
    if path.startswith(_REPLICA):
        token = _text(sent, _REPLICA_TOKEN)
        theirs = node.receiver_clock.now()
        node.replica_tokens.check_header(token, method=scope["method"], path=path, now=theirs)
        return "peer"
    scheme, token = get_authorization_scheme_param(_text(sent, b"authorization"))
    if scheme.lower() != "bearer":
        raise Unauthenticated("missing_token")
    verdict = node.verdicts.find(token, wall=now, now=node.clock.monotonic())
    if verdict is None:
        scope["state"][TOKEN] = node.tokens.read(token, now=now)
    else:
        scope["state"][TOKEN], scope["state"][VERDICT] = verdict.token, verdict
    return "client"


def _count(scope: Scope, node: BranchNode) -> None:
    client = scope.get("client")
    address = network_of(client[0]) if client else "unknown"
    now = node.clock.monotonic()
    seconds = node.unproven_requests.wait(address, now=now)
    if seconds > 0:
        raise TooManyRequests(seconds)
    node.unproven_requests.take(address, now=now, tokens=_TOKENS.get(scope["path"], 1.0))


def _limit(path: str) -> int:
    if path == LOGIN:
        return LOGIN_BODY_BYTES
    return REPLICA_BODY_BYTES if path.startswith(_REPLICA) else CLIENT_BODY_BYTES


async def read_body(
    scope: Scope, receive: Receive, sent: Sent, holding: Holding, *, patience: float
) -> bytes:
    """The whole body. Raises BodyTooLarge, BodiesFull, SlowBody, and ClientDisconnect."""
    limit = _limit(scope["path"])
    whole: bytes | None = scope["state"].get(WHOLE_BODY)
    if whole is not None:
        if len(whole) > limit:
            raise BodyTooLarge(limit)
        holding.add(len(whole))
        return whole
    stated = _text(sent, b"content-length") or ""
    if stated.isdecimal() and int(stated[:20]) > limit:
        raise BodyTooLarge(limit)
    chunks: list[bytes] = []
    size = 0
    more = True
    try:
        async with asyncio.timeout(patience) as deadline:
            time = asyncio.get_running_loop().time
            began = time()
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(limit)
                holding.add(len(chunk))
                chunks.append(chunk)
                more = message.get("more_body", False)
                if more:
                    all_of_it = began + patience + size / BODY_BYTES_A_SECOND
                    deadline.reschedule(min(time() + patience, all_of_it))
    except TimeoutError:
        raise SlowBody from None
    return b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """What the application receives in place of a body that was read."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def wrong_type(scope: Scope, sent: Sent) -> str | None:
    """The media type the body should have had, or None if it has it."""
    expected = "application/x-www-form-urlencoded" if scope["path"] == LOGIN else "application/json"
    given = (_text(sent, b"content-type") or "").partition(";")[0].strip().lower()
    encoding = _text(sent, b"content-encoding") or "identity"
    plain = encoding.strip().lower() in {"", "identity"}
    return None if plain and given == expected else expected


def _text(sent: Sent, name: bytes) -> str | None:
    value = sent.get(name)
    return None if value is None else value.decode("latin-1")
