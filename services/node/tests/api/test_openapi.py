"""The OpenAPI document, and that the application it describes runs on the event loop only."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio

OPEN = {"/auth/login", "/healthz", "/readyz", "/problems/{code}"}


def operations(shop: Shop) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in shop.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


async def test_every_operation_has_an_id_of_its_own_and_a_tag(shop: Shop) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(shop)]
    assert len(set(ids)) == len(ids)
    assert all(operation["tags"] for _, _, operation in operations(shop))


async def test_every_operation_for_clients_names_the_token_and_the_problems(shop: Shop) -> None:
    for _, path, operation in operations(shop):
        if path not in OPEN and not path.startswith(("/replica/", "/status")):
            assert operation["security"] == [{"clientToken": []}, {"bearer": []}], path
            problems = [r for status, r in operation["responses"].items() if int(status) >= 400]
            assert {"401", "422", "503"} <= set(operation["responses"]), path
            assert all("application/problem+json" in problem["content"] for problem in problems), path


async def test_every_operation_for_peers_names_their_token_and_no_other(shop: Shop) -> None:
    replica = [operation for _, path, operation in operations(shop) if path.startswith("/replica/")]
    schemes = shop.app.openapi()["components"]["securitySchemes"]

    assert [operation["security"] for operation in replica] == [[{"replicaToken": []}]] * 8
    assert (schemes["replicaToken"]["in"], schemes["replicaToken"]["name"]) == ("header", "X-Replica-Token")
    assert not any(operation["parameters"] for operation in replica)


async def test_no_parameter_of_the_document_is_null(shop: Shop) -> None:
    """A query holds text: `?after=null` is no way to leave it out."""
    found = [p for _, _, operation in operations(shop) for p in operation.get("parameters", [])]

    assert len(found) > 20
    assert [p["name"] for p in found if "anyOf" in p["schema"] or p["schema"].get("type") == "null"] == []


async def test_every_body_has_an_example(shop: Shop) -> None:
    schemas = shop.app.openapi()["components"]["schemas"]
    for _, path, operation in operations(shop):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content and not path.startswith("/replica/"):
            schema = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            assert schema["examples"], path


async def test_no_handler_and_no_dependency_runs_in_a_thread(shop: Shop) -> None:
    """FastAPI would run a plain function in a thread nobody injected: no simulated history could replay."""

    def calls(dependant: Dependant) -> Iterator[Any]:
        yield dependant.call
        for needed in dependant.dependencies:
            yield from calls(needed)

    found = [
        call
        for context in iter_route_contexts(shop.app.routes)
        if isinstance(context.original_route, APIRoute)
        for call in calls(context.dependant)
    ]
    assert len(found) > 50
    for call in found:
        run = call if inspect.isroutine(call) else type(call).__call__
        assert inspect.iscoroutinefunction(run), call
