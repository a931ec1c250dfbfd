"""Pictures of the control room for the documents: a branch is stopped, the others sell, it comes back.

`ROOM_PICTURES=docs/pictures make test-long …` keeps them there; without it they go with the test.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from branchlab.poll import poll_blocking
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster
from tests.cluster.room.rooms import PATIENCE_MS, Seen, open_room, open_seen

pytestmark = [pytest.mark.cluster, pytest.mark.browser, pytest.mark.long]

_PENDING = 30
_SIZES = ((1280, 720), (1920, 1080))


def take(seen: Seen, folder: Path, name: str) -> None:
    for width, height in _SIZES:
        seen.page.set_viewport_size({"width": width, "height": height})
        seen.page.wait_for_timeout(1500)  # until the charts have their new size
        seen.page.screenshot(path=folder / f"room-{name}-{width}.png")


def test_a_branch_is_away_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    folder = Path(os.environ.get("ROOM_PICTURES") or tmp_path)
    environment = {**os.environ, "LAB_RUN_DIR": str(cluster.run_dir), "LAB_ENV_FILE": str(cluster.env_file)}
    expect.set_options(timeout=PATIENCE_MS)
    with (
        launched("--force-prefers-reduced-motion") as browser,
        open_room(tmp_path, environment=environment) as room,
    ):
        seen = open_seen(browser, room.url)
        expect(seen.get("node-matriz")).to_have_attribute("data-state", "running")
        seen.press("a")
        expect(seen.get("verdict")).to_contain_text("PASS")
        seen.press("3", "s")
        expect(seen.get("node-filial-sul")).to_have_attribute("data-state", "stopped")
        assert poll_blocking(lambda: _waiting(seen) >= _PENDING, seconds=PATIENCE_MS / 1000)
        take(seen, folder, "away")
        seen.press("h")
        expect(seen.get("node-filial-sul")).to_have_attribute("data-state", "running")
        seen.press("a")
        expect(seen.get("link-matriz-filial-sul")).to_have_attribute("data-pending", "0")
        expect(seen.get("verdict")).to_contain_text("PASS")
        take(seen, folder, "back")
        seen.press("d", "f")
        expect(seen.page.locator("body.projector")).to_have_count(1)
        take(seen, folder, "projector")
        browser.close()


def _waiting(seen: Seen) -> int:
    return int(seen.number("matriz", "filial-sul") or 0)
