"""Marks every answer to a peer, who then knows it for a member's, whole, and to this very request."""

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.node import BranchNode
from app.security.replica_tokens import ANSWER_HEADER


def install_marks(app: FastAPI) -> None:
    """Mark what `app` answers on `/replica/`. `app.state.node` must be there when requests come."""
    app.add_middleware(MarkedAnswers)


class MarkedAnswers:
    """Holds the beginning of an answer to a peer back until all of it is known, which is at once: no answer
    to a peer is streamed. Who sent no token gets no mark."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = Headers(scope=scope).get("x-replica-token") if scope["type"] == "http" else None
        if token is None or not scope["path"].startswith("/replica/"):
            await self._app(scope, receive, send)
            return
        node: BranchNode = scope["app"].state.node
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            mark = node.replica_tokens.mark(token, status=start["status"], body=body)
            MutableHeaders(scope=start)[ANSWER_HEADER] = mark
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, hold)
