"""Every refusal is a problem with a stable code, in the language asked for."""

import sqlite3
from string import Formatter

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.api.problems.handlers import answer_to
from app.api.problems.table import say
from app.api.problems.words import PROBLEMS
from app.database import AlteredRow, OutcomeUnknown, StorageFailed, StorageFull
from app.domain import errors as state
from app.security.errors import Forbidden, ReplicaTokenRefused, Throttled, Unauthenticated
from app.sync.wire import errors as sync
from app.sync.wire.messages import Head
from tests.api.conftest import Shop

pytestmark = pytest.mark.anyio

SHORT = state.Shortage(product_id="p", sku="CAFE", wanted=3, available_here=1, available_company=2)
ERRORS: list[tuple[Exception, int, str]] = [
    (state.OutOfStock([SHORT]), 409, "out_of_stock"),
    (state.OutOfRights([SHORT], needs={}, rights={}, lamport=1, behind_older=False), 409, "out_of_stock"),
    (state.UnknownReference("product", ["TEA"]), 422, "unknown_sku"),
    (state.UnknownReference("customer", ["BIA"]), 422, "unknown_customer"),
    (state.NotFound("order", "7"), 404, "not_found"),
    (state.AlreadyExists("user", "ana"), 409, "already_exists"),
    (state.OtherBranch("norte"), 409, "other_branch"),
    (state.EffectParked("7"), 409, "effect_parked"),
    (state.KeyReused("k"), 422, "key_reused"),
    (state.LastAdmin("u"), 409, "last_admin"),
    (state.Invalid("name", "blank"), 422, "validation"),
    (state.NotReady("founding"), 503, "not_ready"),
    (state.Overloaded(1.2), 503, "overloaded"),
    (state.CallerGone(), 503, "overloaded"),
    (state.PolicyMismatch("norte", "optimistic"), 503, "policy_mismatch"),
    (state.Fenced("rolled_back"), 503, "fenced"),
    (state.DeadEpoch("norte", "e1"), 409, "dead_epoch"),
    (state.UnconfirmedDeath("norte", "e1"), 409, "unconfirmed_death"),
    (state.NotTheCounter("norte"), 409, "not_the_counter"),
    (state.CountBlocked("filial-sul", "refused"), 409, "count_blocked"),
    (Unauthenticated("missing_token"), 401, "unauthenticated"),
    (ReplicaTokenRefused("expired_token", 7.5), 401, "replica_token_refused"),
    (Forbidden("admin"), 403, "forbidden"),
    (Throttled(3.2), 429, "throttled"),
    (sync.WrongEpoch("e2"), 409, "wrong_epoch"),
    (sync.StaleIncarnation("filial-sul"), 409, "stale_incarnation"),
    (sync.Gap(Head(seq=3, event_id="x")), 409, "gap"),
    (sync.Fork("norte", 3), 409, "fork"),
    (sync.Incompatible("other_cluster"), 409, "incompatible"),
    (sync.NotTheSender("norte"), 403, "not_the_sender"),
    (StorageFull("full"), 507, "disk_full"),
    (sync.KeptFull("norte", 1000), 507, "kept_full"),
    (StorageFailed("secret path"), 503, "storage_failed"),
    (AlteredRow("customers", "a key"), 503, "altered_row"),
    (OutcomeUnknown("secret path"), 503, "outcome_unknown"),
    (sqlite3.OperationalError("secret path"), 503, "storage_failed"),
    (state.OwnBranch("matriz"), 409, "own_branch"),
    (state.BranchClosed(), 503, "branch_closed"),
    (state.Decommissioned("sul"), 409, "decommissioned"),
    (RuntimeError("secret path"), 500, "internal_error"),
]


def answer(error: Exception, language: str = "en") -> tuple[Response, httpx.Response]:
    headers = [(b"accept-language", language.encode())]
    given = answer_to(Request({"type": "http", "headers": headers, "state": {}}), error)
    return given, httpx.Response(given.status_code, content=bytes(given.body))


