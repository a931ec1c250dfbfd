"""The ladder: a step that is not passed is the last one tried, and all words are there in both languages."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from branchlab.cli import app
from branchlab.errors import LabError
from branchlab.language import LANGUAGES, Language, _, speaking
from branchlab.settings import ROOT
from branchlab.teaching.ladder import climbing, conformance
from branchlab.teaching.ladder.climbing import Step, climb
from branchlab.teaching.ladder.exercises import EXERCISES
from branchlab.teaching.ladder.visit import Broken, number, same
from branchlab.teaching.scenarios import registry

Answer = Callable[[httpx.Request], httpx.Response]


def check(answer: Answer, *urls: str) -> list[conformance.Checked]:
    """What the checks find at nodes that answer so."""
    return asyncio.run(
        conformance.conform(urls, username="admin", password="right", transport=httpx.MockTransport(answer))
    )


def nothing(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def only_answers(request: httpx.Request) -> httpx.Response:
    """A node that lets the admin in, and has nothing more."""
    if request.url.path in ("/healthz", "/readyz"):
        return httpx.Response(200)
    if request.url.path == "/auth/login" and b"password=right" in request.content:
        return httpx.Response(200, json={"access_token": "t"})
    if request.headers.get("Authorization") != "Bearer t":
        return httpx.Response(401, json={"code": "unauthenticated"})
    if request.url.path == "/status":
        said = {"node": "matriz", "ready": True, "digest": "d", "pending": {}}
        return httpx.Response(200, json={**said, "counts": {"orders": 0}, "stock": {"available": 0}})
    return httpx.Response(404, json={"code": "not_found"})


def test_a_node_that_answers_keeps_the_first_rung_and_says_of_each_other_route_what_is_wrong() -> None:
    found = check(only_answers, "http://one", "http://other")

    assert [one.kept for one in found if one.check.rung == 1] == [True] * 10
    assert not any(one.kept for one in found if one.check.rung > 1)
    line = conformance.lines(found)[6]
    assert line.split(maxsplit=1)[0] == "NO"
    assert line.endswith("POST /products: 404, not 201 (not_found)")


def test_what_is_wrong_is_said_in_the_language_spoken() -> None:
    with speaking("pt-BR"):
        gone = conformance.lines(check(nothing, "http://one"))
        line = conformance.lines(check(only_answers, "http://one"))[6]

    assert line.endswith("POST /products: 404, e não 201 (not_found)")
    assert "produtos, cada sku uma vez" in line
    assert gone[1].endswith("GET /healthz: recusa conexões")
    assert gone[5].endswith("não perguntado, pois outro falhou antes")


def test_a_code_or_a_value_that_is_another_one_is_named_in_the_language_spoken() -> None:
    with speaking("pt-BR"), pytest.raises(Broken, match=r"o produto: \{'a': 1\}, e não \{'a': 2\}"):
        same(_("the product"), {"a": 1}, {"a": 2})
    with speaking("pt-BR"), pytest.raises(Broken, match=r"`x` não é um número inteiro: 1\.5"):
        number({"x": 1.5}, "x")


def test_a_node_that_is_not_there_breaks_what_needs_no_token_and_is_asked_nothing_else() -> None:
    found = check(nothing, "http://one")

    assert {one.kept for one in found} == {False, None}
    assert [one.check.route for one in found if one.kept is False][:2] == ["GET /healthz", "GET /readyz"]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"pending": {"norte": None}}, "`norte` is no whole number: None"),
        ({"digest": ""}, "`digest` is no text: ''"),
        ({"ready": False}, "`ready` is False, not True"),
        ({"counts": {}}, "the answer lacks `orders`"),
    ],
)
def test_a_status_that_says_too_little_is_named(status: dict[str, object], why: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        answered = only_answers(request)
        if request.url.path == "/status" and answered.is_success:
            return httpx.Response(200, json={**json.loads(answered.content), **status})
        return answered

    (broken,) = [one for one in check(answer, "http://one") if one.check.route == "GET /status"]
    assert (broken.kept, broken.why) == (False, why)


def test_climbing_ends_where_the_node_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_args: object, **_options: object) -> None:
        raise LabError("matriz ended while starting: no such file")

    monkeypatch.setattr(climbing, "network_of_its_own", fall)
    told: list[Step] = []

    steps = climb("plain", directory=tmp_path, on_step=told.append, tell=lambda _: None)

    assert told == steps
    assert [step.result for step in steps] == ["FAIL", *[None] * 6]
    assert steps[0].why == ("matriz ended while starting: no such file",)


def test_there_are_seven_exercises_each_with_hints_and_a_way_to_judge_it_that_any_node_can_pass() -> None:
    assert [one.number for one in EXERCISES] == [1, 2, 3, 4, 5, 6, 7]
    for one in EXERCISES:
        assert (one.scenario is None) != (one.rung is None)
        assert one.scenario is None or registry.get(one.scenario).any_node
        assert one.hints


PAGES: dict[Language, str] = {"en": "node-contract.md", "pt-BR": "node-contract.pt-BR.md"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_lists_the_exercises_as_they_are(language: Language) -> None:
    text = (ROOT / "docs" / PAGES[language]).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)

    with speaking(language):
        exercises = [(one.number, _(one.title)) for one in EXERCISES]
    assert [(int(place), title) for place, title, _judged in rows] == exercises
    assert [judged.strip("`") for *_rest, judged in rows[2:]] == [one.scenario for one in EXERCISES[2:]]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(LabError, match="a node's address begins with http://"):
        app(["conform", "127.0.0.1:18001"], standalone_mode=False)


def test_the_starter_is_short_enough_to_begin_with() -> None:
    text = (ROOT / "services/starter/node.py").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 120
