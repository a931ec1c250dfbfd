"""Marks every answer to a peer, who then knows it for a member's, whole, and to this very request."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from app.node import BranchNode
from app.security.replica_tokens import ANSWER_HEADER

_TOKEN = b"x-replica-token"


def marking(scope: Scope, node: BranchNode, sent: Mapping[bytes, bytes], send: Send) -> Send:
    """Sends the answer to a peer with its mark, and any other as it is.

    The beginning of a marked answer is held back until all of it is known, which is at once: no answer to a
    peer is streamed. Who sent no token gets no mark.
    """
    given = sent.get(_TOKEN)
    if given is None or not scope["path"].startswith("/replica/"):
        return send
    token = given.decode("latin-1")
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

    return hold
