"""The OpenAPI document, as the tools of people read it: a valid one, with real values, in plain words."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api import application
from app.api.problems import examples
from app.api.problems.words import PROBLEMS
from app.domain import errors as state
from app.sync.wire import errors as sync

Document = Mapping[str, Any]

_VERBS = {
    "Accept", "Ask", "Break", "Cancel", "Change", "Check", "Compare", "Count", "Create", "Decommission",
    "Deliver", "End", "Explain", "Fetch", "Give", "Let", "List", "Log", "Mend", "Place", "Probe", "Receive",
    "Say", "Show", "Take", "Try",
}  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["in a shop", "in a lab"])
def document(request: pytest.FixtureRequest) -> Document:
    return application(with_faults=request.param).openapi()


def operations(document: Document) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document, but not those that are examples."""
    if isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in ("examples", "example"):
                yield from parts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from parts(inner)


def misfits(document: Document, schema: Mapping[str, Any], value: Any) -> list[str]:
    """What of a value does not fit a schema of the document."""
    validator = OAS31Validator({"components": document["components"], **schema})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def test_it_is_a_valid_document_of_openapi_3_1(document: Document) -> None:
    wrong = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert (document["openapi"][:3], wrong) == ("3.1", [])


def test_what_is_no_valid_name_is_found() -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    assert [*OpenAPIV31SpecValidator(document).iter_errors()] == []
    spoilt = {**document, "components": {"securitySchemes": {"client token": {"type": "http"}}}}
    assert [*OpenAPIV31SpecValidator(spoilt).iter_errors()] != []


def test_it_names_no_branch_and_is_the_same_however_often_it_is_asked_for() -> None:
    app = application(with_faults=False)
    first = deepcopy(app.openapi())
    assert app.openapi() == first
    assert first["info"]["title"] == "ACME/SA branch node"


