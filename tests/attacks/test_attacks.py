"""Every attempt of the catalogue, against real nodes, and the table's own arithmetic."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding, in_runs
from tests.attacks.catalogue import catalogue
from tests.attacks.ground import prepared

pytestmark = pytest.mark.timed

_RUNS = [run for attempts in catalogue().values() for run in in_runs(attempts)]
_RUN_OF = {attempt.name: number for number, run in enumerate(_RUNS) for attempt in run}


@pytest.fixture(scope="module")
def arena_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Attempt], Arena]]:
    """The arena for an attempt: the one before, where the attempt can share it, else a new one."""
    with ExitStack() as stack:
        standing: dict[int, Arena] = {}

        def arena_of(attempt: Attempt) -> Arena:
            run = _RUN_OF[attempt.name]
            if run not in standing:
                stack.close()
                standing.clear()
                directory = tmp_path_factory.mktemp("attack") / "network"
                standing[run] = stack.enter_context(prepared(attempt.ground, directory))
            return standing[run]

        yield arena_of


def _marks(attempt: Attempt) -> pytest.MarkDecorator:
    return pytest.mark.compose if attempt.driver == "compose" else pytest.mark.cluster


@pytest.mark.parametrize(
    "attempt",
    [pytest.param(attempt, id=attempt.name, marks=_marks(attempt)) for run in _RUNS for attempt in run],
)
def test_the_network_holds_against(attempt: Attempt, arena_of: Callable[[Attempt], Arena]) -> None:
    finding = asyncio.run(attempt.run(arena_of(attempt)))
    assert finding.held, f"expected: {attempt.expected}; got: {finding.got}"


async def _nothing(_arena: Arena) -> Finding:
    return Finding(held=True, got="")


def _attempt(name: str, *, nodes: int = 3, alone: bool = False) -> Attempt:
    return Attempt(name, "nothing", _nothing, nodes=nodes, alone=alone)


def test_attempts_in_a_row_share_a_network_unless_one_is_alone_or_needs_another() -> None:
    attempts = [
        _attempt("a"),
        _attempt("b"),
        _attempt("c", alone=True),
        _attempt("d"),
        _attempt("e", nodes=2),
        _attempt("f", nodes=2),
    ]
    assert [[attempt.name for attempt in run] for run in in_runs(attempts)] == [
        ["a", "b"],
        ["c"],
        ["d"],
        ["e", "f"],
    ]
