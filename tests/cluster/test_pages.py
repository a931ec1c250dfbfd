"""/docs and /redoc in a browser: they show every operation, they work, and no request leaves the host."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cluster import tools
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.browser]

_PATIENCE_MS = 60_000  # a busy machine renders slowly
expect.set_options(timeout=_PATIENCE_MS)


@dataclass
class Seen:
    """A page of a node, with all it asked for and all it complained of."""

    page: Page
    node: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """The page at a path of the node."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )
        self.page.goto(self.node + path)
        return self.page

    @property
    def hosts(self) -> set[str]:
        """Where its requests went; what a page makes itself (`blob:`, `data:`) goes nowhere."""
        return {urlsplit(url).netloc for url in self.requests if urlsplit(url).scheme in ("http", "https")}


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    """One network, since no test here minds what another one left."""
    return shared_cluster


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def seen(cluster: Cluster, chromium: Browser) -> Iterator[Seen]:
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(_PATIENCE_MS)
    yield Seen(page, cluster.network.url("matriz"))
    page.close()


def operations(node: str) -> list[dict[str, Any]]:
    paths = httpx.get(f"{node}/openapi.json").json()["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]


def test_the_browser_that_is_needed_is_here() -> None:
    assert tools.browser() is not None, "there is no Chromium"


def test_the_interactive_page_shows_every_operation(seen: Seen) -> None:
    page, wanted = seen.open("/docs"), operations(seen.node)

    expect(page.locator(".opblock")).to_have_count(len(wanted))
    summaries = page.locator(".opblock-summary-description").all_inner_texts()
    assert sorted(summaries) == sorted(operation["summary"] for operation in wanted)
    assert page.title() == "matriz: API"
    assert (seen.hosts, seen.complaints) == ({urlsplit(seen.node).netloc}, [])


def test_the_page_to_read_shows_every_operation_and_finds_them(seen: Seen) -> None:
    page, wanted = seen.open("/redoc"), operations(seen.node)

    expect(page.get_by_role("heading", name="Place an order")).to_be_visible()
    headings = {heading.strip() for heading in page.locator("h2").all_inner_texts()}
    assert {operation["summary"] for operation in wanted} <= headings
    page.get_by_placeholder("Search").fill("decommission")
    expect(page.locator('[data-role="search:results"]')).to_contain_text("Decommission a branch")
    assert page.locator('img[src$="/logo-mini.svg"]').evaluate("image => image.naturalWidth") > 0
    assert (seen.hosts, seen.complaints) == ({urlsplit(seen.node).netloc}, [])


def test_a_person_who_opens_the_nodes_address_logs_in_there_and_asks(seen: Seen, cluster: Cluster) -> None:
    page = seen.open("/")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".modal-ux")
    dialog.locator("#oauth_username").fill(cluster.secrets.admin_username)
    dialog.locator("#oauth_password").fill(cluster.secrets.admin_password)
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    dialog.get_by_role("button", name="Close").first.click()

    row = page.locator("#operations-auth-getMe")
    row.get_by_role("button").first.click()
    row.get_by_role("button", name="Execute").click()

    answer = row.locator(".live-responses-table .response")
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"username": "admin"')
    assert page.url.startswith(f"{seen.node}/docs")
    assert (seen.hosts, seen.complaints) == ({urlsplit(seen.node).netloc}, [])
