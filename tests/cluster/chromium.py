"""Chromium without the internet, for tests of pages."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.cluster import tools

# No name leads anywhere, so what would leave the host cannot, and ends as an error on the page's console.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """The machine's Chromium with these arguments, closed at the end. It reaches 127.0.0.1 only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=tools.browser(),
            args=["--no-sandbox", ALONE, *arguments],  # root has no sandbox
        )
        yield browser
        browser.close()
