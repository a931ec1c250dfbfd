"""`python -m tests.cluster.screen_age`: how old what a screen shows is, against what the nodes say.

A page of the control room shows every number of its map while orders are sold; beside it the nodes are asked
directly, far more often. A number on the screen is as old as the last moment at which its node said so. At
the end everything comes to rest: then every number must be the node's. Exit 0 when the p99 is at most 500 ms
over 10,000 numbers or more and none differs at rest, else 1.
"""

import asyncio
import os
import sys
import tempfile
import time
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Status
from tests.cluster import tools
from tests.cluster.chromium import ALONE
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import Networks
from tests.cluster.room.rooms import open_room, records_of

SAMPLES, MOST_P99 = 10_000, 0.5
_EVERY_MS, _ASK_SECONDS, _REST_SECONDS, _MOST_SECONDS = 100, 0.05, 5.0, 600.0
_SAMPLER = """every => { window.samples = []; setInterval(() => {
  const values = {};
  for (const one of document.querySelectorAll('svg.map .link, svg.map .node'))
    values[one.dataset.testid] = one.dataset.pending ?? one.dataset.rights;
  window.samples.push([performance.timeOrigin + performance.now(), values]); }, every); }"""
_TAKE = "() => window.samples.splice(0)"

Values = Mapping[str, str]
"""The test id of a number on the map → the number"""


class Truth:
    """What the nodes said, and when: for each number the moments at which it was seen with each value."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.now: dict[str, str] = {}

    def add(self, at: float, values: Values) -> None:
        """Takes in what a node said at a moment."""
        for name, value in values.items():
            self._seen[name, value].append(at)
            self.now[name] = value

    def add_log(self, records: Iterable[Any]) -> None:
        """Takes in what nodes said to the room, which asked them, too."""
        last: dict[str, Values] = {}
        for one in records:
            if one["kind"] == "sample":
                last[one["node"]] = {} if one["status"] is None else values_of(one["node"], one["status"])
            at = datetime.fromisoformat(one["wall"]).timestamp()
            for name, value in last.get(one["node"], {}).items():
                insort(self._seen[name, value], at)

    def age(self, at: float, name: str, value: str) -> float | None:
        """How long before a moment the node last said so; None where it never did."""
        moments = self._seen[name, value]
        place = bisect_right(moments, at)
        if place < len(moments) and moments[place] - at <= 2 * _ASK_SECONDS:
            return 0.0  # it says so just now
        return at - moments[place - 1] if place else None


def values_of(node: str, status: Status) -> Values:
    """The numbers of the map that a node's answer says."""
    pending = {f"link-{node}-{peer}": str(count) for peer, count in status["pending"].items()}
    return {**pending, f"node-{node}": str(status["stock"].get("here"))}


def claims_of(samples: Iterable[tuple[float, Values]]) -> list[tuple[float, str, str]]:
    """(seconds, test id, number) for each number of these samples; a ? claims nothing, and is none."""
    return [
        (at / 1000, name, value) for at, values in samples for name, value in values.items() if value != "?"
    ]


async def ask(client: NodeClient, truth: Truth) -> None:
    """Asks one node until it is cancelled."""
    while True:
        status = await client.status()
        truth.add(time.time(), values_of(client.name, status))
        await asyncio.sleep(_ASK_SECONDS)


async def sampled(page: Page, cluster: Cluster) -> tuple[list[float], int, list[str]]:
    """The age of each number that the page showed, how many no node ever said, and what differs at rest."""
    truth = Truth()
    shown: list[tuple[float, str, str]] = []
    async with cluster.clients() as clients:
        tasks = [asyncio.create_task(ask(client, truth)) for client in clients.values()]
        try:
            await asyncio.sleep(1.0)
            await page.evaluate(_SAMPLER, _EVERY_MS)
            await page.keyboard.press("a")
            ends = time.monotonic() + _MOST_SECONDS
            while len(shown) < SAMPLES and time.monotonic() < ends:
                await asyncio.sleep(1.0)
                shown += claims_of(await page.evaluate(_TAKE))
            await page.keyboard.press("a")
            await asyncio.sleep(_REST_SECONDS)
            last: Any = (await page.evaluate(_TAKE))[-1][1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    truth.add_log(records_of(cluster.run_dir, "sample", "heard"))
    found = [truth.age(at, name, value) for at, name, value in shown]
    differing = [
        f"{name}: {last.get(name)}, not {value}"
        for name, value in truth.now.items()
        if last.get(name) != value
    ]
    return sorted(one for one in found if one is not None), sum(1 for one in found if one is None), differing


async def look(url: str, cluster: Cluster) -> int:
    """Opens the page, measures, and says what came of it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=tools.browser(), args=["--no-sandbox", ALONE]
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 720})
        await page.goto(url)
        await page.get_by_test_id("node-filial-sul").wait_for()
        await page.keyboard.press("]")
        ages, unknown, differing = await sampled(page, cluster)
        await browser.close()
    p50, p99 = (ages[min(len(ages) - 1, ceil(len(ages) * share) - 1)] for share in (0.5, 0.99))
    count = len(ages) + unknown
    sys.stdout.write(
        f"{count} numbers on the screen: age p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms (at most"
        f" {1000 * MOST_P99:.0f}); {unknown} that no node said, {len(differing)} that differ at rest\n"
    )
    sys.stdout.writelines(f"  {line}\n" for line in differing)
    is_well = count >= SAMPLES and p99 <= MOST_P99 and not unknown and not differing
    return 0 if is_well else 1


def main() -> int:
    """Measures on a network of its own."""
    with tempfile.TemporaryDirectory() as name, closing(Networks(Path(name))) as networks:
        cluster = networks.start()
        environment = {
            **os.environ,
            "LAB_RUN_DIR": str(cluster.run_dir),
            "LAB_ENV_FILE": str(cluster.env_file),
        }
        with open_room(Path(name), environment=environment) as room:
            return asyncio.run(look(room.url, cluster))


if __name__ == "__main__":
    sys.exit(main())
