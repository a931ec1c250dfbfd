"""Answers without FastAPI's routing and dependencies, for the few routes that matter most under load. Each
has its ordinary route, too, which documents it and answers whatever is unusual."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.security.utils import get_authorization_scheme_param

from app.api.dependencies import user_of
from app.api.json_body import LongWay
from app.database import Actor
from app.domain.user import User
from app.node import BranchNode
from app.services.caller import Caller

JSON = (b"content-type", b"application/json")

Header = tuple[bytes, bytes]


WRITE = "write"
"""Where a request's state has what writes a whole answer in one piece, if the server can. It takes the
status, the lines of the header but the server's own, and the body; it returns False if it has not written."""

Write = Callable[[int, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Ready:
    """A whole answer. `headers` are those beside type, length and what every answer has."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    media_type: Header = JSON


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed the door and has its turn. `sent` has the first value of each header, `headers`
    all of them."""

    node: BranchNode
    query: bytes
    headers: list[Header]
    sent: Mapping[bytes, bytes]
    state: Mapping[str, Any]
    body: bytes
    caller: Caller

    async def user(self) -> User:
        """The live user behind the token. Raises Unauthenticated."""
        _, token = get_authorization_scheme_param(self.sent[b"authorization"].decode("latin-1"))
        return await user_of(self.node, token, self.state)

    def actor(self, user: User) -> Actor:
        """Who to write into the audit."""
        return Actor(user_id=user.id, request_id=self.state["request_id"])

    def header(self, name: bytes) -> str | None:
        """A header that may be given once. Raises LongWay for a second one."""
        found = self.sent.get(name)
        if found is None:
            return None
        if sum(given == name for given, _ in self.headers) > 1:
            raise LongWay
        return found.decode("latin-1")


AtOnce = Callable[[Asked], Awaitable[Ready]]
"""Answers one route at once. Raises LongWay before it has done anything, and what the route raises."""

Routes = Mapping[tuple[str, str], AtOnce]
"""Such answers, by method and path."""
