"""The control room over containers: its fault bar breaks them, and its map and verdict are theirs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from branchlab.poll import poll_blocking
from tests.cluster.chromium import launched
from tests.cluster.cluster import Cluster
from tests.cluster.room.rooms import PATIENCE_MS, Seen, open_room, open_seen, records_of
from tests.cluster.room.seeing import choose, choose_only, expect_said

pytestmark = [pytest.mark.compose, pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MS)
_SECONDS = PATIENCE_MS / 1000
_SALES = 3


@pytest.fixture
def seen(containers: Cluster, tmp_path: Path) -> Iterator[Seen]:
    """The teacher's page over containers; nothing of it runs on, and no fault stays."""
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(containers.run_dir),
        "LAB_ENV_FILE": str(containers.env_file),
    }
    try:
        with open_room(tmp_path, environment=environment) as room, launched() as chromium:
            yield open_seen(chromium, room.url)
    finally:
        containers.driver.heal()


def test_what_a_paused_container_lacks_grows_on_the_map_and_drains_after_heal(
    seen: Seen, containers: Cluster
) -> None:
    assert poll_blocking(lambda: _are_read(containers), seconds=_SECONDS), "the room never read its nodes"
    seen.get("lease").select_option("600.0")  # only HEAL ends the pause
    choose(seen, 2)
    seen.press("p")
    expect(seen.get("node-filial-norte")).to_have_attribute("data-state", "paused")
    assert containers.driver.state("filial-norte") == "paused"

    choose_only(seen, 1)
    pending = 0
    for _ in range(_SALES):
        seen.press("v")
        expect_said(seen, "1 × CAFE-SALA at matriz")
        pending = _pending_beyond(pending, seen)
    assert seen.number("filial-norte", "matriz") == "?"

    seen.press("h")
    expect_said(seen, "HEAL: done.")
    expect(seen.get("node-filial-norte")).to_have_attribute("data-state", "running")
    for link in ("link-matriz-filial-norte", "link-filial-norte-matriz"):
        expect(seen.get(link)).to_have_attribute("data-pending", "0")
    expect(seen.get("verdict")).to_contain_text("PASS: all holds")
    assert (seen.hosts, seen.complaints) == ({"127.0.0.1"}, [])


def _pending_beyond(before: int, seen: Seen) -> int:
    """What the map says is pending for the paused node, once that is more than `before`."""

    def shown() -> int:
        number = seen.number("matriz", "filial-norte") or ""
        return int(number) if number.isdigit() else 0

    now = poll_blocking(shown, seconds=_SECONDS, until=lambda number: number > before)
    assert now > before
    return now


def _are_read(containers: Cluster) -> bool:
    """Whether the room has read what every node had before anything was done."""
    return len(records_of(containers.run_dir, "read.done")) == len(containers.network.names)
