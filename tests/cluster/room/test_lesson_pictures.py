"""Pictures of every scenario of the lesson, as a class sees it: what it predicts, the play, what came of it.

Each is taken when the page shows what the picture is about, never after so many seconds. Without a folder
they go with the test: `LESSON_PICTURES=build/pictures` keeps all of them, `ROOM_PICTURES=docs/pictures`
those that the documents show.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from branchlab.poll import poll_blocking
from branchlab.screens.serving import address_here
from branchlab.teaching.lesson.loader import Loaded, load_all
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster
from tests.cluster.room.lesson_hands import PLAY_MS, press_button
from tests.cluster.room.phones import PHONES, Phones
from tests.cluster.room.rooms import PATIENCE_MS, Seen, open_room, open_seen
from tests.cluster.room.seeing import fits, smallest_text

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.skipif(address_here() is None, reason="this machine is in no network"),
]

LESSONS = load_all()
ABOUT = {0: 3, 1: 2, 2: 3, 3: 5, 4: 8, 5: 9, 6: 6, 7: 5, 8: 6}
"""Scenario → the step of the play that its picture is about."""
KEPT = frozenset(
    {
        "s2-branch-down-predict-1-light-1280",
        "s2-branch-down-explained-light-projector-1280",
        "s4-cable-cut-explained-light-1280",
        "s4-cable-cut-explained-light-pt-1280",
    }
)


@dataclass(frozen=True)
class Look:
    """How a page looks, and how large its screen is."""

    theme: str
    language: str
    width: int
    is_projector: bool = False

    @property
    def name(self) -> str:
        parts = [self.theme, *(["projector"] * self.is_projector), *(["pt"] * (self.language != "en"))]
        return "-".join([*parts, str(self.width)])


LOOKS = [
    Look("light", "en", 1280),
    Look("light", "en", 1920),
    Look("light", "pt-BR", 1280),
    Look("dark", "pt-BR", 1920),
    Look("dark", "en", 1280),
    Look("dark", "en", 1280, is_projector=True),
    Look("light", "pt-BR", 1920, is_projector=True),
    Look("light", "en", 1280, is_projector=True),
]
WHILE_PLAYING = [LOOKS[0], LOOKS[4], LOOKS[7]]
"""A play goes on while pictures are taken: each shows it in one look."""


@dataclass
class Gallery:
    """The teacher's page, which changes its looks by keys, and the folder for its pictures."""

    phones: Phones
    teacher: Seen
    folder: Path
    look: Look = LOOKS[0]

    def wear(self, look: Look) -> None:
        """Until the page has this look, and its charts have their size."""
        page, now = self.teacher.page, self.look
        page.set_viewport_size({"width": look.width, "height": look.width * 9 // 16})
        if look.theme != now.theme:
            self.press("d")
        expect(page.locator("body.dark")).to_have_count(int(look.theme == "dark"))
        if look.language != now.language:
            self.press("g")
        expect(page.locator("html")).to_have_attribute("lang", look.language)
        if look.is_projector != now.is_projector:
            self.press("f")
        expect(page.locator("body.projector")).to_have_count(int(look.is_projector))
        assert poll_blocking(lambda: page.evaluate(_CHARTS_FIT), seconds=PATIENCE_MS / 1000)
        self.look = look

    def press(self, key: str) -> None:
        """Presses a key outside any field: a question takes the focus whenever the page is built anew."""
        self.teacher.page.evaluate("() => document.activeElement.blur()")
        self.teacher.press(key)

    def take(self, loaded: Loaded, phase: str, looks: Sequence[Look] = LOOKS) -> None:
        """A picture in each of these looks, in which nothing is too small or beyond the edge."""
        for look in looks:
            self.wear(look)
            path = self.folder / f"lesson-{loaded.lesson.id}-{phase}-{look.name}.png"
            self.teacher.page.screenshot(path=path)
            if (kept := os.environ.get("ROOM_PICTURES")) and path.stem.removeprefix("lesson-") in KEPT:
                shutil.copy(path, Path(kept) / path.name)
            assert fits(self.teacher.page), f"{look.name} has to be scrolled"
            assert not look.is_projector or smallest_text(self.teacher.page) >= 24, look.name


_PACE = ["--fast"] if os.environ.get("LESSON_PACE") == "fast" else []
_CHARTS_FIT = """() => [...document.querySelectorAll('.chart')].every(at => {
    const svg = at.querySelector('svg');
    return svg && Math.abs(svg.getBoundingClientRect().width - at.getBoundingClientRect().width) < 2; })"""


@pytest.fixture(scope="module")
def gallery(shared_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = Path(os.environ.get("LESSON_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(shared_cluster.run_dir),
        "LAB_ENV_FILE": str(shared_cluster.env_file),
    }
    expect.set_options(timeout=PATIENCE_MS)
    with (
        launched("--force-prefers-reduced-motion") as browser,
        open_room(tmp_path_factory.mktemp("room"), "--audience", *_PACE, environment=environment) as room,
    ):
        seen = open_seen(browser, room.url)
        expect(seen.get("node-matriz")).to_have_attribute("data-state", "running")
        seen.press("o")
        expect(seen.get("lesson-0")).to_be_visible()
        yield Gallery(Phones(room), seen, folder)
        browser.close()


@pytest.fixture(autouse=True)
def back_to_the_list(gallery: Gallery) -> Iterator[None]:
    """Every test leaves the list of scenarios behind, also one that fails in the middle of a play."""
    yield
    gallery.wear(LOOKS[0])
    gallery.press("z")
    expect(gallery.teacher.get("lesson-0")).to_be_visible()


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_a_scenario_looks_as_it_should_in_every_look(gallery: Gallery, number: int) -> None:
    loaded, teacher = LESSONS[number], gallery.teacher
    teacher.press(str(number))
    for place in range(len(loaded.lesson.predict)):
        expect(teacher.get("lesson-question")).to_contain_text(f"{place + 1}/")
        gallery.phones.vote()
        expect(teacher.get("lesson-votes")).to_contain_text(f": {PHONES}")
        gallery.take(loaded, f"predict-{place + 1}")
        press_button(teacher, "lesson-lock")
    gallery.take(loaded, "locked", LOOKS[:1])
    gallery.wear(while_playing := WHILE_PLAYING[number % len(WHILE_PLAYING)])
    press_button(teacher, "lesson-run")
    charts = teacher.page.locator(".chart")
    expect(charts).to_have_count(len(loaded.lesson.policies), timeout=PLAY_MS)
    assert poll_blocking(lambda: _step(teacher) >= ABOUT[number], seconds=PLAY_MS / 1000)
    gallery.take(loaded, "playing", [while_playing])
    expect(teacher.get("lesson-results")).to_be_visible(timeout=PLAY_MS)
    gallery.take(loaded, "explained")


def _step(seen: Seen) -> int:
    """The step of the play that the page shows as the present one."""
    now = seen.page.locator(".steps li.now")
    return int(now.get_attribute("value") or 0) if now.count() else 0
