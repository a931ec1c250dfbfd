"""The control room of a test, in a process of its own, and a page of it in Chromium."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page

from branchlab.checking.runlog import read_records
from branchlab.networks import ports
from branchlab.poll import poll_blocking
from branchlab.settings import ROOT

_START_SECONDS = 60.0
_END_SECONDS = 40.0
PATIENCE_MS = 60_000  # a busy machine renders slowly


@dataclass(frozen=True)
class Room:
    """A control room that runs: the teacher's address, the audience's here, and the process."""

    url: str
    port: int
    process: "subprocess.Popen[str]"
    output: Path

    @property
    def audience(self) -> str:
        return f"http://127.0.0.1:{self.port}/audience"

    def freeze(self) -> None:
        """The room answers nobody any more, as behind a network that was dropped."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def open_room(folder: Path, *arguments: str, environment: dict[str, str]) -> Iterator[Room]:
    """Runs `./lab ui` on a free port, and ends it as Ctrl-C does."""
    (port,) = ports.find_free(1)
    output = folder / f"room-{port}.log"
    command = [sys.executable, "-m", "branchlab", "ui", "--port", str(port), "--lang", "en", *arguments]
    with output.open("w") as written:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=written, stderr=subprocess.STDOUT, text=True
        )
    try:
        url = poll_blocking(lambda: _url(output, port), seconds=_START_SECONDS)
        assert url, output.read_text()
        yield Room(url, port, process, output)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.wait(_END_SECONDS)


def _url(output: Path, port: int) -> str:
    found = re.search(r"http://127\.0\.0\.1:\S+token=\S+", output.read_text())
    return found[0] if found and not ports.is_free(port) else ""


@dataclass
class Seen:
    """A page, with all it asked for and all it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @property
    def hosts(self) -> set[str]:
        """The machines its requests went to; what a page makes itself (`blob:`, `data:`) goes nowhere."""
        parts = [urlsplit(url) for url in self.requests]
        return {part.hostname or "" for part in parts if part.scheme not in ("blob", "data")}

    def get(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, as a person does who uses no mouse."""
        for key in keys:
            self.page.keyboard.press(key)

    def number(self, sender: str, receiver: str) -> str | None:
        """What the map says is pending on a link."""
        return self.get(f"link-{sender}-{receiver}").get_attribute("data-pending")

    def bands(self) -> list[tuple[float, float]]:
        """From when to when the bands behind the first chart go, as the picture has them."""
        areas: list[list[dict[str, Any]]] = self.page.evaluate(
            """() => { const at = document.querySelector('.chart'), vue = getElement(at.id.slice(1));
            const shown = vue.chart.getOption().series.find(one => one.id.startsWith('bands-'));
            return shown.markArea[0] ? shown.markArea[0].data : shown.markArea.data; }"""
        )
        return [(area[0]["xAxis"], area[1]["xAxis"]) for area in areas]


def open_seen(browser: Browser, url: str, *, size: tuple[int, int] = (1280, 720)) -> Seen:
    """A new page at an address."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    seen = Seen(context.new_page())
    seen.page.goto(url)
    return seen


def records_of(run_dir: Path, *kinds: str) -> Sequence[Any]:
    """The records of these kinds in the newest run log."""
    return [one for one in read_records(run_dir / "run.jsonl") if one["kind"] in kinds]
