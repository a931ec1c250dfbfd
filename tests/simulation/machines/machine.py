"""A branch's machine: its database file, and the process that runs its node, while it runs."""

import asyncio
import contextvars
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from app.config import Settings
from app.node import BranchNode
from app.sync.peering.transport import Transport
from tests.simulation.journal import Journal
from tests.simulation.machines import versions, wal
from tests.simulation.machines.disk import SimExecutor
from tests.simulation.machines.process import Down, Process, Unknown
from tests.support.doors import doors_of
from tests.support.seams import writing_connection
from tests.support.virtual import VirtualClock

LONGEST_WORK_SECONDS = 60.0  # of opening or closing a node on a disk that stalls


@dataclass(frozen=True)
class Surroundings:
    """What all machines of a history share.

    `on_commit` is called at the instant after each commit of a machine, before any client gets an answer. New
    files are copies of `template`. With `http`, the nodes have their routes. `next_protocol` is spoken by the
    next version of the node.
    """

    journal: Journal
    random: Callable[..., Random]
    transport: Callable[[str], Transport]
    on_commit: Callable[["Machine"], None]
    template: Path
    http: bool = False
    next_protocol: tuple[int, int] = versions.OVERLAPS


class Machine:
    """A branch's machine. It is off at first; its file survives whatever happens to the process. `twin` is a
    machine of the same branch that runs on a copy of this one's disk, while there is one. `label` tells the
    two apart.
    """

    def __init__(self, settings: Settings, around: Surroundings, *, label: str | None = None) -> None:
        self.name = settings.node_name
        self.label = label or self.name
        self.path = settings.database_path
        self.wipes = 0
        self.restores = 0
        self.copies = 0
        self.twin: Machine | None = None
        self.scrapped = False
        self.version = versions.THIS
        self.kept: Path | None = None
        self.clock = VirtualClock()
        self.process: Process | None = None
        self._settings = settings
        self._around = around
        self._starts = 0
        self._commits_to_live: int | None = None
        self._safe_before: wal.Place | None = None
        self._most_bytes: int | None = None
        self._reaping: asyncio.Task[None] | None = None
        shutil.copy(around.template, self.path)

    @property
    def losses(self) -> int:
        """How often its disk was lost, went back, or was copied."""
        return self.wipes + self.restores + self.copies

    async def start(self) -> None:
        """Start the node on the file as it is."""
        await self.reaped()
        if self.scrapped:
            return
        self._starts += 1
        self._commits_to_live = None
        executor = SimExecutor(
            self._around.random("disk", self.label, self._starts), on_commit=self._committed
        )
        parts: dict[str, Any] = {
            "clock": self.clock,
            "random": self._around.random("node", self.label, self._starts),
            "transport": self._around.transport(self.name),
            "executor": executor,
            "compares_mirror": True,
        }
        settings = self._settings.model_copy(update={"database_path": self.path})
        with versions.built(self.version, self._around.next_protocol):
            node = BranchNode(settings, **parts)
        app = doors_of(node) if self._around.http else None
        self.process = process = Process(node, executor, app=app, version=self.version)
        self._around.journal.note(self.label, "starts", self._starts)
        with suppress(Unknown):  # it may be killed before it is open
            await process.do(node.open(), patience=LONGEST_WORK_SECONDS)
            process.serves = True
            if self._most_bytes is not None:
                await self.limit_bytes(self._most_bytes)

    async def limit_bytes(self, most: int | None) -> None:
        """Let the disk hold at most `most` bytes of the database; None is no limit. A start does not change
        that."""
        self._most_bytes = most
        process = self.process
        if process is not None and process.serves:
            with suppress(Down, Unknown):  # then its next start finds the disk so
                await process.do(process.node.database.limit_bytes(most), patience=LONGEST_WORK_SECONDS)

    async def stop(self) -> None:
        """Stop the node as SIGTERM does."""
        process, self.process = self.process, None
        if process is not None:
            self._around.journal.note(self.label, "stops")
            await process.do(process.node.close(), patience=LONGEST_WORK_SECONDS)
            process.kill()
            await process.reap()

    def crash(self) -> None:
        """Kill the node now. Uncommitted work is lost: the next start recovers from a copy of the file and
        its log as they are at this instant."""
        process, self.process = self.process, None
        assert process is not None, "only a running node crashes"
        self._around.journal.note(self.label, "is killed")
        process.kill()
        self.path = _copy(self.path, f"{self.label}-{self._starts}.db")
        loop = asyncio.get_running_loop()
        self._reaping = loop.create_task(process.reap(), context=contextvars.Context())

    def lose_power(self) -> None:
        """Kill the node, and lose what its disk had not synced. Sometimes the log then ends in rubbish."""
        self._die_without_power(self._safe())

    def wipe(self) -> None:
        """Kill the node and lose its disk: the next start finds an empty file."""
        self.crash()
        self.wipes += 1
        self.path = self.path.with_name(f"{self.name}-wiped-{self.wipes}.db")
        shutil.copy(self._around.template, self.path)

    def keep(self) -> None:
        """Put a copy of the disk as it is now aside."""
        self.kept = _copy(self.path, f"{self.name}-kept.db")

    def restore(self) -> None:
        """Kill the node, and set its disk back to the copy."""
        assert self.kept is not None, "a copy was kept"
        self.crash()
        self.restores += 1
        self.path = _copy(self.kept, f"{self.name}-restored-{self.restores}.db")

    def copy(self) -> "Machine":
        """A second machine of this branch, off yet, with a copy of the disk as it is at this instant."""
        self.copies += 1
        label = f"{self.name}-copy-{self.copies}"
        path = self.path.with_name(f"{label}.db")
        self.twin = twin = Machine(
            self._settings.model_copy(update={"database_path": path}),
            self._around,
            label=label,
        )
        _copy(self.path, path.name)
        twin.copies = 1
        twin.version = self.version
        twin.clock.offset = self.clock.offset
        return twin

    def part(self, twin: "Machine", *, keep: bool) -> None:
        """Kill both processes of the branch and throw one disk away: the copy's, or the first with `keep`."""
        for machine in (self, twin):
            if machine.process is not None:
                machine.crash()
        twin.scrapped = True
        self.twin = None
        if keep:
            self.path = twin.path

    async def reaped(self) -> None:
        """Return when a killed process has left nothing behind."""
        if self._reaping is not None:
            await self._reaping
            self._reaping = None

    def spare(self) -> None:
        """Take back what `doom` announced."""
        self._commits_to_live = None

    def doom(self, commits: int, *, power: bool = False) -> None:
        """Kill the node after that many more commits, before any client gets the answer to the last one. With
        `power`, kill it in the middle of the last one, when the disk has any part of it."""
        self._commits_to_live = commits
        self._safe_before = self._safe() if power and self.process is not None else None

    def _committed(self) -> None:
        if self.process is None or self._commits_to_live is None:
            self._around.on_commit(self)
            return
        self._commits_to_live -= 1
        last = self._commits_to_live <= 0
        if last and self._safe_before is not None:
            self._die_without_power(self._safe_before)  # unseen: nobody knows what is left of this commit
            return
        self._around.on_commit(self)
        if last:
            self.crash()
        elif self._safe_before is not None:
            self._safe_before = self._safe()

    def _safe(self) -> wal.Place:
        connection = None if self.process is None else writing_connection(self.process.node.database)
        return wal.Place() if connection is None else wal.synced(self.path, connection)

    def _die_without_power(self, safe: wal.Place) -> None:
        before = self.path
        self.crash()
        wal.cut_power(
            before, self.path, safe=safe, random=self._around.random("power", self.label, self._starts)
        )


def _copy(path: Path, name: str) -> Path:
    copy = path.with_name(name)
    shutil.copy(path, copy)
    log, copy_of_log = Path(f"{path}-wal"), Path(f"{copy}-wal")
    copy_of_log.unlink(missing_ok=True)  # of an earlier copy
    if log.exists():
        shutil.copy(log, copy_of_log)
    return copy
