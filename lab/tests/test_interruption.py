"""What Ctrl-C and its kin do while a verb works, and while it cleans up."""

import signal

import pytest

from lab.interruption import terminate_as_interrupt, uninterrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_way_of_ending_a_program_is_an_interrupt(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), terminate_as_interrupt():
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_cleaning_up_is_not_interrupted(number: signal.Signals) -> None:
    finished = False
    with terminate_as_interrupt(), uninterrupted():
        signal.raise_signal(number)
        finished = True
    assert finished


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with terminate_as_interrupt(), uninterrupted():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before
