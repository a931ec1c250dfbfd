"""Answers every error as a problem (RFC 9457, application/problem+json) in English or pt-BR."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.problems.language import Language, preferred
from app.api.problems.problem import Problem
from app.api.problems.table import say
from app.api.problems.validation import sentence, stable_word
from app.api.problems.words import ENTITIES, PROBLEMS
from app.database import StorageError
from app.domain.errors import Invalid, StateError
from app.security.errors import Forbidden, ReplicaTokenRefused, Throttled, Unauthenticated
from app.sync.wire.errors import ReplicaError

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 100  # of one request that are listed
_LONGEST_FIELD = 200  # characters of a field's name that are repeated


def problem_response(
    request: Request, code: str, data: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for one problem: `{type, title, status, detail, code, request_id, ...data}`."""
    problem = PROBLEMS[code]
    language = preferred(request.headers.get("accept-language"))
    body = {
        "type": f"/problems/{code}",
        "title": problem.title.spoken(language),
        "status": problem.status,
        "detail": _detail(problem, language, data),
        "code": code,
        "request_id": getattr(request.state, "request_id", None),
        **data,
    }
    return Response(
        # Texts that came with the request may hold half characters, which only JSON's escapes can say.
        json.dumps(body, ensure_ascii=False).encode(errors="backslashreplace"),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, **_retry(problem, data), **(headers or {})},
    )


def error_response(request: Request, error: Exception) -> Response:
    """The answer for an error of the table; any other is an internal error without details."""
    if isinstance(error, Invalid):
        return _invalid(request, [("body", error.field, error.reason, {})])
    said = say(error)
    if said is None:
        return _internal_error(request)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return problem_response(request, said.code, said.data, headers=headers)


def install_problems(app: FastAPI) -> None:
    """Make `app` answer every error as a problem, its router's and its validation's included."""
    for kind in (
        StateError,
        StorageError,
        ReplicaError,
        Unauthenticated,
        Forbidden,
        Throttled,
        ReplicaTokenRefused,
    ):
        app.add_exception_handler(kind, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_error)


async def _answer_error(request: Request, error: Exception) -> Response:
    return error_response(request, error)


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _invalid(request, [_fault(found) for found in error.errors()[:_MOST_ERRORS]])


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


def _fault(found: Mapping[str, Any]) -> tuple[str, str, str, Mapping[str, Any]]:
    place, *path = found["loc"] or ("body",)
    reason = stable_word(found["type"])
    # For unreadable JSON the path is a position in the text, not a field.
    return str(place), "" if reason == "not_json" else _field(path), reason, found.get("ctx") or {}


def _field(path: Iterable[str | int]) -> str:
    field = ""
    for step in path:
        field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else str(step)
    return field[:_LONGEST_FIELD]


def _invalid(request: Request, faults: Iterable[tuple[str, str, str, Mapping[str, Any]]]) -> Response:
    language = preferred(request.headers.get("accept-language"))
    errors = [
        {"in": place, "field": field, "reason": reason, "message": sentence(reason, language, values)}
        for place, field, reason, values in faults
    ]
    return problem_response(request, "validation", {"errors": errors})


def _detail(problem: Problem, language: Language, data: Mapping[str, Any]) -> str:
    entity = ENTITIES.get(str(data.get("entity")))
    spoken = {**data, "entity": entity.spoken(language)} if entity else data
    return problem.detail.spoken(language).format_map(spoken)


def _retry(problem: Problem, data: Mapping[str, Any]) -> dict[str, str]:
    seconds = data.get("retry_after_seconds", problem.retry_after)
    return {} if seconds is None else {"Retry-After": str(max(1, -int(-seconds // 1)))}
