"""What routes say of themselves in the OpenAPI document beyond their types: refusals, and the login form."""

from collections.abc import Iterable
from typing import Any

from app.api.problems.handlers import MEDIA_TYPE
from app.api.problems.problem import Problem
from app.api.problems.words import PROBLEMS

Responses = dict[int | str, dict[str, Any]]

READ = (
    "unauthenticated",
    "too_many_requests",
    "validation",
    "overloaded",
    "not_ready",
    "storage_failed",
    "altered_row",
)
"""What every route for clients can answer."""

WRITE = (
    *READ,
    "bad_request",
    "body_too_large",
    "bodies_full",
    "slow_body",
    "unsupported_media_type",
    "disk_full",
    "outcome_unknown",
    "branch_closed",
)
"""What every route that writes can answer."""

PEER = (
    "bad_request",
    "replica_token_refused",
    "used_token",
    "beyond_bounds",
    "unconfirmed_death",
    "not_the_sender",
    "incompatible",
    "dead_epoch",
    "decommissioned",
    "wrong_epoch",
    "stale_incarnation",
    "gap",
    "fork",
    "too_many_requests",
    "body_too_large",
    "bodies_full",
    "slow_body",
    "unsupported_media_type",
    "validation",
    "overloaded",
    "not_ready",
    "fenced",
    "policy_mismatch",
    "storage_failed",
    "altered_row",
    "disk_full",
    "kept_full",
    "outcome_unknown",
)
"""What a route for other nodes can answer."""

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
                        "username": {"type": "string", "examples": ["ana"]},
                        "password": {
                            "type": "string",
                            "format": "password",
                            "examples": ["correct horse battery"],
                        },
                    },
                }
            }
        },
    }
}

CLIENT_TOKEN, BEARER, REPLICA_TOKEN = "clientToken", "bearer", "replicaToken"


def refusals(*codes: str) -> Responses:
    """The documented answers for these problems, for a route's `responses`."""
    by_status: dict[int, list[Problem]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
    return {status: _response(problems) for status, problems in sorted(by_status.items())}


def _response(problems: Iterable[Problem]) -> dict[str, Any]:
    listed = list(problems)
    return {
        "description": " · ".join(f"{problem.title.en} (`{problem.code}`)" for problem in listed),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {problem.code: example(problem.code) for problem in listed},
            }
        },
    }


def example(name: str) -> dict[str, str]:
    """A reference to an example of the document."""
    return {"$ref": f"#/components/examples/{name}"}
