"""The shapes that the lab takes from nodes and gives to them, held to the nodes' OpenAPI document.

Which route a method of the client asks is read from its source, and what it expects from its annotation, so
that a method that is added is held to the document without a line here.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from app.api import application
from app.config import ConfigurationError, Settings, read_settings
from branchlab import settings
from branchlab.networks.node_settings import RIGHTS
from branchlab.nodes import client, contract

WITHOUT_SCHEMA: set[tuple[str, str]] = set()
"""The routes that the lab asks and whose answer the document does not describe."""

Route = tuple[str, str]
Schema = Mapping[str, Any]


@pytest.fixture(scope="module")
def document() -> Schema:
    found: Schema = application(with_faults=True).openapi()
    return found


@dataclass(frozen=True)
class Asked:
    """A route that a method asks, and what the method makes of the answer; of `pages` the items."""

    name: str
    route: Route
    expects: Any
    pages: bool


def _asked() -> Iterator[Asked]:
    """All that the client asks at paths it names itself."""
    tree = ast.parse(inspect.getsource(client.NodeClient)).body[0]
    assert isinstance(tree, ast.ClassDef)
    for method in tree.body:
        if not isinstance(method, ast.AsyncFunctionDef) or method.name.startswith("_"):
            continue
        expects = get_type_hints(getattr(client.NodeClient, method.name))["return"]
        for call in ast.walk(method):
            route = _route(call)
            if route is not None:
                yield Asked(method.name, route, expects, pages=get_origin(expects) is list)


def _route(call: ast.AST) -> Route | None:
    """`self._call("GET", "/x")`, `self._send(…)` or `self._items("/x")` as a route."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    words = [_text(argument) for argument in call.args]
    if call.func.attr == "_items":
        words.insert(0, "GET")
    elif call.func.attr not in ("_call", "_send"):
        return None
    method, path = words[:2]
    return (method, path) if method and path else None


def _text(argument: ast.expr) -> str | None:
    """A constant, or an f-string with `{}` for what is filled in; None for what only a run can tell."""
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr):
        parts = [_text(part) if isinstance(part, ast.Constant) else "{}" for part in argument.values]
        return "".join(part or "" for part in parts)
    return None


ASKED = [
    *_asked(),
    Asked("faults", ("GET", "/faults"), contract.Faults, pages=False),
    Asked("forge", ("POST", "/faults/links/{}/forge"), contract.Forged, pages=False),
    Asked("probe of a link", ("POST", "/faults/links/{}/probe"), contract.LinkProbe, pages=False),
    Asked("probe of a disk", ("POST", "/faults/disk/probe"), contract.DiskProbe, pages=False),
]
DESCRIBED = [one for one in ASKED if one.route not in WITHOUT_SCHEMA]


def _operation(document: Schema, route: Route) -> Schema:
    method, path = route
    for template, operations in document["paths"].items():
        if _plain(template) == path and method.lower() in operations:
            found: Schema = operations[method.lower()]
            return found
    raise AssertionError(f"the nodes have no {method} {path}")


def _plain(template: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in template.split("/"))


def _answer(document: Schema, route: Route) -> Schema | None:
    """The schema of a success; None where there is no body."""
    responses = _operation(document, route)["responses"]
    success = next(one for status, one in sorted(responses.items()) if status.startswith("2"))
    found: Schema | None = success.get("content", {}).get("application/json", {}).get("schema")
    return found


def _taken(document: Schema, route: Route) -> Schema:
    found: Schema = _operation(document, route)["requestBody"]["content"]["application/json"]["schema"]
    return Comparison(document).resolved(found)


_VALUES: Mapping[Any, set[str]] = {
    str: {"string"},
    int: {"integer"},
    float: {"number", "integer"},
    bool: {"boolean"},
    NoneType: {"null"},
}


