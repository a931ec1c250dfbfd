"""A node against its own OpenAPI document, asked by schemathesis as administrator, operador and nobody."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks

from app.api.dependencies import CurrentNode, current_user
from app.domain.user import User
from app.state.tables import users
from tests.api.conftest import ADMIN_PASSWORD, ENVIRONMENT, OPERADOR_PASSWORD
from tests.support.contract import Caller, Served, breaches

pytestmark = pytest.mark.whole

MANY_EXAMPLES = 100  # of each operation, and histories of requests that build on each other
CALLERS: tuple[Caller, ...] = ("admin", "operador", "nobody")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_file: Path) -> Iterator[Served]:
    database = tmp_path_factory.mktemp("contract") / "node.db"
    shutil.copy(empty_file, database)
    # What is asked stays in this process: there is no proxy to be looked for before each question.
    no_proxy = mock.patch("requests.sessions.get_environ_proxies", return_value={})
    with no_proxy, closing(Served(ENVIRONMENT, database)) as served:
        yield served


@pytest.fixture(scope="module")
def tokens(served: Served) -> dict[Caller, str | None]:
    """Of the callers, at a node that has a customer, a product and ten of it."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", served)

    def send(path: str, body: Any, token: str | None = None, *, form: bool = False) -> dict[str, str]:
        media_type = "application/x-www-form-urlencoded" if form else "application/json"
        case = schema[path]["POST"].Case(body=body, media_type=media_type)
        answer = case.call(headers={"Authorization": f"Bearer {token}"} if token else None)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def log_in(username: str, password: str) -> str:
        return send("/auth/login", {"username": username, "password": password}, form=True)["access_token"]

    while schema["/readyz"]["GET"].Case().call().status_code != 200:
        pass  # each question lets the node found its network of one
    admin = log_in("admin", ADMIN_PASSWORD)
    send("/users", {"username": "ana", "password": OPERADOR_PASSWORD, "role": "operador"}, admin)
    send("/customers", {"code": "ALFKI", "name": "Alfreds Futterkiste"}, admin)
    send("/products", {"sku": "CAFE", "name": "Café 500 g", "price_cents": 1890}, admin)
    send("/stock/adjustments", {"sku": "CAFE", "quantity": 10, "reason": "Delivery"}, admin)
    return {"admin": admin, "operador": log_in("ana", OPERADOR_PASSWORD), "nobody": None}


@pytest.mark.parametrize("caller", CALLERS)
def test_every_limit_of_the_document_is_kept(
    served: Served, tokens: dict[Caller, str | None], caller: Caller
) -> None:
    answered, wrong = breaches(served, caller, token=tokens[caller], phases=["coverage"])

    assert answered > 400
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("caller", CALLERS)
def test_every_answer_is_one_that_the_document_names(
    served: Served, tokens: dict[Caller, str | None], caller: Caller
) -> None:
    answered, wrong = breaches(
        served,
        caller,
        token=tokens[caller],
        phases=["coverage", "fuzzing", "stateful"],
        examples=MANY_EXAMPLES,
    )

    assert answered > 2000
    assert not wrong, "\n".join(wrong)


def test_a_node_that_takes_anybody_for_an_administrator_is_caught(
    served: Served, tokens: dict[Caller, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def anybody(node: CurrentNode) -> User | None:
        return await node.database.read(lambda connection: users.find_by_username(connection, "admin"))

    monkeypatch.setitem(served.app.dependency_overrides, current_user, anybody)

    answered, wrong = breaches(served, "admin", token=tokens["admin"], phases=["coverage"], path="/auth/me")

    assert 0 < answered < 50, "one path, not all"
    assert any(words.startswith("ignored_auth") for words in wrong)


def test_schemathesis_has_no_check_that_nobody_looked_at() -> None:
    """A new version may bring more. Two can find nothing here: no client deletes anything (`use_after_free`),
    and what one may read, all may (`object_level_authorization` knows of one identity)."""
    load_all_checks()

    assert set(CHECKS.get_all_names()) == {
        "allow_header_conformance",
        "content_type_conformance",
        "ensure_resource_availability",
        "ignored_auth",
        "missing_required_header",
        "negative_data_rejection",
        "not_a_server_error",
        "object_level_authorization",
        "positive_data_acceptance",
        "response_headers_conformance",
        "response_schema_conformance",
        "status_code_conformance",
        "unsupported_method",
        "use_after_free",
    }
