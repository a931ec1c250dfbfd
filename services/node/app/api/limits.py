"""What is decided about a request before any route sees it: its id, its size, its type, and whether the
node takes clients at all. Pure ASGI, in the order of `install_limits`."""

import re

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems.handlers import problem_response
from app.node import BranchNode

CLIENT_BODY_BYTES = 1024 * 1024
REPLICA_BODY_BYTES = 8 * 1024 * 1024

# Answered also by a node that is not ready: what people and peers need to see it become so.
_ALWAYS_OPEN = (
    "/faults",  # what keeps a node from getting ready may be one of them
    "/healthz",
    "/readyz",
    "/status",
    "/replica/",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/problems/",
)
# Answered also before the node's database is open, as while it is migrated.
_OPEN_BEFORE_ALL = ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/problems/")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_LOGIN = "/auth/login"


def install_limits(app: FastAPI) -> None:
    """Put the limits before `app`'s routes. `app.state.node` must be there when requests come."""
    for limit in (BodyLimit, ReadinessGate, RequestId):  # the last one added sees a request first
        app.add_middleware(limit)


class RequestId:
    """Gives each request an id (the client's X-Request-Id, or a drawn one) and repeats it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else _draw(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


class ReadinessGate:
    """Answers clients 503 not_ready until the node is founded or rebuilt, and peers too until its database
    is open. At a node that is fenced or whose file is damaged people may log in, to read why."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._passes(scope):
            await self._app(scope, receive, send)
            return
        node: BranchNode = scope["app"].state.node
        reason = node.readiness.reason or "starting"
        code = "branch_closed" if node.readiness.closed else "not_ready"
        refusal = problem_response(Request(scope), code, {"reason": reason})
        await refusal(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        node: BranchNode = scope["app"].state.node
        path: str = scope["path"]
        if not node.database.opened:
            return path.startswith(_OPEN_BEFORE_ALL)
        readable = node.readiness.reading and scope["method"] in ("GET", "HEAD")
        is_told = node.readiness.fenced is not None or node.database.damage is not None
        explains = is_told and path == _LOGIN
        return path.startswith(_ALWAYS_OPEN) or node.ready or readable or explains


class BodyLimit:
    """Reads the whole body, up to a limit, before the route does: 413 beyond it, 415 for a body that is
    neither plain JSON nor the login form. So no route ever holds more than the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = REPLICA_BODY_BYTES if scope["path"].startswith("/replica/") else CLIENT_BODY_BYTES
        try:
            body = await _read(scope, receive, limit)
        except _TooLarge:
            refusal = problem_response(Request(scope), "body_too_large", {"limit": limit})
            await refusal(scope, receive, send)
            return
        except ClientDisconnect:
            return  # half a request has no effect, and nobody hears the answer
        expected = _wrong_type(scope) if body else None
        if expected is not None:
            refusal = problem_response(Request(scope), "unsupported_media_type", {"expected": expected})
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


class _TooLarge(Exception):
    """The body is longer than its limit."""


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes:
    stated = Headers(scope=scope).get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > limit:
        raise _TooLarge
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _TooLarge
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _wrong_type(scope: Scope) -> str | None:
    """The media type the body should have had, or None if it has it."""
    headers = Headers(scope=scope)
    expected = "application/x-www-form-urlencoded" if scope["path"] == _LOGIN else "application/json"
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    plain = headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}
    return None if plain and given == expected else expected


def _draw(scope: Scope) -> str:
    node: BranchNode = scope["app"].state.node
    return node.random.randbytes(16).hex()