@dataclass(frozen=True)
class Comparison:
    """Compares schemas of a document with types of the lab: of what nodes answer, or of what is `sent`."""

    document: Schema
    sent: bool = False

    def misfits(self, schema: Schema, expected: Any, where: str = "") -> Iterator[str]:
        """One line for each place where what `schema` describes is not what `expected` says."""
        schema = self.resolved(schema)
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            for alternative in alternatives:
                yield from self.misfits(alternative, expected, where)
        elif get_origin(expected) in (Union, UnionType):
            if all([*self.misfits(schema, one, where)] for one in get_args(expected)):
                yield f"{where} is none of {expected}: {schema}"
        elif is_typeddict(expected):
            yield from self._of_fields(schema, expected, where)
        elif get_origin(expected) in (list, dict):
            yield from self._of_items(schema, expected, where)
        elif expected is not Any and not self._is_value(schema, expected):
            yield f"{where} is not {expected}: {schema}"

    def resolved(self, schema: Schema) -> Schema:
        """The schema itself, where it is one that the document gives a name."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _of_fields(self, schema: Schema, expected: Any, where: str) -> Iterator[str]:
        """A field that is read is there, and always, unless it is marked as one that older nodes lack. Every
        field that a node asks for is sent. Nodes may show more than the lab reads."""
        shown, always = schema.get("properties", {}), set(schema.get("required", ()))
        hints = get_type_hints(expected, include_extras=True)
        yield from (f"{where}.{name} is not there" for name in hints.keys() - shown.keys())
        if self.sent:
            yield from (f"{where}.{name} is not sent" for name in always - expected.__required_keys__)
        else:
            missing = (expected.__required_keys__ & shown.keys()) - always
            yield from (f"{where}.{name} may be missing" for name in missing)
        for name in hints.keys() & shown.keys():
            hint = get_args(hints[name])[0] if get_origin(hints[name]) is NotRequired else hints[name]
            yield from self.misfits(shown[name], hint, f"{where}.{name}")

    def _of_items(self, schema: Schema, expected: Any, where: str) -> Iterator[str]:
        """Every item of a list, or every value of a dictionary, whose fields may have names."""
        if get_origin(expected) is list:
            found = [schema["items"]] if schema.get("type") == "array" else []
        else:
            found = [*schema.get("properties", {}).values()]
            found += [schema["additionalProperties"]] if schema.get("additionalProperties") else []
        if not found:
            yield f"{where} is not {expected}: {schema}"
        for one in found:
            yield from self.misfits({} if one is True else one, get_args(expected)[-1], f"{where}[]")

    def _is_value(self, schema: Schema, expected: Any) -> bool:
        if get_origin(expected) is not Literal:
            return schema.get("type") in _VALUES[expected]
        theirs, ours = {*schema.get("enum", [schema.get("const")])}, {*get_args(expected)}
        return ours <= theirs if self.sent else theirs <= ours


def test_every_method_of_the_client_that_asks_a_node_was_found() -> None:
    assert len(DESCRIBED) > 25
    assert {one.name for one in ASKED} >= {"login", "orders", "stock_of", "parked", "members", "status"}


def test_only_these_routes_have_no_schema(document: Schema) -> None:
    assert {one.route for one in ASKED if _is_anything(document, one.route)} == WITHOUT_SCHEMA


def _is_anything(document: Schema, route: Route) -> bool:
    """Whether the document says of an answer no more than that there is one."""
    schema = _answer(document, route)
    return schema is not None and not {"$ref", "properties", "anyOf", "items"} & schema.keys()


@pytest.mark.parametrize("asked", DESCRIBED, ids=lambda asked: asked.name)
def test_what_the_lab_reads_is_what_nodes_answer(document: Schema, asked: Asked) -> None:
    schema = _answer(document, asked.route)
    if asked.expects is NoneType:
        return
    assert schema is not None
    if asked.pages:
        schema = Comparison(document).resolved(schema)["properties"]["items"]
    assert sorted(Comparison(document).misfits(schema, asked.expects)) == []


@pytest.mark.parametrize(
    ("route", "field", "given"),
    [
        (("POST", "/customers"), None, contract.NewCustomer),
        (("POST", "/orders"), "lines", list[contract.WantedLine]),
        (("POST", "/stock/adjustments"), "share", contract.Share),
        (("POST", "/users"), "role", contract.Role),
    ],
    ids=str,
)
def test_what_the_lab_sends_is_what_nodes_take(
    document: Schema, route: Route, field: str | None, given: Any
) -> None:
    schema = _taken(document, route)
    wanted = schema if field is None else schema["properties"][field]
    assert sorted(Comparison(document, sent=True).misfits(wanted, given)) == []


def test_a_misfit_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "quantity": {"type": "number"}, "note": {"type": "string"}},
        "required": ["sku", "note"],
    }
    wrong = ".quantity is not <class 'int'>: {'type': 'number'}"
    answered, sent = Comparison({}), Comparison({}, sent=True)
    assert sorted(answered.misfits(schema, contract.WantedLine)) == [wrong, ".quantity may be missing"]
    assert sorted(sent.misfits(schema, contract.WantedLine)) == [".note is not sent", wrong]
    assert [*answered.misfits(schema, contract.Product)] != []


FITTING = {
    "CLUSTER_ID": "5f1a7c52-7a0e-4f4e-9f0f-0f3f1f5f7f9f",
    "JWT_SECRET": "j" * 32,
    "REPLICA_SECRET": "r" * 32,
    "ADMIN_USERNAME": "admin",
    "ADMIN_PASSWORD": "p" * 12,
}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"CLUSTER_ID": "mine"},
        {"CLUSTER_ID": "5f1a7c527a0e4f4e9f0f0f3f1f5f7f9f"},
        {"JWT_SECRET": "j" * 31},
        {"JWT_SECRET": "é" * 16},
        {"REPLICA_SECRET": "r" * 31},
        {"REPLICA_SECRET": "j" * 32},
        {"ADMIN_PASSWORD": "p" * 11},
        {"ADMIN_PASSWORD": "p" * 72},
        {"ADMIN_PASSWORD": "p" * 73},
        {"ADMIN_PASSWORD": "é" * 37},
    ],
    ids=str,
)
def test_the_lab_refuses_the_secrets_that_a_node_refuses_and_no_others(changed: Mapping[str, str]) -> None:
    given = {**FITTING, **changed}
    fault = settings.fault(given)
    environment = {**given, "NODE_NAME": "matriz", "PEERS": "", "DATABASE_PATH": "node.db"}
    if fault is None:
        read_settings(environment)
        return
    with pytest.raises(ConfigurationError, match=f"^{fault.split()[0]} "):
        read_settings(environment)


def test_moving_rights_are_what_a_node_has_by_itself() -> None:
    moving = {name: float(value) for name, value in RIGHTS["moving"].items()}
    assert moving == {name: Settings.model_fields[name.lower()].default for name in moving}
