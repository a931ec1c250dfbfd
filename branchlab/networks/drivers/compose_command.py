"""Docker Compose as this machine has it: the v2 plugin, or v1.29 where only that exists."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from branchlab import private, settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.drivers.told import OnLine, run_told
from branchlab.steps import silent

_ASK_SECONDS = 10.0
_ACT_SECONDS = 1800.0  # a first build on a slow line
_OLDEST = (1, 29)
_NO_ENV_FILE = Path(__file__).with_name("nothing.env")
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
            raise LabError(
                _(
                    "{command} ended with status {returncode}",
                    command=self._called(arguments),
                    returncode=ended.returncode,
                )
            )

    def run_logged(
        self,
        *arguments: str,
        files: Sequence[Path],
        environment: Mapping[str, str],
        log: Path,
        on_line: OnLine = silent,
    ) -> None:
        """Runs it on the given files, with its output added to `log`; `on_line` gets each line of it at once.
        LabError is the last one."""
        private.make_folder(log.parent)
        said = ""
        with private.open_text(log, "a") as output:

            def keep(line: str) -> None:
                nonlocal said
                output.write(line + "\n")
                said = line.strip() or said
                on_line(line)

            exit_code = run_told(
                self._command(files, arguments),
                keep,
                seconds=_ACT_SECONDS,
                # Compose 1 would keep its lines for itself until they fill a page.
                environment={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )
        if exit_code:
            raise LabError(
                _(
                    "{command} failed: {said} (all of it in {log})",
                    command=self._called(arguments),
                    said=said or _("it does not say why"),
                    log=log,
                )
            )

    def _command(self, files: Sequence[Path], arguments: Sequence[str]) -> list[str]:
        chosen = [word for file in files for word in ("-f", str(file))]
        places = ("--project-directory", str(settings.ROOT), "--env-file", str(_NO_ENV_FILE))
        return [*self.words, *places, *chosen, *arguments]

    def _called(self, arguments: Sequence[str]) -> str:
        return f"`{' '.join([*self.words, *arguments[:1]])}`"


def find_all() -> list[ComposeCommand]:
    """Every Compose there is, the preferred one first."""
    return [*_found()]


def find() -> ComposeCommand:
    """The Compose to use; none after it is asked for its version. LabError says what to install where there
    is none, or only one that is too old."""
    found = []
    for command in _found():
        if command.supported:
            return command
        found.append(command)
    there = (
        _("there is only version {version} of Docker Compose here", version=found[0].version)
        if found
        else _("there is no Docker Compose here")
    )
    advice = _("install the Compose plugin (1.29 is the oldest that works), or use `make up DRIVER=process`")
    raise LabError(f"{there}; {advice}")


def _found() -> Iterator[ComposeCommand]:
    """Asks one after the other, the preferred one first: Compose 1 alone takes a second for its version."""
    for words in _SPELLINGS:
        try:
            asked = subprocess.run(
                [*words, "version", "--short"],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_ASK_SECONDS,
                check=False,
            )
        except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
            continue
        if asked.returncode == 0:
            yield ComposeCommand(words=words, version=asked.stdout.strip())
