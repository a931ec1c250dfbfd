"""Answers every error as a problem (RFC 9457, application/problem+json) in English or pt-BR."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic_core import PydanticSerializationError, to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.problems.language import Language, preferred
from app.api.problems.problem import Problem
from app.api.problems.table import say
from app.api.problems.validation import sentence, stable_word
from app.api.problems.words import ENTITIES, PROBLEMS
from app.api.safe_headers import SAFE_HEADERS
from app.database import StorageError
from app.domain import characters
from app.domain.errors import BeyondBounds, Invalid, StateError
from app.security.errors import Forbidden, LoginsBusy, ReplicaTokenRefused, Throttled, Unauthenticated
from app.sync.wire.errors import ReplicaError

MEDIA_TYPE = "application/problem+json"
_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps makes one for each text
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_MOST_ERRORS = 100  # of one request that are listed
_LONGEST_FIELD = 200  # characters of a field's name that are repeated


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem that is to be answered, with its data and the headers that it alone has."""

    code: str
    data: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(
    request: Request, code: str, data: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for one problem: `{type, title, status, detail, code, request_id, ...data}`."""
    language = preferred(request.headers.get("accept-language"))
    return _response(request, Refusal(code, data, headers or {}), language)


def _response(request: Request, refusal: Refusal, language: Language) -> Response:
    request_id = getattr(request.state, "request_id", None)
    return Response(
        problem_text(refusal, language, request_id=request_id),
        status_code=PROBLEMS[refusal.code].status,
        media_type=MEDIA_TYPE,
        # An error of the node's own is answered outside of all layers.
        headers={**SAFE_HEADERS, **problem_headers(refusal, language)},
    )


def problem_text(refusal: Refusal, language: Language, *, request_id: str | None) -> bytes:
    """The body of the answer, as bytes. Texts that came with the request may hold half characters, which only
    JSON's escapes can say."""
    document = problem_document(refusal.code, language, refusal.data, request_id=request_id)
    try:
        return to_json(document)
    except PydanticSerializationError:
        return _encode(document).encode(errors="backslashreplace")


def problem_headers(refusal: Refusal, language: Language) -> dict[str, str]:
    """The headers of the answer beside its type, its length and what every answer has."""
    retry = _retry(PROBLEMS[refusal.code], refusal.data)
    return {"Content-Language": language, **retry, **refusal.headers}


def raw_problem_headers(refusal: Refusal, language: Language) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of `problem_headers` as they go over the wire: names in lower case, all in bytes."""
    if not refusal.headers and "retry_after_seconds" not in refusal.data:
        return _usual_headers(refusal.code, language)
    return _raw(problem_headers(refusal, language))


@cache  # there are as many as problems and languages
def _usual_headers(code: str, language: Language) -> tuple[tuple[bytes, bytes], ...]:
    return _raw(problem_headers(Refusal(code, {}), language))


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([(name.lower().encode(), value.encode()) for name, value in headers.items()])


def problem_document(
    code: str, language: Language, data: Mapping[str, Any], *, request_id: str | None
) -> dict[str, Any]:
    """The body of the answer for one problem."""
    problem = PROBLEMS[code]
    return {
        "type": f"/problems/{code}",
        "title": problem.title.spoken(language),
        "status": problem.status,
        "detail": _detail(problem, language, data),
        "code": code,
        "request_id": request_id,
        **data,
    }


Fault = tuple[str, str, str, Mapping[str, Any]]
"""A value that does not fit: where it is, its field, the reason, and the limits for its sentence."""


def invalid_data(faults: Iterable[Fault], language: Language) -> dict[str, Any]:
    """The data of a `validation` problem."""
    return {
        "errors": [
            {"in": place, "field": field, "reason": reason, "message": sentence(reason, language, values)}
            for place, field, reason, values in faults
        ]
    }


def misfit(found: Sequence[Mapping[str, Any]], language: Language) -> Refusal:
    """What to answer to a request with values that do not fit, which are told in pydantic's form."""
    return Refusal("validation", invalid_data([_fault(one) for one in found[:_MOST_ERRORS]], language))


def answer_to(request: Request, error: Exception) -> Response:
    """The answer for an error that a route raised, as the application answers it."""
    language = preferred(request.headers.get("accept-language"))
    return _response(request, refusal_of(error, language), language)


def refusal_of(error: Exception, language: Language) -> Refusal:
    """What to answer to an error: the problem of the table, or an internal error without details."""
    if isinstance(error, RequestValidationError):
        return misfit(error.errors(), language)
    if isinstance(error, Invalid) and not isinstance(error, BeyondBounds):
        return Refusal("validation", invalid_data([("body", error.field, error.reason, {})], language))
    said = say(error)
    if said is None:
        return Refusal("internal_error", {})
    return Refusal(said.code, said.data, _CHALLENGE if isinstance(error, Unauthenticated) else {})


def install_problems(app: FastAPI) -> None:
    """Make `app` answer every error as a problem, its router's and its validation's included."""
    for kind in (
        StateError,
        StorageError,
        ReplicaError,
        Unauthenticated,
        Forbidden,
        Throttled,
        LoginsBusy,
        ReplicaTokenRefused,
    ):
        app.add_exception_handler(kind, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_error)


async def _answer_error(request: Request, error: Exception) -> Response:
    return answer_to(request, error)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_response(request, "not_found", {"entity": "page", "key": request.url.path})
    code = {400: "bad_request", 405: "method_not_allowed"}.get(error.status_code)
    if code is None:
        return _internal_error(request)
    headers = {"Allow": ", ".join(_allowed(request))} if code == "method_not_allowed" else error.headers
    return problem_response(request, code, {}, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Every method of the resource, as the document has it: the router names those of one route alone."""
    found = [context for context in iter_route_contexts(request.app.routes) if context.methods]
    fitting = [context for context in found if context.path_regex.match(request.scope["path"])]
    resource = fitting[0].path_format
    return sorted(
        {method for context in fitting if context.path_format == resource for method in context.methods or ()}
    )


def _internal_error(request: Request) -> Response:
    return problem_response(request, "internal_error", {})


def _fault(found: Mapping[str, Any]) -> Fault:
    place, *path = found["loc"] or ("body",)
    reason = stable_word(found["type"])
    # For unreadable JSON the path is a position in the text, not a field.
    return str(place), "" if reason == "not_json" else _field(path), reason, found.get("ctx") or {}


def _field(path: Iterable[str | int]) -> str:
    field = ""
    for step in path:
        field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else str(step)
    return characters.shown(field[:_LONGEST_FIELD])


def _detail(problem: Problem, language: Language, data: Mapping[str, Any]) -> str:
    entity = ENTITIES.get(str(data.get("entity")))
    spoken = {**data, "entity": entity.spoken(language)} if entity else data
    return problem.detail.spoken(language).format_map(spoken)


def _retry(problem: Problem, data: Mapping[str, Any]) -> dict[str, str]:
    seconds = data.get("retry_after_seconds", problem.retry_after)
    return {} if seconds is None else {"Retry-After": str(max(1, -int(-seconds // 1)))}
