"""The random source that is drawn from ahead."""

from concurrent.futures import ThreadPoolExecutor

from app.runtime import system_random


def test_every_draw_has_the_length_asked_for() -> None:
    random = system_random()
    lengths = [0, 1, 10, 16, 31, 32, 33, 500, 5000, 16]
    assert [len(random.randbytes(length)) for length in lengths] == lengths


def test_no_bytes_are_given_twice() -> None:
    random = system_random()
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: random.randbytes(16), range(4000)))
    assert len(set(drawn)) == len(drawn)
    pieces = {drawn_one[at : at + 8] for drawn_one in drawn for at in (0, 8)}
    assert len(pieces) == 2 * len(drawn)
