"""Answers without FastAPI's routing and dependencies, for the routes that matter most under load. Each has
its ordinary route, too, which documents it and answers whatever is unusual."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi.security.utils import get_authorization_scheme_param
from starlette.types import ASGIApp

from app.api.dependencies import user_of
from app.api.door import TOKEN
from app.api.json_body import LongWay
from app.api.problems.handlers import MEDIA_TYPE, Refusal, misfit, problem_text, raw_problem_headers
from app.api.problems.language import Language, preferred
from app.api.problems.words import PROBLEMS
from app.api.schemas.base import Answer
from app.api.strictness import Fault
from app.database import Actor
from app.domain.user import User
from app.domain.values import value
from app.node import BranchNode
from app.services.caller import Caller

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", MEDIA_TYPE.encode())

Header = tuple[bytes, bytes]


WRITE = "write"
"""Where a request's state has what writes a whole answer in one piece, if the server can. It takes the
status, the lines of the header but the server's own, and the body; it returns False if it has not written."""

Write = Callable[[int, bytes, bytes], bool]


@value(frozen=True, slots=True)
class Ready:
    """A whole answer. `headers` are those beside type, length and what every answer has. `asked` is kept
    until the answer has left: to free a large message takes milliseconds, for which nobody should wait."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    media_type: Header = JSON
    asked: object = None


@value(frozen=True, slots=True)
class Asked:
    """A request that passed the door and has its turn. `name` is the end of its path, `sent` the first value
    of each header, `headers` are all of them."""

    node: BranchNode
    name: str
    query: bytes
    headers: list[Header]
    sent: Mapping[bytes, bytes]
    state: Mapping[str, Any]
    body: bytes
    caller: Caller

    async def user(self) -> User:
        """The live user behind the token. Raises Unauthenticated, and LongWay where the door saw none."""
        if TOKEN not in self.state:
            raise LongWay
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

    def misfit(self, faults: Sequence[Fault]) -> Ready:
        """The answer to a body with values that do not fit."""
        language = preferred(self.sent.get(b"accept-language", b"").decode("latin-1"))
        return told(misfit(faults, language), language, request_id=self.state["request_id"])


def told(refusal: Refusal, language: Language, *, request_id: str | None) -> Ready:
    """The whole answer that tells a problem."""
    body = problem_text(refusal, language, request_id=request_id)
    headers = raw_problem_headers(refusal, language)
    return Ready(PROBLEMS[refusal.code].status, body, headers, PROBLEM)


AtOnce = Callable[[Asked], Awaitable[Ready | ASGIApp]]
"""Answers one route at once, or says what sends a long answer. Raises LongWay before it has done anything,
and what the route raises."""

Routes = Mapping[tuple[str, str], AtOnce]
"""Such answers, by method and path. A path whose last part is ANY is that of every name without a slash."""

ANY = "*"


def find(routes: Routes, method: str, path: str) -> AtOnce | None:
    """What answers a request at once, if anything does."""
    found = routes.get((method, path))
    if found is None:
        place, _, name = path.rpartition("/")
        found = routes.get((method, f"{place}/{ANY}")) if name else None
    return found


def one(show: Callable[[str, BranchNode], Awaitable[Answer]]) -> AtOnce:
    """Answers with what a route shows of one thing by its name."""

    async def shown(asked: Asked) -> Ready:
        if asked.query:
            raise LongWay
        await asked.user()
        answer = await show(asked.name, asked.node)
        return Ready(200, answer.__pydantic_serializer__.to_json(answer, by_alias=True))

    return shown
