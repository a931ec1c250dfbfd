"""Every scenario there is, in the order in which a class would meet them; those of the lesson come last."""

from functools import cache

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.teaching.lesson.scenarios import lesson_scenarios
from branchlab.teaching.scenarios import (
    apart,
    branch_paused,
    branch_stopped,
    cable_cut,
    cable_cut_majority,
    cut_both_sell,
    damaged_disk,
    disk_full,
    forged_event,
    founding,
    kill_nine,
    killed_queue,
    last_unit_one_node,
    last_unit_third_node,
    last_unit_two_nodes,
    lost_disk,
    overwritten_sale,
    replicates,
    restored_backup,
    three_plus_two,
    wiped_twice,
)
from branchlab.teaching.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    last_unit_one_node.SCENARIO,
    last_unit_two_nodes.SCENARIO,
    last_unit_third_node.SCENARIO,
    three_plus_two.SCENARIO,
    branch_stopped.SCENARIO,
    branch_paused.SCENARIO,
    cable_cut.SCENARIO,
    cable_cut_majority.SCENARIO,
    kill_nine.SCENARIO,
    apart.SCENARIO,
    founding.SCENARIO,
    lost_disk.SCENARIO,
    restored_backup.SCENARIO,
    damaged_disk.SCENARIO,
    disk_full.SCENARIO,
    replicates.SCENARIO,
    overwritten_sale.SCENARIO,
    cut_both_sell.SCENARIO,
    killed_queue.SCENARIO,
    forged_event.SCENARIO,
    wiped_twice.SCENARIO,
)


@cache
def _all() -> tuple[Scenario, ...]:
    return (*SCENARIOS, *lesson_scenarios())


def get(name: str) -> Scenario:
    """The scenario called `name`; LabError lists those there are."""
    for scenario in _all():
        if scenario.name == name:
            return scenario
    raise LabError(
        _(
            "there is no scenario '{name}'; the scenarios are {names}",
            name=name,
            names=", ".join(s.name for s in _all()),
        )
    )


def in_group(group: str) -> list[Scenario]:
    """The scenarios of a group (`all` is every one); LabError lists the groups there are."""
    groups = list(dict.fromkeys(scenario.group for scenario in _all()))
    if group != "all" and group not in groups:
        raise LabError(
            _(
                "there is no group '{group}'; the groups are all, {groups}",
                group=group,
                groups=", ".join(groups),
            )
        )
    return [scenario for scenario in _all() if group in ("all", scenario.group)]
