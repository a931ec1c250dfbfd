"""Docker Compose as this machine has it: the v2 plugin, or v1.29 where only that exists."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import settings
from lab.errors import LabError

_ASK_SECONDS = 10.0
_ACT_SECONDS = 1800.0  # a first build on a slow line
_OLDEST = (1, 29)
_SPELLINGS = (("docker", "compose"), ("docker-compose",))  # the first that answers is used


@dataclass(frozen=True)
class ComposeCommand:
    """One Compose: the words that start it, and its version."""

    words: tuple[str, ...]
    version: str

    @property
    def supported(self) -> bool:
        numbers = self.version.removeprefix("v").split(".")
        try:
            return tuple(int(number) for number in numbers[:2]) >= _OLDEST
        except ValueError:  # a development build names itself freely
            return True

    def run(self, *arguments: str, files: Sequence[Path], environment: Mapping[str, str]) -> None:
        """Runs it on the given files, with its output on the terminal. LabError when it fails."""
        command = self._command(files, arguments)
        ended = subprocess.run(
            command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, check=False
        )
        if ended.returncode:
            raise LabError(f"{self._called(arguments)} ended with status {ended.returncode}")

    def run_logged(
        self, *arguments: str, files: Sequence[Path], environment: Mapping[str, str], log: Path
    ) -> None:
        """Runs it on the given files, with its output added to `log`. LabError is the last line of that."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as output:
            ended = subprocess.run(
                self._command(files, arguments),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_ACT_SECONDS,
                check=False,
            )
        if ended.returncode:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said = next((line.strip() for line in reversed(lines) if line.strip()), "it does not say why")
            raise LabError(f"{self._called(arguments)} failed: {said} (all of it in {log})")

    def _command(self, files: Sequence[Path], arguments: Sequence[str]) -> list[str]:
        chosen = [word for file in files for word in ("-f", str(file))]
        return [*self.words, "--project-directory", str(settings.ROOT), *chosen, *arguments]

    def _called(self, arguments: Sequence[str]) -> str:
        return f"`{' '.join([*self.words, *arguments[:1]])}`"


def find_all() -> list[ComposeCommand]:
    """Every Compose there is, the preferred one first."""
    found = []
    for words in _SPELLINGS:
        try:
            asked = subprocess.run(
                [*words, "version", "--short"],
                capture_output=True,
                text=True,
                timeout=_ASK_SECONDS,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            found.append(ComposeCommand(words=words, version=asked.stdout.strip()))
    return found


def find() -> ComposeCommand:
    """The Compose to use. LabError says what to install where there is none, or only one that is too old."""
    found = find_all()
    for command in found:
        if command.supported:
            return command
    there = f"only version {found[0].version} of" if found else "no"
    raise LabError(
        f"there is {there} Docker Compose here; install the Compose plugin (1.29 is the oldest that works),"
        " or use `make up DRIVER=process`"
    )