@pytest.mark.parametrize(("error", "status", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status_code_and_words_in_both_languages(
    error: Exception, status: int, code: str
) -> None:
    details = []
    for language in ("en", "pt-BR"):
        response, read = answer(error, language)
        body = read.json()
        assert (response.status_code, body["status"], body["code"]) == (status, status, code)
        assert (response.media_type, response.headers["content-language"]) == (
            "application/problem+json",
            language,
        )
        assert body["type"] == f"/problems/{code}"
        assert "secret" not in read.text
        details.append((body["title"], body["detail"]))
    assert details[0] != details[1]


def test_every_class_of_refusal_is_in_the_table() -> None:
    """A new error that nobody gave words to would be an internal error to clients."""
    spoken = {type(error) for error, _, _ in ERRORS}
    internal = {sync.Unreachable, sync.Trimmed}  # what a sender tells itself; no client hears of it
    for base in (state.StateError, sync.ReplicaError):
        assert set(base.__subclasses__()) - spoken - internal == set()


def test_no_words_name_data_that_the_error_does_not_have() -> None:
    for error, _, code in ERRORS:
        said = say(error)
        if said is not None:
            for words in (PROBLEMS[code].detail.en, PROBLEMS[code].detail.pt):
                named = {name for _, name, _, _ in Formatter().parse(words) if name}
                assert named <= set(said.data)


def test_an_error_with_a_pause_says_it_in_whole_seconds() -> None:
    assert answer(Throttled(3.2))[0].headers["Retry-After"] == "4"
    assert answer(Throttled(0.001))[0].headers["Retry-After"] == "1"
    assert answer(StorageFull("full"))[0].headers["Retry-After"] == "5"
    assert "Retry-After" not in answer(state.NotFound("order", "7"))[0].headers


def test_a_replica_learns_the_clock_it_must_stamp_in() -> None:
    assert answer(ReplicaTokenRefused("expired_token", 7.5))[1].json()["now"] == 7.5


def test_half_a_character_that_came_with_the_request_does_not_break_the_answer() -> None:
    assert answer(state.NotFound("product", "caf\ud800"))[1].json()["key"] == "caf\ud800"


async def test_a_refusal_speaks_the_language_asked_for(shop: Shop) -> None:
    brazilian = shop.client(**{"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8"})
    said = await brazilian.post("/auth/login", data={"username": "admin", "password": "wrong"})
    assert (said.json()["title"], said.headers["Content-Language"]) == ("Não autenticado", "pt-BR")
    wrong = (await brazilian.get("/auth/login")).json()
    assert wrong["title"] == "Método não permitido"


async def test_validation_speaks_the_language_asked_for(admin: httpx.AsyncClient) -> None:
    headers = {"Accept-Language": "pt"}
    body = {"sku": "", "name": "x" * 201, "price_cents": -1, "colour": 1}
    found = (await admin.post("/products", json=body, headers=headers)).json()["errors"]
    assert [error["message"] for error in found] == [
        "não pode ficar em branco",
        "deve ter no máximo 200 caracteres",
        "deve ser no mínimo 0",
        "não é conhecido aqui",
    ]


async def test_the_type_of_every_problem_leads_to_its_explanation(shop: Shop) -> None:
    for code, problem in PROBLEMS.items():
        said = (await shop.client().get(f"/problems/{code}")).json()
        assert (said["code"], said["status"], said["title"]["pt-BR"]) == (
            code,
            problem.status,
            problem.title.pt,
        )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/problems/nonsense", 404, "not_found"),
        ("DELETE", "/auth/login", 405, "method_not_allowed"),
        ("PUT", "/orders", 405, "method_not_allowed"),
    ],
)
async def test_the_routers_own_refusals_are_problems_too(
    shop: Shop, method: str, path: str, status: int, code: str
) -> None:
    answer = await shop.client().request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/orders", "GET, POST"),
        ("/products/a/b", "GET, PATCH"),
        ("/healthz", "GET"),
        ("/stock/adjustments", "POST"),
    ],
)
async def test_a_method_that_is_not_taken_is_answered_with_all_that_are(
    shop: Shop, path: str, methods: str
) -> None:
    for method in ("PUT", "OPTIONS"):
        assert (await shop.client().request(method, path)).headers["Allow"] == methods


async def test_an_unexpected_error_is_a_500_that_says_nothing_but_the_request(
    shop: Shop, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr(shop.node, "status", fail)
    answer = await admin.get("/status", headers={"X-Request-Id": "visit-7"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == "visit-7"
    assert "secret" not in answer.text
