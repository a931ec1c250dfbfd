"""The OpenAPI document as a whole: what FastAPI makes of the routes, with tags, security and examples.

It is the same at every branch. Programs make clients of it, so each schema has one name and one title.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI

from app.api.openapi import BEARER, CLIENT_TOKEN, REPLICA_TOKEN, example
from app.api.problems import examples
from app.api.problems.handlers import MEDIA_TYPE
from app.api.problems.words import PROBLEMS
from app.api.schemas.base import NULL

TITLE = "ACME/SA branch node"
SUMMARY = "Orders and stock of one branch, replicated to its peers"
DESCRIPTION = """Every branch runs such a node and answers the same requests. What one branch takes, the
others receive.

1. Log in: `POST /auth/login`. The token is good at every branch, for `expires_in` seconds.
2. Send it with each request: `Authorization: Bearer …`. The **Authorize** button of `/docs` does both.
3. Place an order: `POST /orders`, with an `Idempotency-Key` of its own. When no answer comes, repeat it
   with that key.

A refusal is a problem (RFC 9457). Its `code` is for programs, and `GET /problems/{code}` explains it in
English and pt-BR.
Lists come page by page: `next` of one page is `after` of the following request, and null on the last page.
Times are in ISO 8601, money in cents of BRL."""

_TAGS: Mapping[str, str] = {
    "auth": "Logging in, and one's own password.",
    "orders": "Placing orders at this branch and cancelling them; reading those of all branches.",
    "stock": "What there is of each product, and units received, removed and counted.",
    "customers": "Who buys. Everybody who is logged in may create and change customers.",
    "products": "What is sold, and at which price. Administrators create and change products.",
    "users": "Who may log in, and what for. For administrators.",
    "audit": "Who did what at this branch. For administrators.",
    "parked": "Events of other branches that could not be applied here. For administrators.",
    "altered": "Rows that something else than this node changed. For administrators.",
    "members": "The branches of the network, and which of them are gone for good.",
    "status": "How this node is, for people, the lab and health checks.",
    "problems": "What each refusal means.",
    "faults": "Breaking this node's links, disk and clock on purpose. For administrators, and in a lab only.",
    "replica": "What nodes ask of each other: replication, rights to sell, and repair. Clients have no use"
    " for it: each request takes an `X-Replica-Token` that a node signs for that request alone."
    " `docs/protocol.md` describes the messages.",
}
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "At the counter": ("auth", "orders", "stock", "customers", "products"),
    "Administration": ("users", "audit", "parked", "altered", "faults"),
    "The network": ("members", "status", "problems"),
    "Between nodes": ("replica",),
}
"""How Redoc groups the sections."""

# How a client gets its token is one scheme, and what it does with it another: some tools read only one.
_SECURITY_SCHEMES: dict[str, Any] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token that you have already.",
    },
    REPLICA_TOKEN: {
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
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": {"type": ["string", "null"]},
    },
    "additionalProperties": True,
    "examples": [examples.document("out_of_stock")],
}

# Of the kind of thing that the routes of a tag are about.
_THINGS: Mapping[str, tuple[str, str]] = {
    "users": ("user", "bia"),
    "customers": ("customer", "ALFKI"),
    "products": ("product", "CAFE-500"),
    "stock": ("product", "CAFE-500"),
    "orders": ("order", "01a20acc-9a14-7540-9da5-e425fd41dda8"),
    "members": ("member", "filial-oeste"),
    "problems": ("problem", "out_of_tea"),
    "faults": ("peer", "filial-oeste"),
}
_OF_A_THING = ("not_found", "already_exists")
_SUCCESSES: Mapping[str, str] = {
    "200": "Done",
    "201": "Done, and durable at this branch",
}


def describe(app: FastAPI, *, with_faults: bool) -> None:
    """Make `app`'s OpenAPI document whole. It is made when it is first asked for."""
    app.openapi_tags = [
        {"name": name, "description": words}
        for name, words in _TAGS.items()
        if with_faults or name != "faults"
    ]
    generate = app.openapi
    app.openapi = cache(lambda: _whole(generate(), with_faults=with_faults))  # type: ignore[method-assign]  # FastAPI documents exactly this way to extend it


