"""A request whose body arrives piece by piece, and may never end."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.types import ASGIApp, Message

from tests.support.asgi import http_scope


@dataclass(frozen=True)
class Answered:
    """What came of an upload. `status` is None if there was no answer. `read` counts the pieces of the body
    that the application took."""

    status: int | None
    headers: Mapping[str, str]
    document: Any
    read: int


async def upload(
    app: ASGIApp,
    path: str,
    pieces: Iterable[bytes],
    *,
    headers: Mapping[str, str],
    method: str = "POST",
    address: str = "10.0.0.1",
    every: float = 0.0,
    whole: bool = False,
    then: Literal["stall", "leave"] = "stall",
) -> Answered:
    """Send a header and the pieces of a body, one `every` so many seconds, then nothing more, or leave. The
    last piece ends the body if it is `whole`. All is passed on as by a server."""
    sent = {"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}}
    scope = http_scope(method, path, sent, client=address)
    read = 0
    left = deque(pieces)
    answers: list[Message] = []

    async def receive() -> Message:
        nonlocal read
        if left:
            if every:
                await asyncio.sleep(every)
            read += 1
            piece = left.popleft()
            return {"type": "http.request", "body": piece, "more_body": bool(left) or not whole}
        if then == "stall":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    await app(scope, receive, send)
    if not answers:
        return Answered(None, {}, None, read)
    start, *parts = answers
    content = b"".join(part.get("body", b"") for part in parts)
    answered = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], answered, json.loads(content) if content else None, read)
