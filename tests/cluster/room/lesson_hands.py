"""What a teacher without a mouse does at a page of the lesson: answers, locks, runs, waits for what came."""

from playwright.sync_api import expect

from branchlab.teaching.lesson.loader import Loaded
from tests.cluster.room.rooms import Seen
from tests.cluster.room.seeing import assert_nothing_in_the_way, fits

PLAY_MS = 240_000


def predict(seen: Seen, loaded: Loaded) -> None:
    """Answers every question by hand, and locks it."""
    for number, question in enumerate(loaded.lesson.predict, start=1):
        expect(seen.get("lesson-question")).to_contain_text(f"{number}/{len(loaded.lesson.predict)} ")
        expect(seen.get("lesson-run")).to_be_disabled()
        if question.kind == "choice":
            assert question.answer is not None
            seen.press(str(question.answer + 1))
        elif question.kind == "curve":
            expect(seen.get("lesson-stroke-1")).to_be_focused()
            for _ in range(5):
                seen.press("PageUp", "Tab")
        else:
            expect(seen.get("lesson-number")).to_be_focused()
            seen.page.keyboard.type("12")
        expect(seen.get("lesson-votes")).to_have_text("Votes: 1")
        assert_nothing_in_the_way(seen.page)
        press_button(seen, "lesson-lock")


def press_button(seen: Seen, test_id: str) -> None:
    """Goes to a button by Tab alone, and presses it."""
    expect(seen.get(test_id)).to_be_enabled()
    for _ in range(60):
        if seen.page.evaluate("() => document.activeElement.dataset.testid") == test_id:
            seen.press("Enter")
            return
        seen.press("Tab")
    raise AssertionError(f"no Tab leads to {test_id}")


def observe(seen: Seen, loaded: Loaded) -> None:
    """Runs it, and waits for what came of it."""
    expect(seen.get("lesson-locked")).to_be_visible()
    press_button(seen, "lesson-run")
    expect(seen.get("lesson-steps")).to_be_visible(timeout=PLAY_MS)
    expect(seen.get("lesson-results")).to_be_visible(timeout=PLAY_MS)
    for line in seen.get("lesson-met").all_inner_texts():
        met, _, of = line.partition(" of ")
        assert met == of.partition(" ")[0], line
    assert fits(seen.page), "the page has to be scrolled"
    assert_nothing_in_the_way(seen.page)
    expect(seen.page.locator(".why")).to_contain_text(loaded.lesson.explain.said("en")[:40])
