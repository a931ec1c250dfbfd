"""What an application's paths take and whom they are for, before its router looks for the route."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.types import Scope

from app.api.dependencies import require_admin
from app.api.door import VERDICT
from app.api.strictness import StrictRoute
from app.security.errors import Forbidden
from app.security.token_verdicts import Verdict

_WITH_BODY = ("POST", "PUT", "PATCH")  # of a request by any other method no body is read
_METHODS = (*_WITH_BODY, "GET", "HEAD", "DELETE")
_NAMED_GROUP = re.compile(r"\?P<\w+>")

Admits = Literal["all", "admins"]


class Paths:
    """Which paths of an application take a body, and which are for administrators. They are looked at when
    the first request comes: then all routes are there."""

    def __init__(self) -> None:
        self._known: dict[str, _Routes] = {}  # by method

    def take_body(self, scope: Scope) -> bool:
        """Whether there is a route that may read a body. The router itself would try its routes one by one,
        for each request a second time."""
        return scope["method"] in _WITH_BODY and self._routes(scope).find(scope["path"]) is not None

    def refuse_role(self, scope: Scope) -> None:
        """Raises Forbidden where the user is known by the token, and the route is for administrators only. A
        user who has to be looked up first is judged by the route."""
        verdict: Verdict | None = scope["state"].get(VERDICT)
        if verdict is None or verdict.user.role == "admin":
            return
        if self._routes(scope).find(scope["path"]) == "admins":
            raise Forbidden("admin")

    def _routes(self, scope: Scope) -> "_Routes":
        if not self._known:
            self._known = {method: _routes_of(scope["app"], method) for method in _METHODS}
        return self._known.get(scope["method"], _NONE)

    def refuse_any_body(self, scope: Scope) -> bool:
        """Whether the route refuses a body of any type (app.api.strictness), in words of its own."""
        contexts: Iterator[Any] = iter_route_contexts(scope["app"].router.routes)
        return any(
            isinstance(context.original_route, StrictRoute)
            and not context.original_route.takes.body
            and scope["method"] in (context.methods or ())
            and context.path_regex.match(scope["path"])
            for context in contexts
        )


class _Routes:
    """The routes of one method, and whom each is for. The first one that fits counts, as in the router."""

    def __init__(self, contexts: Sequence[Any]) -> None:
        self._admits: list[Admits] = ["admins" if _is_for_admins(each) else "all" for each in contexts]
        patterns = [_NAMED_GROUP.sub("?:", context.path_regex.pattern) for context in contexts]
        self._pattern = re.compile("|".join(f"({pattern})" for pattern in patterns) or "(?!)")

    def find(self, path: str) -> Admits | None:
        """Whom the path is for; None where there is no route."""
        found = self._pattern.match(path)
        return None if found is None else self._admits[(found.lastindex or 1) - 1]


def _routes_of(app: FastAPI, method: str) -> _Routes:
    contexts: list[Any] = [*iter_route_contexts(app.router.routes)]
    return _Routes([context for context in contexts if method in (context.methods or ())])


def _is_for_admins(context: Any) -> bool:
    dependant = getattr(context, "dependant", None)
    return dependant is not None and require_admin in _calls(dependant)


def _calls(dependant: Dependant) -> Iterator[object]:
    """All that FastAPI calls before the route."""
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


_NONE = _Routes(())
