"""Plays one directed history: a test of the node, with the fixtures that it names, in virtual time."""

import asyncio
import inspect
import linecache
import logging
import sqlite3
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self
from unittest import mock

import pytest

from app.api.problems import handlers
from app.api.problems.table import say
from tests.recovery.trial import Trial
from tests.simulation.scratch import memory
from tests.support.branch import Branches
from tests.support.company import Company
from tests.support.virtual import VirtualLoop

MISTAKES = (TypeError, AttributeError, NameError, SyntaxError, ImportError)
"""What a plant raises that is itself broken: such a failure proves nothing."""


class BadPlant(Exception):
    """The planted code is broken in itself, so that whatever failed says nothing about the bug."""


def play(history: Callable[..., Any], arguments: Mapping[str, Any], *, template: Path) -> str | None:
    """Play a history; what failed in it, in a line, or None if it passed. Raises BadPlant."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="teeth-", dir=memory())))
        log = stack.enter_context(_Log())
        try:
            _perform(history, arguments, place=place, template=template)
        except MISTAKES as error:
            raise BadPlant(_words(error)) from error
        except (Exception, pytest.fail.Exception) as failure:
            log.require_sense()
            return _words(failure)
        log.require_sense()
    return None


def tell(history: Callable[..., Any], *, template: Path) -> str | None:
    """Play a history that every node must survive; what it returns. Raises what it raises, and BadPlant."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="teeth-", dir=memory())))
        log = stack.enter_context(_Log())

        async def perform() -> str | None:
            async with _trial(place, template) as trial:
                told: str | None = await history(trial)
                return told

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            told = runner.run(perform())
        log.require_sense()
        return told


def _perform(
    history: Callable[..., Any], arguments: Mapping[str, Any], *, place: Path, template: Path
) -> None:
    wanted = [name for name in inspect.signature(history).parameters if name not in arguments]
    if inspect.iscoroutinefunction(history):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_perform_async(history, arguments, wanted, place=place, template=template))
    else:
        with closing(sqlite3.connect(template)) as schema, closing(Branches(schema)) as branches:
            history(**{name: _of_branches(name, branches) for name in wanted}, **arguments)


def _of_branches(name: str, branches: Branches) -> Any:
    if name == "apart":
        return branches.make("matriz"), branches.make("norte")
    assert name == "branches", f"no stage has {name}"
    return branches


async def _perform_async(
    history: Callable[..., Coroutine[Any, Any, None]],
    arguments: Mapping[str, Any],
    wanted: list[str],
    *,
    place: Path,
    template: Path,
) -> None:
    async with _trial(place, template) as trial:
        fixtures = {"trial": trial, "company": trial.company}
        await history(**{name: fixtures[name] for name in wanted}, **arguments)


@asynccontextmanager
async def _trial(place: Path, template: Path) -> AsyncIterator[Trial]:
    trial = Trial(Company(place, empty_file=template), place)
    try:
        yield trial
    finally:
        await trial.close()
        await trial.company.close()


class _Log(logging.Handler):
    """Hears what nodes log and what they answer 500 for, so that no history fails by a mistake in the planted
    code itself."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self._loggers = [logging.getLogger(name) for name in ("app", "asyncio")]
        self._mistake: BaseException | None = None
        self._answering = mock.patch.object(handlers, "say", self._say)

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record.exc_info[1] if record.exc_info else None)

    def _say(self, error: Exception) -> Any:
        self._note(error)
        return say(error)

    def _note(self, error: BaseException | None) -> None:
        if isinstance(error, MISTAKES):
            self._mistake = error

    def require_sense(self) -> None:
        """Raise BadPlant if a node met a mistake in the planted code."""
        if self._mistake is not None:
            raise BadPlant(_words(self._mistake)) from self._mistake

    def __enter__(self) -> Self:
        self._answering.start()
        for logger in self._loggers:
            logger.addHandler(self)
            logger.propagate = False
        return self

    def __exit__(self, *_exc: object) -> None:
        self._answering.stop()
        for logger in self._loggers:
            logger.removeHandler(self)
            logger.propagate = True


def _words(failure: BaseException) -> str:
    """Where a failure stands in the tests, and what it says."""
    frames = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in frames if "/tests/" in frame.filename and "/teeth/stage" not in frame.filename]
    tests = [frame for frame in ours if Path(frame.filename).name.startswith("test_")]
    at = (tests or ours or list(frames))[-1]
    line = linecache.getline(at.filename, at.lineno or 0).strip()
    said = str(failure).partition("\n")[0].partition(": <")[0]
    kind = "" if isinstance(failure, AssertionError) else f"{type(failure).__name__} "
    return f"{Path(at.filename).name}:{at.lineno} {line}" + (f" -- {kind}{said}" if kind or said else "")
