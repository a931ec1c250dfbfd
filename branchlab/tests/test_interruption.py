"""What Ctrl-C and its kin do while a verb works, while it cleans up, and once it is over."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress

import pytest

from branchlab.interruption import Heed, current, heeded, run, shielded
from branchlab.poll import poll_blocking
from branchlab.settings import ROOT

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Left(Exception):
    """In place of the end of the program, which would take the tests along."""


def leave(line: str) -> None:
    raise Left(line)


class Hands:
    """A clock that tests set."""

    now = 100.0

    def read(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def heed(hands: Hands) -> Iterator[Heed]:
    """Heeds the signals of this process while a test runs, also where `nohup` began the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with heeded(Heed(clock=hands.read, leave=leave)) as one:
            one.give_up = lambda: "left as it was"
            yield one
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_way_of_ending_a_program_is_an_interrupt(heed: Heed, number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert heed.came


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_shielded_is_done_before_it_is_interrupted(heed: Heed, number: signal.Signals) -> None:
    done = []

    def work() -> None:
        with shielded():
            with shielded():
                signal.raise_signal(number)
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]
    assert heed.came


def test_presses_within_a_second_are_one(heed: Heed, hands: Hands) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    for _ in range(5):  # a key that is held repeats for longer than a second
        hands.now += 0.5
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("cleaning", [shielded, nullcontext])
def test_a_later_press_gives_up_the_cleaning(
    heed: Heed, hands: Hands, cleaning: Callable[[], AbstractContextManager[object]]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    hands.now += 1.0
    with pytest.raises(Left, match="left as it was"), cleaning():
        signal.raise_signal(signal.SIGINT)


def test_a_second_press_gives_up_what_is_shielded_from_the_first(heed: Heed, hands: Hands) -> None:
    def press_twice() -> None:
        with shielded():
            signal.raise_signal(signal.SIGINT)
            hands.now += 1.0
            with pytest.raises(Left):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):  # for the first one waits for the end of the shield
        press_twice()


def test_a_press_changes_nothing_once_the_verb_is_over(heed: Heed) -> None:
    heed.over = True
    signal.raise_signal(signal.SIGINT)
    assert not heed.came


def test_a_press_that_was_asked_for_is_no_interrupt(heed: Heed) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    heed.forget()
    assert not heed.came
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_coroutine_is_cancelled_and_cleans_up_first(heed: Heed) -> None:
    done = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            done.append("goes on to its next wait")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert done == ["goes on to its next wait", "cleaned up"]


def test_what_a_cancelled_coroutine_fails_with_is_an_interrupt_too(heed: Heed) -> None:
    async def work() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("what it talked to was interrupted, too") from None

    with pytest.raises(KeyboardInterrupt):
        run(work())


def test_a_coroutine_that_takes_no_notice_is_interrupted_at_its_end(heed: Heed) -> None:
    async def work() -> str:
        signal.raise_signal(signal.SIGINT)
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "done"

    with pytest.raises(KeyboardInterrupt):
        run(work())


def test_a_coroutine_that_cleans_up_after_a_press_is_run_to_its_end(heed: Heed) -> None:
    async def clean() -> str:
        await asyncio.sleep(0)
        return "clean"

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert run(clean()) == "clean"


def test_a_coroutine_runs_where_nobody_heeds_anything() -> None:
    async def work() -> int:
        return 7

    assert current() is None
    with shielded():
        assert run(work()) == 7


def test_another_thread_is_neither_shielded_nor_interrupted(heed: Heed) -> None:
    seen: list[Heed | None] = []

    def work() -> None:
        with heeded(), shielded():
            seen.append(current())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]


def test_one_block_within_another_is_the_same(heed: Heed) -> None:
    with heeded() as inner:
        assert inner is heed
    assert current() is heed


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with heeded():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_nohup_keeps_away_stays_away() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeded() as heed:
            signal.raise_signal(signal.SIGHUP)
            assert not heed.came
    finally:
        signal.signal(signal.SIGHUP, before)


SCRIPT = """
import time
from branchlab.interruption import heeded
with heeded() as heed:
    heed.give_up = lambda: "left as it is"
    try:
        print("works", flush=True)
        time.sleep(600)
    finally:
        print("cleans up", flush=True)
        time.sleep(600)
"""


@pytest.mark.whole
def test_a_program_that_cleans_up_for_long_is_left_by_a_second_press() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "works\n"
            program.send_signal(signal.SIGINT)
            assert program.stdout.readline() == "cleans up\n"

            def has_ended() -> bool:
                program.send_signal(signal.SIGINT)
                return program.poll() is not None

            assert poll_blocking(has_ended, seconds=60, every=1.1)  # more than one press takes
            assert program.stderr is not None
            assert (program.returncode, program.stderr.read()) == (130, "left as it is\n")
        finally:
            program.kill()


def test_every_verb_runs_its_coroutines_so_that_ctrl_c_ends_them_in_one_line() -> None:
    paths = [path for path in (ROOT / "branchlab").rglob("*.py") if "tests" not in path.parts]
    found = {str(path.relative_to(ROOT)) for path in paths if "asyncio.run(" in path.read_text("utf-8")}
    assert found == {"branchlab/interruption.py"}
