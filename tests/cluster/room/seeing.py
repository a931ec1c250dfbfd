"""What tests of the control room do and look for on its pages."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.cluster.cluster import Cluster
from tests.cluster.room.rooms import Seen, records_of

LOOKS = [
    ("light", "pt-BR"),
    ("dark", "en"),
    *(pytest.param(*one, marks=pytest.mark.long) for one in (("light", "en"), ("dark", "pt-BR"))),
]
"""Theme and language: in every run each of them once, in the long one all pairs."""
_CHOSEN = '.bar [aria-pressed="true"][data-testid^="choose-"]'


def expect_said(seen: Seen, words: str) -> None:
    expect(seen.get("said")).to_contain_text(words)


def choose(seen: Seen, *numbers: int) -> None:
    for number in numbers:
        seen.press(str(number))
    expect(seen.page.locator(_CHOSEN)).to_have_count(len(numbers))


def choose_only(seen: Seen, number: int) -> None:
    let_go(seen)
    choose(seen, number)


def let_go(seen: Seen) -> None:
    """No node is selected any more, and no field has the focus."""
    chosen = seen.page.locator(_CHOSEN)
    for left in range(chosen.count() - 1, -1, -1):
        chosen.first.click()
        expect(chosen).to_have_count(left)
    seen.page.locator("body").click(position={"x": 640, "y": 10})


def logged_moments(cluster: Cluster) -> set[float]:
    """When each fault of the log was asked for and felt."""
    felt = records_of(cluster.run_dir, "fault.active", "fault.requested")
    return {round(record["at_ns"] / 1e9, 3) for record in felt}


def assert_nothing_in_the_way(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> bool:
    return bool(
        page.evaluate(
            "() => { const at = document.scrollingElement;"
            " return at.scrollHeight <= innerHeight && at.scrollWidth <= innerWidth; }"
        )
    )


def smallest_text(page: Page) -> float:
    """The smallest text that is to be seen, in pixels of the screen."""
    return float(
        page.evaluate(
            """() => { let least = 1000;
            const walk = document.createTreeWalker(document.querySelector('.room'), NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) { const text = walk.currentNode, at = text.parentElement;
              if (!text.data.trim() || at.closest('.hidden-visually, title, option')) continue;
              const box = at.getBoundingClientRect(); if (!box.width || !at.checkVisibility()) continue;
              const svg = at.closest('svg'), scale = svg && svg.viewBox.baseVal && svg.viewBox.baseVal.width
                ? svg.getScreenCTM().a : 1;
              least = Math.min(least, parseFloat(getComputedStyle(at).fontSize) * scale); }
            return Math.ceil(least * 10) / 10; }"""
        )
    )
