"""A node's application as peers see it: the real tokens, limits, routes and problems, without a server."""

from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from functools import cache

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import ASGIApp, Message

from app.api import replica
from app.api.edge import install_edge
from app.api.problems.handlers import install_problems
from app.node import BranchNode
from app.security.replica_tokens import ANSWER_HEADER
from app.sync.peering.transport import Response
from tests.support.asgi import http_scope


def doors_of(node: BranchNode) -> FastAPI:
    """The application that answers a node's peers. All nodes share the routes: building them for each would
    take most of the time."""
    app = copy(_doors())
    app.state = State({"node": node})
    return app


@cache
def _doors() -> FastAPI:
    app = FastAPI()
    app.include_router(replica.router)
    install_problems(app)
    install_edge(app, replica.AT_ONCE)
    return app


async def ask(app: ASGIApp, host: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Response:
    """What an application answers. It is asked as a server asks it: an HTTP client in between would take
    longer over each message than most nodes do."""
    sent = {"host": host, **headers, "content-length": str(len(body))}
    scope = http_scope("POST", path, sent, server=host)
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])
    answers: list[Message] = []

    async def receive() -> Message:
        return next(requests, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answers.append(message)

    with suppress(Exception):  # an error of the node's own was answered with 500 before it came here
        await app(scope, receive, send)
    start, *parts = answers
    answered = {name.lower(): value for name, value in start["headers"]}
    mark = answered.get(ANSWER_HEADER.lower().encode())
    return Response(
        status=start["status"],
        body=b"".join(part.get("body", b"") for part in parts),
        mark=None if mark is None else mark.decode(),
    )
