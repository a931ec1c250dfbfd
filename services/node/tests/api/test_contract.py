"""A node against its own OpenAPI document, asked by schemathesis as administrator, operador and nobody."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Shop

Case = schemathesis.Case[Any]
EXAMPLES = 4  # of right and of wrong requests, for each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# Not among them: that all the document allows is accepted. It cannot say that a text must be printable, that
# a password fits into 72 bytes, that a cursor is one of this node's, or a product known: those are 422.


@pytest.fixture(scope="module")
def cases(routes: FastAPI) -> list[Case]:
    """What to ask, made before anything is asked: generating needs no node and asking no generator."""
    schema = schemathesis.openapi.from_dict(routes.openapi())
    return [
        case
        for result in schema.get_all_operations()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for case in _cases_of(result, mode)
    ]


def _cases_of(result: Any, mode: GenerationMode) -> list[Case]:
    found: list[Case] = []

    @given(result.ok().as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, suppress_health_check=[*HealthCheck])
    def collect(case: Case) -> None:
        found.append(case)

    with suppress(Unsatisfiable):  # an operation that takes nothing cannot be asked wrongly
        collect()
    return found


@pytest.mark.anyio
@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("role", ["admin", "operador", "nobody"])
async def test_every_answer_is_one_that_the_document_names(
    shop: Shop,
    admin: httpx.AsyncClient,
    operador: httpx.AsyncClient,
    cases: list[Case],
    role: str,
) -> None:
    client = {"admin": admin, "operador": operador, "nobody": shop.client()}[role]
    wrong = [words for case in cases if (words := await fault(client, case)) is not None]

    assert len(cases) > 150
    assert wrong == []


async def fault(client: httpx.AsyncClient, case: Case) -> str | None:
    """What is wrong with the answer to a request, if anything is."""
    sent = case.as_transport_kwargs(base_url="http://matriz")
    sent.pop("cookies", None)  # a client's, not a request's, in httpx
    if isinstance(sent.get("data"), str | bytes):
        sent["content"] = sent.pop("data")
    if "Authorization" in client.headers:  # a token of its own would only make it nobody
        sent["headers"].pop("Authorization", None)
    try:
        answer = await client.request(**sent)
    except (UnicodeError, httpx.InvalidURL, httpx.LocalProtocolError):
        return None  # no client could send this
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as failures:
        return f"{case.method} {case.path}: {failures}"
    return None
