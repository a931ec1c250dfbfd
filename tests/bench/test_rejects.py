"""What `loadtests.bench.rejects` measures is what it says."""

import asyncio

from loadtests.bench.parts.refusals import dearest_by_status
from loadtests.bench.ratios import BY_NAME
from loadtests.bench.rejects import measure


def test_each_kind_of_request_is_answered_as_it_should_be_and_has_its_cost() -> None:
    """`measure` asserts the status of each answer."""
    found = asyncio.run(measure(1, 4))
    assert {name[:3] for name in found} == {"201", "401", "403", "409", "422", "503"}
    assert all(cost > 0 for cost in found.values())


def test_every_refusal_that_is_measured_has_a_ratio_and_may_cost_no_more_than_an_order() -> None:
    statuses = {name.split()[0] for name in asyncio.run(measure(1, 4))} - {"201"}
    assert {status: BY_NAME[status].wish() for status in statuses} == dict.fromkeys(statuses, "≤ 1")


def test_a_refusal_with_several_causes_costs_what_the_dearest_one_does() -> None:
    costs = {"201": 100.0, "401 a wrong token": 90.0, "401 no token": 60.0}
    assert dearest_by_status(costs) == {"201": 100.0, "401": 90.0}
