"""Sends pages of lists. A page of large entries costs much: it is made beside the event loop, no longer than
PAGE_BYTES, and sent as fast as its client reads."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.at_once import Asked, Ready
from app.api.json_body import LongWay
from app.api.pagination import encode_cursor, plain_page
from app.api.schemas.base import Answer
from app.node import BranchNode
from app.services.caller import Caller

V = TypeVar("V")

PAGE_BYTES = 1024 * 1024
"""What a page may hold before it ends early. Its last entry may reach beyond."""

MOST_PARTS = 8_000
"""How many parts (lines of orders, rows and grants of stock) are read at once, unless one entry has more:
about as many of the shortest as a page of PAGE_BYTES has."""

PIECE_BYTES = 64 * 1024
FEW_PIECES = 3
"""Up to so many are sent as one: a page of a hundred orders of three lines has one or two."""


class Listed(Protocol):
    """A query for a page."""

    @property
    def after(self) -> str | None: ...
    @property
    def limit(self) -> int: ...


async def send_page(
    node: BranchNode,
    caller: Caller,
    item: type[Answer] | Callable[[V], bytes],
    read: Callable[[sqlite3.Connection, str, int], Sequence[V]],
    query: Listed,
    *,
    key: Callable[[V], object] = attrgetter("id"),
) -> Response:
    """Answer with a page of what `read` returns: up to so many entries after a key, by key. It returns values
    to be shown as `item`, or written by it.

    The page is read and written as JSON beside the event loop, in one read transaction. It ends early where
    it would be longer than PAGE_BYTES. Its reader has given its place up when it is sent.
    """
    return _response(await _page(node, caller, item, read, query, key=key))


async def page_at_once(
    asked: Asked,
    item: type[Answer] | Callable[[V], bytes],
    read: Callable[[sqlite3.Connection, str, int], Sequence[V]],
    *,
    key: Callable[[V], object] = attrgetter("id"),
) -> Ready | Response:
    """As `send_page`, for a plain query. A page of a few pieces is one answer."""
    query = plain_page(asked.query)
    if query is None:
        raise LongWay
    await asked.user()
    page = await _page(asked.node, asked.caller, item, read, query, key=key)
    return Ready(200, b"".join(page)) if len(page) <= FEW_PIECES else _response(page)


async def _page(
    node: BranchNode,
    caller: Caller,
    item: type[Answer] | Callable[[V], bytes],
    read: Callable[[sqlite3.Connection, str, int], Sequence[V]],
    query: Listed,
    *,
    key: Callable[[V], object],
) -> list[bytes]:
    page = await node.database.read(
        lambda connection: _built(partial(read, connection), item, query.after or "", query.limit, key=key)
    )
    caller.step_aside()
    return page


def _response(page: Sequence[bytes]) -> Response:
    return PiecesResponse(page, media_type="application/json")


class PiecesResponse(Response):
    """Sends a body piece by piece, each when the client has read most of those before."""

    def __init__(
        self, pieces: Sequence[bytes], *, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        self._pieces = pieces
        self.headers["Content-Length"] = str(sum(map(len, pieces)))

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _built(
    read: Callable[[str, int], Sequence[V]],
    item: type[Answer] | Callable[[V], bytes],
    after: str,
    limit: int,
    *,
    key: Callable[[V], object],
) -> list[bytes]:
    """The page as JSON, in pieces. `read` may return fewer entries than it is asked for, where they are
    large: then it is asked again."""
    write = partial(_written, item) if isinstance(item, type) else item
    page = _Pieces(limit=limit)
    more = True
    while more and page.has_room:
        found = read(after, limit - page.entries + 1)  # the entry too many tells that there is more
        taken = page.add_all(found, write)
        more = bool(found)
        if taken:
            after = str(key(found[taken - 1]))
        if taken < len(found):
            return page.ended(encode_cursor(after))
    more = more and bool(read(after, 1))
    return page.ended(encode_cursor(after) if more else None)


def _written(item: type[Answer], value: object) -> bytes:
    return item.model_validate(value).model_dump_json(by_alias=True).encode()


class _Pieces:
    """A page under way: JSON, in pieces of about PIECE_BYTES."""

    def __init__(self, *, limit: int) -> None:
        self.entries = 0
        self._size = 0
        self._limit = limit
        self._pieces: list[bytes] = []
        self._piece = bytearray(b'{"items":[')

    @property
    def has_room(self) -> bool:
        """Whether another entry belongs on this page."""
        return self.entries < self._limit and self._size < PAGE_BYTES

    def add_all(self, entries: Iterable[V], write: Callable[[V], bytes]) -> int:
        """Write as many of these as there is room for; how many that were."""
        before = self.entries
        for value in entries:
            if not self.has_room:
                break
            entry = write(value)
            if self.entries:
                self._piece += b","
            self._piece += entry
            self.entries += 1
            self._size += len(entry)
            if len(self._piece) >= PIECE_BYTES:
                self._pieces.append(bytes(self._piece))
                self._piece.clear()
        return self.entries - before

    def ended(self, following: str | None) -> list[bytes]:
        """The whole page; `following` is its `next`."""
        self._piece += b'],"next":' + json.dumps(following).encode() + b"}"
        return [*self._pieces, bytes(self._piece)]
