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
from branchlab.language import Language
from branchlab.settings import ROOT
from branchlab.teaching.ladder import climbing, conformance
from branchlab.teaching.ladder.checks import CHECKS
from branchlab.teaching.ladder.climbing import Step, climb
from branchlab.teaching.ladder.exercises import EXERCISES
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
    assert conformance.lines(found, "en")[6].split(maxsplit=1)[0] == "NO"
    assert conformance.lines(found, "pt-BR")[6].endswith("POST /products: 404, not 201 (not_found)")


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
    def fall(*_: object, **__: object) -> None:
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
        assert all(said.keys() == {"en", "pt-BR"} for said in (one.title, *one.hints))
        assert one.hints
    assert all(one.words.keys() == {"en", "pt-BR"} for one in CHECKS)


PAGES: dict[str, Language] = {"node-contract.md": "en", "node-contract.pt-BR.md": "pt-BR"}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_lists_the_exercises_as_they_are(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)

    assert [(int(number), title) for number, title, _ in rows] == [
        (one.number, one.title[PAGES[page]]) for one in EXERCISES
    ]
    assert [judged.strip("`") for _, _, judged in rows[2:]] == [one.scenario for one in EXERCISES[2:]]


def test_a_language_or_an_address_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["conform", "http://x", "--lang", "xx"], "there is no language 'xx'"),
        (["conform", "127.0.0.1:18001"], "a node's address begins with http://"),
    ):
        with pytest.raises(LabError, match=said):
            app(arguments, standalone_mode=False)


def test_the_starter_is_short_enough_to_begin_with() -> None:
    text = (ROOT / "services/starter/node.py").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 120
