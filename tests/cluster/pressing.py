"""Presses Ctrl-C at a verb of the lab, as a terminal does, at a moment that shows from outside."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from branchlab import settings
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.poll import poll_blocking

_POLL_SECONDS = 0.05
_MOMENT_SECONDS = 180.0
_END_SECONDS = 120.0
_OURS = re.compile(r"^(interrupted|interrompido)\b", re.MULTILINE)
_COMPLAINTS = ("Traceback", "Exception ignored", "was never", "KeyboardInterrupt", "Error")


@dataclass
class Pressed:
    """A verb under way in a session of its own, and what came of it. `place` has its log in its `runs/`,
    `nodes` is the folder of its nodes, and `family` are all programs that it ever had."""

    process: "subprocess.Popen[bytes]"
    output: Path
    place: Path
    nodes: Path
    earlier: frozenset[Path]
    family: set[psutil.Process] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Notes how long the logs of the nodes are before the verb begins."""
        self.told = {path.parent.name: path.stat().st_size for path in self.nodes.glob("*/node.log")}

    def node_log(self, node: str) -> str:
        """What a node has written since then."""
        file = self.nodes / node / "node.log"
        return file.read_bytes()[self.told.get(node, 0) :].decode() if file.exists() else ""

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def log_file(self) -> Path | None:
        """The log of its run, or None where there is none yet."""
        return next((path for path in logs(self.place) if path not in self.earlier), None)

    def log(self) -> str:
        """What is in that log so far."""
        file = self.log_file()
        return "" if file is None else file.read_text(encoding="utf-8")

    def log_words(self) -> str:
        """How the last line ends where there is a log of the run."""
        file = self.log_file()
        return "" if file is None else f"; its log, without a verdict: {shown(file)}"

    def is_described(self) -> bool:
        """Whether its network has been written down."""
        return (self.nodes / "network.json").exists()

    def alive(self) -> list[str]:
        """The nodes whose processes are there."""
        return sorted(
            record.parent.name
            for record in self.nodes.glob("*/process.json")
            if NodeProcess(record.parent).alive()
        )

    def seconds(self) -> float:
        """The processor's time that it and its programs have taken so far."""
        taken = 0.0
        for process in self.look():
            with suppress(psutil.Error):
                times = process.cpu_times()
                taken += times.user + times.system
        return taken

    def look(self) -> list[psutil.Process]:
        """The verb's process and its programs at this moment."""
        with suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            found = [own, *own.children(recursive=True)]
            self.family.update(found)
            return found
        return []

    def press(self) -> None:
        """What a terminal does: the signal goes to every process of the group."""
        self.look()
        os.killpg(self.process.pid, signal.SIGINT)


Moment = Callable[[Pressed], bool]


@dataclass(frozen=True)
class Named:
    """A moment with its name, for the test's."""

    name: str
    is_there: Moment

    def __str__(self) -> str:
        return self.name


def worked(seconds: float) -> Named:
    """When it has taken so much of the processor's time, which no other program's work changes."""
    return Named(f"worked-{seconds:g}", lambda pressed: pressed.seconds() >= seconds)


def said(lines: int) -> Named:
    return Named(f"said-{lines}", lambda pressed: pressed.said().count("\n") >= lines)


def logged(text: str, times: int = 1) -> Named:
    """When its run log has this so often."""
    return Named(f"logged-{text}-{times}", lambda pressed: pressed.log().count(text) >= times)


def recorded(many: int) -> Named:
    return Named(f"recorded-{many}", lambda pressed: pressed.log().count("\n") >= many)


def started(many: int) -> Named:
    """When so many nodes are there."""
    return Named(f"started-{many}", lambda pressed: len(pressed.alive()) >= many)


def node_said(node: str, text: str) -> Named:
    """When a node has written this since the verb began."""
    return Named(f"{node}-{text.partition(' ')[0]}", lambda pressed: text in pressed.node_log(node))


def running(node: str) -> Named:
    """When a node that was paused or stopped runs again."""

    def is_running(pressed: Pressed) -> bool:
        process = NodeProcess(pressed.nodes / node)
        return process.alive() and not process.paused()

    return Named(f"running-{node}", is_running)


def connected(seconds: float = 0.0) -> Named:
    """When it has talked to a node, and has then taken so much more of the processor's time."""
    since: list[float] = []

    def is_connected(pressed: Pressed) -> bool:
        with suppress(psutil.Error):
            if not since and psutil.Process(pressed.process.pid).net_connections("tcp"):
                since.append(pressed.seconds())
        return bool(since) and pressed.seconds() >= since[0] + seconds

    return Named(f"connected-{seconds:g}", is_connected)


def programs(many: int) -> Named:
    """When it has started so many programs."""
    return Named(f"programs-{many}", lambda pressed: len(pressed.look()) > many)


def shown(path: Path) -> Path:
    return path.relative_to(settings.ROOT) if path.is_relative_to(settings.ROOT) else path


def logs(place: Path) -> frozenset[Path]:
    return frozenset((place / "runs").glob("*.jsonl"))


@contextmanager
def under_way(
    *words: str, scratch: Path, place: Path, nodes: Path, environment: Mapping[str, str]
) -> Iterator[Pressed]:
    """Runs a verb; `scratch` takes its output and its temporary files."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    output = scratch / "output"
    with output.open("wb") as target:
        process = subprocess.Popen(
            [str(settings.ROOT / "lab"), *words],
            cwd=settings.ROOT,
            env={**os.environ, "LC_ALL": "C", "TMPDIR": str(temporary), **environment},
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    pressed = Pressed(process, output, place, nodes, logs(place))
    try:
        yield pressed
    finally:
        for one in pressed.family:
            with suppress(psutil.Error):
                one.kill()
        process.kill()
        process.wait()


def press_at(moment: Named, pressed: Pressed) -> str:
    """Presses Ctrl-C at the moment, and returns the one line that the verb ends with. Fails when it ends in
    any other way than it should."""

    def is_there() -> bool:
        if pressed.process.poll() is not None:
            raise AssertionError(f"it ended before {moment}: {pressed.said()}")
        return moment.is_there(pressed)

    assert poll_blocking(is_there, seconds=_MOMENT_SECONDS, every=_POLL_SECONDS), f"{moment} never came"
    pressed.press()
    pressed.process.wait(_END_SECONDS)
    shown = pressed.said()
    assert pressed.process.returncode == 130, shown
    assert not [word for word in _COMPLAINTS if word in shown], shown
    lines = shown.splitlines()
    assert len(_OURS.findall(shown)) == 1, shown
    assert _OURS.match(lines[-1]), shown
    assert not [one for one in pressed.family if runs(one)], "a program of it runs yet"
    assert [*(pressed.output.parent / "tmp").iterdir()] == []
    return lines[-1]


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
