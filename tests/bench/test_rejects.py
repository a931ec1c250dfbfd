"""What `loadtests.bench.rejects` measures is what it says."""

import asyncio

from loadtests.bench.rejects import measure


def test_each_kind_of_request_is_answered_as_it_should_be_and_has_its_cost() -> None:
    """`measure` asserts the status of each answer."""
    found = asyncio.run(measure(1, 4))
    assert {name[:3] for name in found} == {"201", "401", "403", "409", "422", "503"}
    assert all(cost > 0 for cost in found.values())
