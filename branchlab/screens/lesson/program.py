"""Plays a scenario by `./lab lesson` in a program of its own: what it does to networks holds up no page, and
it clears away after itself however it ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from branchlab import private, settings
from branchlab.checking.timeline.lesson import Vote
from branchlab.language import Language

_END_SECONDS = 60.0
_LAST_LINES = 2
NOT_FOUND = 2
"""The exit code of a play that could not be judged, or that never began."""


class Program:
    """The programs of one room. `folder` is where they keep networks and logs."""

    def __init__(self, folder: Path, driver: str, *, is_fast: bool = False) -> None:
        self.folder = folder
        self._driver = driver
        self._is_fast = is_fast
        self._process: asyncio.subprocess.Process | None = None

    async def play(self, scenario: str, votes: Sequence[Mapping[str, Vote]], language: Language) -> int:
        """Plays it with these votes on its questions; returns the exit code of `./lab lesson`: 0 when all was
        seen that should be, 1 when not, 2 when that could not be judged."""
        private.make_folder(self.folder)
        ballot = self.folder / "room-votes.json"
        private.write_text(ballot, json.dumps({scenario: [dict(one) for one in votes]}))
        words = [
            sys.executable,
            "-m",
            "branchlab",
            "lesson",
            scenario,
            "--unattended",
            "--votes",
            str(ballot),
        ]
        words += ["--driver", self._driver, "--directory", str(self.folder), "--lang", language]
        with private.open_text(self._output, "w") as output:
            self._process = await asyncio.create_subprocess_exec(
                *words,
                *(["--fast"] if self._is_fast else []),
                cwd=settings.ROOT,
                env={**os.environ, "PYTHONUTF8": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches it through `end` alone, once
            )
            try:
                return await self._process.wait()
            finally:
                await self.end()

    async def end(self) -> None:
        """Ends the play that is under way, if any, as Ctrl-C does, and waits until it has cleared away."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.shield(process.wait())
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()

    def last_words(self) -> str:
        """The last lines that it printed: they say what was wrong."""
        try:
            lines = self._output.read_text(encoding="utf-8").strip().splitlines()
        except OSError:
            return ""
        return " ".join(line.strip() for line in lines[-_LAST_LINES:])

    @property
    def _output(self) -> Path:
        return self.folder / "room-lesson.log"