def test_every_schema_has_one_title_which_is_its_name_and_no_other(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert {name: schema["title"] for name, schema in schemas.items()} == {name: name for name in schemas}
    assert [name for name in schemas if not re.fullmatch("[A-Z][A-Za-z]+", name)] == []
    inner = [part for schema in schemas.values() for part in parts(schema) if part is not schema]
    assert [part for part in inner if isinstance(part.get("title"), str)] == []


def test_every_reference_leads_somewhere(document: Document) -> None:
    found = {part["$ref"] for part in parts(document["paths"]) if isinstance(part.get("$ref"), str)}
    found |= {part["$ref"] for part in parts(document["components"]) if isinstance(part.get("$ref"), str)}
    found |= {
        shown["$ref"]
        for part in parts(document["paths"])
        for shown in (part["examples"].values() if isinstance(part.get("examples"), dict) else ())
    }
    assert len(found) > 100
    for reference in found:
        _, components, kind, name = reference.split("/")
        assert name in document[components][kind], reference


def test_every_summary_is_a_sentence_of_its_own_that_begins_with_what_is_done(document: Document) -> None:
    summaries = [operation["summary"] for operation in operations(document)]
    assert len({*summaries}) == len(summaries)
    for summary in summaries:
        verb, _, rest = summary.partition(" ")
        assert verb in _VERBS, summary
        assert rest, f"{summary} names nothing"
        assert summary[-1].isalnum(), summary
        assert not re.search("[A-Z]", rest), f"{summary} is no sentence"


def test_every_operation_for_people_says_more_than_its_summary(document: Document) -> None:
    for operation in operations(document):
        if operation["tags"] != ["replica"]:
            assert len(operation["description"]) > 20, operation["operationId"]
            assert operation["description"].rstrip(".") != operation["summary"]


def test_every_section_is_described_and_in_one_group(document: Document) -> None:
    used = {tag for operation in operations(document) for tag in operation["tags"]}
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    grouped = [tag for group in document["x-tagGroups"] for tag in group["tags"]]
    assert described.keys() == used
    assert sorted(grouped) == sorted(used)
    assert min(map(len, described.values())) > 20


def test_what_nodes_ask_each_other_has_a_section_of_its_own_after_all_others(document: Document) -> None:
    of_peers = {
        path
        for path, methods in document["paths"].items()
        for one in methods.values()
        if one["tags"] == ["replica"]
    }
    assert of_peers == {path for path in document["paths"] if path.startswith("/replica/")}
    assert document["tags"][-1]["name"] == "replica"
    assert document["x-tagGroups"][-1] == {"name": "Between nodes", "tags": ["replica"]}


def test_every_refusal_is_shown_with_real_words_and_its_data(document: Document) -> None:
    shown = {name: one["value"] for name, one in document["components"]["examples"].items()}
    assert PROBLEMS.keys() <= shown.keys()
    for name, value in shown.items():
        problem = PROBLEMS[value["code"]]
        assert not re.search("[{}]", value["detail"]), name
        assert misfits(document, {"$ref": "#/components/schemas/Problem"}, value) == []
        assert (value["title"], value["status"]) == (problem.title.en, problem.status)
    assert shown["out_of_stock"]["detail"].startswith("12 of CAFE-500 were asked for; 5 are available")
    assert shown["out_of_stock"]["shortages"][0]["available_company"] == 9
    assert shown["validation"]["errors"][0]["field"] == "lines[0].quantity"


def test_a_refusal_is_shown_of_the_thing_that_the_operation_is_about(document: Document) -> None:
    def shown(path: str, method: str, status: str, code: str) -> Any:
        response = document["paths"][path][method]["responses"][status]
        reference = response["content"]["application/problem+json"]["examples"][code]["$ref"]
        return document["components"]["examples"][reference.rpartition("/")[2]]["value"]

    assert shown("/customers/{id_or_code}", "get", "404", "not_found")["entity"] == "customer"
    assert shown("/users", "post", "409", "already_exists")["entity"] == "user"
    assert shown("/orders", "get", "422", "validation")["errors"][0]["in"] == "query"
    assert shown("/orders", "post", "422", "validation")["errors"][0]["in"] == "body"


def test_every_class_of_refusal_has_an_example() -> None:
    spoken = {type(error) for error in examples.ERRORS}
    unspoken = {
        state.Invalid,  # is `validation`
        state.OutOfRights,  # ends as `out_of_stock`
        state.CallerGone,  # nobody reads it
        sync.Unreachable,
        sync.Trimmed,
    }
    for base in (state.StateError, sync.ReplicaError):
        assert {*base.__subclasses__()} - spoken - unspoken == set()


def test_every_answer_for_people_is_shown_with_values_that_fit(document: Document) -> None:
    answers = [
        response["content"]["application/json"]["schema"]
        for operation in operations(document)
        if operation["tags"] != ["replica"]
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]
    assert len(answers) > 30
    for answer in answers:
        assert misfits(document, answer, sampled(document, answer)) == [], answer


def test_every_example_of_a_schema_fits_it(document: Document) -> None:
    schemas = document["components"]["schemas"]
    shown = [(name, value) for name, schema in schemas.items() for value in schema.get("examples", ())]
    assert len(shown) > 30
    for name, value in shown:
        assert misfits(document, {"$ref": f"#/components/schemas/{name}"}, value) == [], name


def test_an_example_has_the_order_of_the_fields_and_its_nulls(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert [*schemas["Order"]["examples"][0]] == [*schemas["Order"]["properties"]]
    assert schemas["CustomerChange"]["examples"] == [{"phone": None, "city": "Curitiba"}]


def sampled(document: Document, schema: Mapping[str, Any]) -> Any:
    """An answer as pages show it: the example of a schema, or one made of those of its parts."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "array":
        return [sampled(document, schema["items"])]
    if "anyOf" in schema:
        return sampled(document, schema["anyOf"][0])
    assert "properties" in schema, f"there is no example of {schema}"
    return {name: sampled(document, inner) for name, inner in schema["properties"].items()}
