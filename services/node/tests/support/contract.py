"""Holds a node against its own OpenAPI document: schemathesis asks it, with every check that it has."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.schemas import BaseSchema
from starlette.types import Receive, Scope, Send

from app.config import read_settings
from app.domain import identity
from app.main import create_app
from tests.support.parts import parts

Caller = Literal["admin", "operador", "nobody"]
CALLER_NAMES = ("admin", "ana")
Phase = Literal["coverage", "fuzzing", "stateful"]

# How a request that the document allows may be answered: done, or refused for who asks and for what is (not)
# there. `POST /auth/login` and `/replica/*` have a proof of their own, which nobody can invent; who tries
# passwords is throttled.
_DONE_OR_NOT_THERE = ["2xx", "404", "409"]
_EXPECTED: dict[Caller, list[str]] = {
    "admin": _DONE_OR_NOT_THERE,
    "operador": [*_DONE_OR_NOT_THERE, "403"],
    "nobody": ["2xx", "401", "404"],
}
_UNPROVEN = [*_DONE_OR_NOT_THERE, "401", "429"]

# 422 for what the document allows is a failure, but for these. References to what is not known here:
_UNKNOWN = {"unknown_sku", "unknown_customer", "key_reused"}
# Rules that OpenAPI has no words for: bytes of a text, a sum, where a joiner may stand, characters of one
# version of Unicode, and what this very node has, knows or gave out.
_UNSAID = {
    "password_too_long",
    "too_large_in_total",
    "more_than_peers",
    "wrong_password",
    "bad_cursor",
    "looks_like_an_id",
    "hidden_character",
    "not_a_character",
    "nothing_visible",
}


_MANY_A_SECOND = "1000000"


class Served:
    """A whole node, which schemathesis opens when it first asks. Who asks stays who they are: a change of
    their users finds nobody, since all that follows would be refused. For the same reason the rate of
    requests without a token has no effect here: how many come in a second depends on the machine."""

    def __init__(self, environment: dict[str, str], database: Path) -> None:
        self.app = create_app(
            read_settings(
                {
                    **environment,
                    "DATABASE_PATH": str(database),
                    "UNPROVEN_REQUESTS_PER_SECOND": _MANY_A_SECOND,
                }
            ),
            **parts(),
        )
        cluster_id = environment["CLUSTER_ID"]
        self._callers = [identity.user_id(cluster_id, username) for username in CALLER_NAMES]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "GET":
            for caller in self._callers:
                scope["path"] = scope["path"].replace(caller, "somebody")
        await self.app(scope, receive, send)

    def close(self) -> None:
        shutdown_lifespans()


def breaches(
    served: Served,
    caller: Caller,
    *,
    token: str | None,
    phases: Sequence[Phase],
    examples: int = 1,
    path: str | None = None,
) -> tuple[int, list[str]]:
    """How many requests were answered, and what was wrong with the answers or kept some from being asked."""
    schema: BaseSchema = schemathesis.openapi.from_asgi(
        "/openapi.json", served, config=_config(caller, token, phases, examples, path)
    )
    schema.hook("filter_failure")(_is_a_failure)
    answered = 0
    wrong: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            answered += len(event.recorder.interactions)
            wrong += _failures(event)
        elif isinstance(event, events.NonFatalError):
            wrong.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return answered, wrong


def _config(
    caller: Caller, token: str | None, phases: Sequence[Phase], examples: int, path: str | None
) -> SchemathesisConfig:
    # Not by `schema.include`, which the engine does not heed.
    only = [] if path is None else [{"exclude-path": path, "enabled": False}]
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "checks": {"positive_data_acceptance": {"expected-statuses": _EXPECTED[caller]}},
            "operations": [
                *only,
                {
                    "include-path": "/auth/password",
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [*_EXPECTED[caller], "429"]}
                    },
                },
                {
                    "include-path-regex": "^(/auth/login|/replica/.*)$",
                    "checks": {"positive_data_acceptance": {"expected-statuses": _UNPROVEN}},
                },
            ],
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "phases": {
                phase: {"enabled": phase in phases}
                for phase in ("examples", "coverage", "fuzzing", "stateful")
            },
        }
    )


def _is_a_failure(_context: Any, failure: Failure, _case: Any, response: Response) -> bool:
    if isinstance(failure, UnsupportedMethodResponse) and response.request.method == "GET":
        # `GET /stock/x/count` is another route: the stock of a sku that ends in /count.
        return failure.operation != "POST /stock/{sku}/count"
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    if problem["code"] == "validation":
        return not {error["reason"] for error in problem["errors"]} <= _UNSAID
    return problem["code"] not in _UNKNOWN


def _failures(event: events.ScenarioFinished) -> Iterator[str]:
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                sent = check.failure_info.code_sample
                yield f"{check.name} at {failure.operation}: {failure.message}\n{sent}"
