"""The lesson in the control room, in Chromium: every scenario with keys alone, predicted, locked, seen,
explained."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import httpx
import pytest
from playwright.sync_api import Browser, expect

from branchlab.checking.runlog import read_records
from branchlab.screens.serving import address_here
from branchlab.teaching.lesson.loader import Loaded, load_all
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster
from tests.cluster.room.lesson_hands import observe, predict, press_button
from tests.cluster.room.phones import PHONES, Phones
from tests.cluster.room.rooms import PATIENCE_MS, Room, Seen, open_room, open_seen, records_of
from tests.cluster.room.seeing import assert_nothing_in_the_way, fits, smallest_text

pytestmark = [pytest.mark.cluster, pytest.mark.browser]

LESSONS = load_all()
SHORT = (2, 4)
"""In every run; the whole lesson goes with the long tests. The first one asks for a line and a number, the
other for a choice, and shows two policies side by side."""


@pytest.fixture(scope="module")
def flags() -> Sequence[str]:
    return ("--fast",)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched("--force-prefers-reduced-motion") as browser:
        yield browser


@pytest.fixture(scope="module")
def seen(room: Room, chromium: Browser) -> Iterator[Seen]:
    expect.set_options(timeout=PATIENCE_MS)
    one = open_seen(chromium, room.url)
    expect(one.get("node-matriz")).to_have_attribute("data-state", "running")
    one.press("o")
    expect(one.get("lesson-0")).to_be_visible()
    yield one
    assert (one.hosts, one.complaints) == ({"127.0.0.1"}, [])
    one.page.close()


@pytest.fixture(autouse=True)
def back_to_the_list(seen: Seen) -> Iterator[None]:
    """Every test leaves the list of scenarios behind, also one that fails in the middle of a play."""
    yield
    if not seen.get("lesson-0").count():
        seen.page.evaluate("() => document.activeElement.blur()")
        seen.press("z")
        expect(seen.get("lesson-0")).to_be_visible()


def log_of(cluster: Cluster, loaded: Loaded) -> Path:
    folder = cluster.run_dir.resolve() / "lesson" / loaded.lesson.id
    several = len(loaded.lesson.policies) > 1
    return (folder / loaded.lesson.policies[-1] if several else folder) / "run.jsonl"


def played(seen: Seen, cluster: Cluster, number: int) -> None:
    loaded = LESSONS[number]
    seen.press(str(number))
    expect(seen.get("lesson-title")).to_contain_text(loaded.lesson.title.said("en"))
    predict(seen, loaded)
    observe(seen, loaded)
    if (several := len(loaded.lesson.policies)) > 1:
        expect(seen.page.locator(".twin .chart")).to_have_count(several)
        expect(seen.get("lesson-expected").locator("th[scope=col]")).to_have_count(several)
        expect(seen.get("lesson-expected")).to_contain_text("Apologise for: ")
    records = list(read_records(log_of(cluster, loaded)))
    votes = [record["votes"] for record in records if record["kind"] == "prediction"]
    assert [len(one) for one in votes] == [1] * len(loaded.lesson.predict)
    drawn = {str(one["id"]) for one in series(seen)}
    if any(one["kind"] == "lesson.theory" and one["per_second"] for one in records) and any(
        question.kind == "curve" for question in loaded.lesson.predict
    ):
        assert {"lesson-0-theory", "lesson-1-class"} <= drawn


def series(seen: Seen) -> list[dict[str, object]]:
    """The series of the chart, as the picture has them."""
    found: list[dict[str, object]] = seen.page.evaluate(
        """() => { const at = document.querySelector('.chart'), vue = getElement(at.id.slice(1));
        return vue.chart.getOption().series.map(one => ({ id: one.id, name: one.name, data: one.data })); }"""
    )
    return found


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=[] if n in SHORT else pytest.mark.long) for n in range(len(LESSONS))],
)
def test_a_scenario_is_predicted_played_and_explained_with_keys_alone(
    seen: Seen, shared_cluster: Cluster, number: int
) -> None:
    played(seen, shared_cluster, number)


def test_a_recorded_play_shows_its_predictions_and_theory_again(
    seen: Seen, shared_cluster: Cluster, chromium: Browser, tmp_path: Path
) -> None:
    log = log_of(shared_cluster, LESSONS[2])
    if not log.exists():
        played(seen, shared_cluster, 2)
    with open_room(tmp_path, str(log), environment={**os.environ}) as replayed:
        again = open_seen(chromium, replayed.url)
        expect(again.get("lesson-results")).to_contain_text("events")
        assert {"lesson-0-theory", "lesson-1-class"} <= {str(one["id"]) for one in series(again)}
        assert_nothing_in_the_way(again.page)
        again.page.close()


def test_the_lesson_fits_a_projector(seen: Seen) -> None:
    seen.press("f")
    expect(seen.page.locator("body.projector")).to_have_count(1)
    try:
        assert_nothing_in_the_way(seen.page)
        assert fits(seen.page), "the page for a projector has to be scrolled"
        assert smallest_text(seen.page) >= 24
    finally:
        seen.press("f")
    expect(seen.page.locator("body.projector")).to_have_count(0)


needs_a_network = pytest.mark.skipif(address_here() is None, reason="this machine is in no network")


@needs_a_network
def test_thirty_phones_predict_and_the_chart_has_class_theory_and_their_errors(
    seen: Seen, room: Room, shared_cluster: Cluster
) -> None:
    """S7 asks for a line and a number, and has a theory of both."""
    loaded, phones = LESSONS[7], Phones(room)
    seen.press("7")
    for place in range(len(loaded.lesson.predict)):
        expect(seen.get("lesson-question")).to_contain_text(f"{place + 1}/2 ")
        phones.vote()
        expect(seen.get("lesson-votes")).to_have_text(f"Votes: {PHONES}")
        press_button(seen, "lesson-lock")
    observe(seen, loaded)
    records = list(read_records(log_of(shared_cluster, loaded)))
    lines, numbers = (one["votes"] for one in records if one["kind"] == "prediction")
    assert (len(lines), len(numbers)) == (PHONES, PHONES)
    results = {one["number"]: one for one in records if one["kind"] == "prediction.result"}
    assert results[0]["predicted"] == median(line[-1][1] for line in lines)
    assert results[1]["predicted"] == median(numbers)
    shown = [str(one["name"]) for one in series(seen) if str(one["id"]).startswith("lesson-")]
    assert len(shown) == len([name for name in shown if name.endswith("% off)")]) == 4
    theory, said = (results[0][f"{of}_error"] for of in ("theory", "class"))
    assert shown[0].endswith(f"({theory:.0f}% off)")
    assert shown[1].endswith(f"({said:.0f}% off)")
    drawn = next(one["data"] for one in series(seen) if one["id"] == "lesson-1-class")
    assert isinstance(drawn, list)
    assert drawn[-1][1] == results[0]["predicted"]
    assert_nothing_in_the_way(seen.page)


@needs_a_network
def test_a_phone_votes_with_a_line_and_no_more_once_it_is_locked(
    seen: Seen, room: Room, chromium: Browser, shared_cluster: Cluster
) -> None:
    seen.press("2")
    expect(seen.get("lesson-question")).to_be_visible()
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    phone = Seen(context.new_page())
    phone.page.goto(f"{room.audience}?lang=pt")
    expect(phone.page.locator("#text")).to_contain_text("desenhe os pendentes")
    expect(phone.page.locator("#strokes input")).to_have_count(5)
    assert_nothing_in_the_way(phone.page)
    for place in range(5):
        phone.page.locator("#strokes input").nth(place).fill("20")
    phone.page.locator("#send").click()
    expect(phone.page.locator("#voted")).to_contain_text("Seu voto foi registrado")
    expect(seen.get("lesson-votes")).to_have_text("Votes: 1")
    vote = records_of(shared_cluster.run_dir, "vote")[-1]
    assert [value for _, value in vote["choice"]] == [0, 20, 20, 20, 20, 20]
    seen.page.locator("body").click(position={"x": 640, "y": 10})
    press_button(seen, "lesson-lock")
    expect(phone.page.locator("#number")).to_be_visible()
    late = {"question": vote["question"], "line": vote["choice"]}
    cookies = {str(one["name"]): str(one["value"]) for one in context.cookies()}
    assert httpx.post(f"{room.audience}/vote", json=late, cookies=cookies).status_code == 409
    context.close()
