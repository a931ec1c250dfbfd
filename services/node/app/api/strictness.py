"""Refuses what a route does not take: unknown and repeated parameters, a body where there is none, and a name
that an object of a body says twice.

Every route of the API is made by a `StrictRouter`, so the rule stands here once. What a route takes is worked
out when the route is made; a request that fits costs one look at its query and its headers.
"""

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from app.domain.errors import Invalid

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Fault = dict[str, Any]
"""One value that does not fit, in pydantic's form."""

BODY_BYTES = "body_bytes"
"""Where a request's state says how long its body is, if the door has read it."""


def fault(place: str, name: str, reason: str) -> Fault:
    """A fault of a parameter or of the whole body (`name` is then empty). `place` is `query`, `header`,
    `path` or `body`."""
    return {"type": reason, "loc": (place, name) if name else (place,)}


class StrictRouter(APIRouter):
    """A router of strict routes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(route_class=StrictRoute, **settings)


class StrictRoute(APIRoute):
    """Refuses a request that has more than the route takes. Who may not use the route is answered 401 or 403
    first, as ever; then everything that does not fit is named at once, and nothing is done."""

    @cached_property
    def takes(self) -> "Takes":
        """What the route takes."""
        parts = list(_parts(self.dependant))
        return Takes(
            query=frozenset(name for part in parts for name in _names(part.query_params)),
            headers={name.lower().encode(): name for part in parts for name in _names(part.header_params)},
            # What reads the body by itself says so in the document.
            body=self.body_field is not None or "requestBody" in (self.openapi_extra or {}),
        )

    def get_route_handler(self) -> Handler:
        handle, takes = super().get_route_handler(), self.takes

        async def strict(request: Request) -> Response:
            faults = takes.faults(request)
            if self.body_field is not None:
                request = BodyRequest(request.scope, request.receive)
                faults += await request.faults()
            if faults:
                raise await self._refusal(request, faults)
            return await handle(request)

        return strict

    async def _refusal(self, request: Request, faults: list[Fault]) -> RequestValidationError:
        """These faults and all others of the request. Raises what its dependencies raise."""
        try:
            await self._without_effect(request)
        except RequestValidationError as error:
            faults = [*faults, *error.errors()]
        except Invalid as error:  # of a dependency that reads the body by itself
            faults = [*faults, fault("body", error.field, error.reason)]
        return RequestValidationError(faults)

    @cached_property
    def _without_effect(self) -> Handler:
        """The route's dependencies and values, judged as ever, and nothing done. Few requests need it."""

        @wraps(self.endpoint)
        async def nothing(**_values: Any) -> Response:
            return Response()

        twin = APIRoute(self.path, nothing, dependencies=self.dependencies, response_model=None)
        return twin.get_route_handler()


class BodyRequest(Request):
    """A request with a JSON body, which is parsed once."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._parsed: tuple[Any] | None = None
        self._repeated: set[str] = set()

    async def faults(self) -> list[Fault]:
        """The names that one object of the body has twice. JSON leaves open which counts (RFC 8259, 4)."""
        try:
            await self.json()
        except (ValueError, RecursionError):
            return []  # whoever needs the body meets the same error, and answers it
        return [fault("body", name, "repeated") for name in sorted(self._repeated)]

    async def json(self) -> Any:
        """The parsed body."""
        if self._parsed is None:
            noting = noting_repeated(self._repeated)
            self._parsed = (json.loads(await self.body(), object_pairs_hook=noting),)
        return self._parsed[0]


def noting_repeated(repeated: set[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Makes the objects of a JSON text, and adds to `repeated` the names that one object has twice."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.update(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return found

    return made


@dataclass(frozen=True)
class Takes:
    """What a route takes: the names of its query parameters, and its headers' as they come and as they are
    documented. Each may be given once: no parameter of the API is a list."""

    query: frozenset[str]
    headers: Mapping[bytes, str]
    body: bool

    def faults(self, request: Request) -> list[Fault]:
        """What a request has that the route does not take."""
        scope = request.scope
        found: list[Fault] = []
        if scope["query_string"]:
            given = Counter(name for name, _ in request.query_params.multi_items())
            found += [fault("query", name, "unknown_field") for name in given if name not in self.query]
            found += [
                fault("query", name, "repeated")
                for name, times in given.items()
                if times > 1 and name in self.query
            ]
        if self.headers:
            sent = [name for name, _ in scope["headers"]]
            found += [
                fault("header", name, "repeated") for raw, name in self.headers.items() if sent.count(raw) > 1
            ]
        if not self.body and has_body(scope):
            found.append(fault("body", "", "unexpected_body"))
        return found


def has_body(scope: Scope) -> bool:
    """Whether a request has a body. Of one that nobody reads the header tells (RFC 9112, 6)."""
    read: int | None = scope.get("state", {}).get(BODY_BYTES)
    if read is not None:
        return read > 0
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 \t") != b"")
        for name, value in scope["headers"]
    )


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for needed in dependant.dependencies:
        yield from _parts(needed)


def _names(parameters: list[Any]) -> Iterator[str]:
    """The names of parameters, as clients write them. A model stands for its fields."""
    for parameter in parameters:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())
        else:
            yield parameter.alias
