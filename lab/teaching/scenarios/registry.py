"""Every scenario there is, in the order in which a class would meet them."""

from lab.errors import LabError
from lab.teaching.scenarios import (
    apart,
    branch_paused,
    branch_stopped,
    cable_cut,
    cable_cut_majority,
    damaged_disk,
    disk_full,
    founding,
    kill_nine,
    last_unit_one_node,
    last_unit_third_node,
    last_unit_two_nodes,
    lost_disk,
    restored_backup,
    three_plus_two,
)
from lab.teaching.scenarios.stage import Scenario

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
)


def get(name: str) -> Scenario:
    """The scenario called `name`; LabError lists those there are."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise LabError(f"there is no scenario '{name}'; the scenarios are {', '.join(s.name for s in SCENARIOS)}")


def in_group(group: str) -> list[Scenario]:
    """The scenarios of a group (`all` is every one); LabError lists the groups there are."""
    groups = list(dict.fromkeys(scenario.group for scenario in SCENARIOS))
    if group != "all" and group not in groups:
        raise LabError(f"there is no group '{group}'; the groups are all, {', '.join(groups)}")
    return [scenario for scenario in SCENARIOS if group in ("all", scenario.group)]
