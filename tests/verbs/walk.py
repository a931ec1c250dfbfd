"""Plays what the README shows: its commands, in a copy of the tree, and compares what they print.

    .venv/bin/python -m tests.verbs.walk [process|compose]

plays it too, and writes what commands print now into both READMEs, where that differs by more than VARIES.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from branchlab.networks import ports
from branchlab.networks.network import DEFAULT_BASE_PORT, MOST_NODES
from branchlab.poll import poll_blocking
from tests.recipes.tree import ROOT, copy_to

READMES = (ROOT / "README.md", ROOT / "README.pt-BR.md")

EVERYWHERE = (
    "1. Three branches",
    "2. An order",
    "3. A branch goes away",
    "4. It comes back",
    "5. A disk is lost",
    "6. Two buyers, one unit",
    "7. A whole history",
    "Broken links",
)
PLAYED = {"process": EVERYWHERE, "compose": (*EVERYWHERE, "With Docker")}
"""The README's sections that are played, by driver. Where one names the driver process, compose takes its
place."""
NOT_PLAYED = {
    "Start": "its commands are those of all other sections, and the tests themselves",
    "The demo": "its chart follows the pace of the machine; tests/cluster/test_demo.py plays it",
    "Load": "its numbers follow chance and the machine; tests/cluster/test_load.py plays it",
}

VARIES = (
    ("an id", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b", "ID"),
    ("the epoch in an order's number", r"(FILIAL-SUL-)[0-9A-F]{4}(-\d{6})", r"\1EPOCH\2"),
    ("a digest", r"(?<=digest )[0-9a-f]{8}", "DIGEST"),
    ("a moment", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", "MOMENT"),
    ("a time of day", r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
    ("a duration", r"\b\d+(?:\.\d+)? (?:s|ms)\b|\b\d+ min(?= left)", "DURATION"),
    ("whether a node waits with its next try, or tries", r"; next try in DURATION", ""),
    (
        "the latencies at the end of a row of the replay's table",
        r"((?: \d+){5})(?: \d+){3}$",
        r"\1 LATENCIES",
    ),
    ("the name of a run", r"-\d{8}T\d{6}-[0-9a-f]{4}\b", "-RUN"),
    ("who won a race", r"won by [a-z-]+ \d+(?:, [a-z-]+ \d+)*$", "won by RACE"),
)
"""What honestly varies in what commands print: its name, how it looks, and what stands for it."""

_STEP_SECONDS = 600.0
_SETTLE_SECONDS = 60.0
_HIDDEN = re.compile(r"LAB_|MAKE|MFLAGS|BASE_PORT|PYTEST|PYTHON|COVERAGE|LC_|LANG|COLUMNS")


@dataclass(frozen=True)
class Step:
    """One command of a README, and the lines shown below it. With none shown, only its exit code counts."""

    section: str
    command: str
    shown: tuple[str, ...]


def sections(text: str) -> dict[str, list[Step]]:
    """HEADING → the steps below it, for every heading with blocks for the terminal."""
    found: dict[str, list[Step]] = {}
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE):
        heading = part.partition("\n")[0]
        for block in re.findall(r"^```console\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
            found.setdefault(heading, []).extend(_steps(heading, block))
    return found


def _steps(section: str, block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield Step(section, command, tuple(shown))


def plain(lines: Sequence[str]) -> list[str]:
    """The lines as they must be each time: without what varies, without progress, and evenly spaced."""
    kept = [" ".join(line.split()) for line in lines]
    for _, pattern, instead in VARIES:
        kept = [re.sub(pattern, instead, line) for line in kept]
    return [line for line in kept if line and not line.endswith("…")]


class Walk:
    """The commands of a README, run in `root` by one driver, on ports of their own."""

    def __init__(self, root: Path, driver: str) -> None:
        self.driver = driver
        self._root = root
        free = ports.find_free(9 * MOST_NODES)
        self._base = next(port for port in free if all(map(ports.is_free, range(port, port + MOST_NODES))))
        self._variables: list[str] = []

    def play(self, step: Step) -> tuple[str, ...]:
        """What the command prints, as the README would show it.

        The nodes then have a moment to agree: a person types more slowly. For the same reason `make status`
        is repeated for a while until it prints what is shown, if anything is. AssertionError when the command
        fails.
        """
        is_repeated = step.command == "make status" and bool(step.shown)
        printed = poll_blocking(
            lambda: self._run(step),
            until=lambda lines: not is_repeated or plain(lines) == plain(step.shown),
            seconds=_SETTLE_SECONDS,
        )
        if "curl " in step.command:
            poll_blocking(self._is_settled, seconds=_SETTLE_SECONDS)
        return printed

    def clean(self) -> None:
        """Leaves nothing running, and no container, volume or image."""
        self._shell("./lab clean")

    def _run(self, step: Step) -> tuple[str, ...]:
        command = self._here(step.command)
        ended = self._shell("\n".join([*self._variables, command]))
        assert ended.returncode == 0, f"$ {command}\n{ended.stdout}{ended.stderr}"
        if command.startswith(". "):  # every command has a shell of its own
            self._variables.append(command)
        return tuple(line.rstrip() for line in self._shown(ended.stdout, step.section).splitlines())

    def _here(self, command: str) -> str:
        """The command for this driver and these ports."""
        command = command.replace("DRIVER=process", f"DRIVER={self.driver}")
        command = re.sub(r"^make up\b", f"make up UI=0 BASE_PORT={self._base}", command)
        command = re.sub(r"^make run\b", f"make run DRIVER={self.driver}", command)
        return re.sub(
            r"127\.0\.0\.1:(\d+)",
            lambda match: f"127.0.0.1:{int(match[1]) - DEFAULT_BASE_PORT + self._base}",
            command,
        )

    def _shown(self, printed: str, section: str) -> str:
        """What was printed, for the driver and the ports that the README has."""
        if section in EVERYWHERE:
            printed = printed.replace(f"driver {self.driver}", "driver process")
        printed = re.sub(r"(build/scenarios/[a-z-]+)-compose/", r"\1/", printed)
        return re.sub(
            r"127\.0\.0\.1:(\d+)",
            lambda match: f"127.0.0.1:{int(match[1]) - self._base + DEFAULT_BASE_PORT}",
            printed,
        )

    def _is_settled(self) -> bool:
        """Whether no node that runs has anything for another one that runs."""
        asked = self._shell("./lab status --json")
        nodes = json.loads(asked.stdout)["nodes"] if asked.returncode == 0 else {}
        running = {name for name, node in nodes.items() if node["state"] == "running"}
        return all(nodes[name]["pending"][peer] == 0 for name in running for peer in running - {name})

    def _shell(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self._root,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=_STEP_SECONDS,
            check=False,
        )


def _environment() -> dict[str, str]:
    """That of a terminal in English, without what a person or this program has set for the lab."""
    kept = {name: value for name, value in os.environ.items() if not _HIDDEN.match(name)}
    return {**kept, "LANG": "C.UTF-8"}


@contextmanager
def walk_of(driver: str, root: Path) -> Iterator[Walk]:
    """A walk in a copy of the tree at `root`, with the packages that are installed here."""
    copy_to(root)
    (root / ".venv").symlink_to(sys.prefix)
    for locked in (root / "requirements.txt", root / "services/node/requirements.txt"):
        os.utime(locked, (0, 0))  # else `make` would install what is there already
    walk = Walk(root, driver)
    try:
        yield walk
    finally:
        walk.clean()


def main() -> None:
    """Plays the walk, and writes what differs into both READMEs."""
    driver = sys.argv[1] if len(sys.argv) > 1 else "process"
    texts = {path: path.read_text(encoding="utf-8") for path in READMES}
    found = sections(texts[READMES[0]])
    with tempfile.TemporaryDirectory() as folder, walk_of(driver, Path(folder)) as walk:
        for step in [step for section in PLAYED[driver] for step in found[section]]:
            sys.stdout.write(f"$ {step.command}\n")
            printed = walk.play(step)
            if step.shown and plain(printed) != plain(step.shown):
                sys.stdout.write("".join(f"{line}\n" for line in printed))
                before, after = ("\n".join([step.command, *lines]) for lines in (step.shown, printed))
                texts = {path: text.replace(before, after, 1) for path, text in texts.items()}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
