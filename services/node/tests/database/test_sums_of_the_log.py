"""The checksums of a log's frames: all pages at once come to what the standard's steps come to."""

from random import Random

import pytest

from app.database.salvage.wal import Order, _sums, _sums_after_page

SEEDS = [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x12345678, 0x9ABCDEF0)]


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pages_sums_are_those_of_the_steps_one_by_one(size: int, order: Order) -> None:
    random = Random(size)
    for page in (bytes(size), b"\xff" * size, random.randbytes(size), random.randbytes(size)):
        assert [_sums(page, seed, order) for seed in SEEDS] == _sums_after_page(SEEDS, page, order)
