"""What the OpenAPI document says beyond what the routes' types say: problems, tags and the login form."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI

from app.api.problems.handlers import MEDIA_TYPE
from app.api.problems.problem import Problem
from app.api.problems.words import PROBLEMS

Responses = dict[int | str, dict[str, Any]]

READ = ("unauthenticated", "validation", "not_ready", "storage_failed", "altered_row")
"""What every route for clients can answer."""

WRITE = (
    *READ,
    "bad_request",
    "body_too_large",
    "unsupported_media_type",
    "disk_full",
    "outcome_unknown",
    "branch_closed",
)
"""What every route that writes can answer."""

PEER = (
    "bad_request",
    "unauthenticated",
    "not_the_sender",
    "incompatible",
    "dead_epoch",
    "decommissioned",
    "wrong_epoch",
    "stale_incarnation",
    "gap",
    "fork",
    "body_too_large",
    "unsupported_media_type",
    "validation",
    "not_ready",
    "fenced",
    "policy_mismatch",
    "storage_failed",
    "altered_row",
    "disk_full",
    "outcome_unknown",
)
"""What a route for other nodes can answer."""

TAGS = [
    {"name": "auth", "description": "Logging in and one's own password."},
    {"name": "users", "description": "People and their roles; for administrators."},
    {"name": "customers", "description": "Who buys."},
    {"name": "products", "description": "What is sold; written by administrators."},
    {"name": "stock", "description": "What is there, received and removed."},
    {"name": "orders", "description": "Placing and cancelling orders at this branch."},
    {"name": "audit", "description": "Who did what at this node; for administrators."},
    {"name": "parked", "description": "Events that could not be applied; for administrators."},
    {"name": "altered", "description": "Rows that are not what was written; for administrators."},
    {"name": "members", "description": "The branches of the network, and which are gone for good."},
    {"name": "status", "description": "How the node is."},
    {"name": "replica", "description": "What nodes ask of each other, with X-Replica-Token only."},
    {"name": "problems", "description": "What each refusal means."},
]
FAULTS_TAG = {"name": "faults", "description": "Breaking links and the disk on purpose; in a lab only."}

LOGIN_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["username", "password"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["password"]},
                        "username": {"type": "string", "examples": ["admin"]},
                        "password": {"type": "string", "format": "password"},
                    },
                }
            }
        },
    }
}

CLIENT_TOKEN = "client token"  # noqa: S105  # a name
_BEARER, _REPLICA_TOKEN = "bearer", "replica token"
# How a client gets its token is one scheme, and what it does with it another: some tools read only one.
_SECURITY_SCHEMES: dict[str, Any] = {
    _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    _REPLICA_TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Replica-Token",
        "description": "Issued by the sending node, for this one request.",
    },
}

_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. Data of its own follows for some codes; `GET /problems/{code}` explains each.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/out_of_stock"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": {"type": ["string", "null"]},
    },
    "additionalProperties": True,
}


def refusals(*codes: str) -> Responses:
    """The documented answers for these problems, for a route's `responses`."""
    by_status: dict[int, list[Problem]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
    return {status: _response(problems) for status, problems in sorted(by_status.items())}


def describe(app: FastAPI, *, with_faults: bool) -> None:
    """Add the problem schema and the tags to `app`'s OpenAPI document."""
    generate = app.openapi

    def with_problems() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        components["securitySchemes"].update(_SECURITY_SCHEMES)
        for operation in _operations(document):
            _say_how_it_is_secured(operation)
            _say_that_no_parameter_is_null(operation)
        return document

    app.openapi_tags = [*TAGS, FAULTS_TAG] if with_faults else TAGS
    app.openapi = with_problems  # type: ignore[method-assign]  # FastAPI documents exactly this way to extend it


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _say_how_it_is_secured(operation: dict[str, Any]) -> None:
    if operation.get("security") == [{CLIENT_TOKEN: []}]:
        operation["security"].append({_BEARER: []})
    elif "replica" in operation["tags"]:
        operation["security"] = [{_REPLICA_TOKEN: []}]
        operation["parameters"] = [p for p in operation["parameters"] if p["in"] != "header"]


def _say_that_no_parameter_is_null(operation: dict[str, Any]) -> None:
    """Left out, yes; but a query or a header holds text, and `null` would be just that."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
        schema.update(*kinds)


def _response(problems: Iterable[Problem]) -> dict[str, Any]:
    listed = list(problems)
    examples = {
        problem.code: {
            "value": {
                "type": f"/problems/{problem.code}",
                "title": problem.title.en,
                "status": problem.status,
                "detail": problem.detail.en,
                "code": problem.code,
                "request_id": "0f0e0d0c0b0a09080706050403020100",
            }
        }
        for problem in listed
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": " · ".join(f"{problem.title.en} (`{problem.code}`)" for problem in listed),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