def _whole(document: dict[str, Any], *, with_faults: bool) -> dict[str, Any]:
    components = document["components"]
    _name_schemas_by_title(document)
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    components["examples"] = {name: {"value": value} for name, value in _examples()}
    components["securitySchemes"].update(_SECURITY_SCHEMES)
    for schema in components["schemas"].values():
        _drop_titles_within(schema)
        if "examples" in schema:
            schema["examples"] = [_as_read(example, schema) for example in schema["examples"]]
    for operation in _operations(document):
        _say_how_it_is_secured(operation)
        _say_that_no_parameter_is_null(operation)
        _say_what_success_is(operation)
        _take_fitting_examples(operation)
    document["x-tagGroups"] = [
        {"name": group, "tags": [tag for tag in tags if with_faults or tag != "faults"]}
        for group, tags in _GROUPS.items()
    ]
    return document


def _examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for code in PROBLEMS:
        yield code, examples.document(code)
    yield "validation_query", examples.of_query("colour", "unknown_field")
    for tag, (entity, key) in _THINGS.items():
        for code in _OF_A_THING:
            yield f"{code}_{tag}", examples.of_entity(code, entity, key)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _name_schemas_by_title(document: dict[str, Any]) -> None:
    """Programs name what they make by title, people look for it by name: let them be the same."""
    schemas = document["components"]["schemas"]
    titles = {name: schema["title"] for name, schema in schemas.items()}
    assert len({*titles.values()}) == len(titles), "two schemas have one title"
    document["components"]["schemas"] = {titles[name]: schema for name, schema in sorted(schemas.items())}
    for reference in _references(document):
        kind, _, name = reference["$ref"].rpartition("/")
        if kind == "#/components/schemas":
            reference["$ref"] = f"{kind}/{titles.get(name, name)}"


def _references(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part
        part = [*part.values()]
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _drop_titles_within(schema: dict[str, Any]) -> None:
    """Leave the schema its own title only: pydantic repeats every field's name as one."""
    parts = [*schema.get("properties", {}).values()]
    parts += [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
    parts += [
        schema[word] for word in ("items", "additionalProperties") if isinstance(schema.get(word), dict)
    ]
    for part in parts:
        part.pop("title", None)
        _drop_titles_within(part)


def _as_read(example: Any, schema: Mapping[str, Any]) -> Any:
    """An example with its nulls, and in the order of the schema's fields: pydantic sorts it by name."""
    if not isinstance(example, dict):
        return example
    order = [*schema.get("properties", ())]
    return _with_nulls(
        dict(
            sorted(
                example.items(), key=lambda field: order.index(field[0]) if field[0] in order else len(order)
            )
        )
    )


def _with_nulls(example: Any) -> Any:
    if isinstance(example, dict):
        return {name: _with_nulls(value) for name, value in example.items()}
    if isinstance(example, list):
        return [*map(_with_nulls, example)]
    return None if example == NULL else example


def _say_how_it_is_secured(operation: dict[str, Any]) -> None:
    if operation.get("security") == [{CLIENT_TOKEN: []}]:
        operation["security"].append({BEARER: []})
    elif "replica" in operation["tags"]:
        operation["security"] = [{REPLICA_TOKEN: []}]
        operation["parameters"] = [p for p in operation["parameters"] if p["in"] != "header"]


def _say_that_no_parameter_is_null(operation: dict[str, Any]) -> None:
    """Left out, yes; but a query or a header holds text, and `null` would be just that."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
        schema.update(*kinds)
        schema.pop("title", None)


def _say_what_success_is(operation: dict[str, Any]) -> None:
    for status, words in _SUCCESSES.items():
        response = operation["responses"].get(status)
        if response is not None and response["description"] == "Successful Response":
            response["description"] = words


def _take_fitting_examples(operation: dict[str, Any]) -> None:
    """Of a problem that names a thing or a place, show the kind of thing that this operation is about."""
    tag = operation["tags"][0]
    fitting = {code: f"{code}_{tag}" for code in _OF_A_THING if tag in _THINGS}
    if "requestBody" not in operation:
        fitting["validation"] = "validation_query"
    for response in operation["responses"].values():
        shown = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
        for code in fitting.keys() & shown.keys():
            shown[code] = example(fitting[code])
