"""The schedule of a torture keeps to what the network promises; its timeline tells what happened."""

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import pytest

from branchlab.checking.runlog import Record
from branchlab.faults.kinds import BY_NAME
from branchlab.networks.network import NODE_NAMES
from branchlab.nodes.contract import Status
from branchlab.teaching.torture.command import left_broken
from branchlab.teaching.torture.nemesis import is_settled
from branchlab.teaching.torture.schedule import DISK_KINDS, NODE_FAULTS, Assault, plan
from branchlab.teaching.torture.timeline import timeline
from branchlab.tests import readings

NODES = NODE_NAMES[:5]
SECONDS = 600.0


def overlap(one: Assault, other: Assault) -> bool:
    return one.begins <= other.ends and other.begins <= one.ends


def test_a_seed_is_one_schedule_and_another_seed_another() -> None:
    assert plan(NODES, seconds=SECONDS, seed=7) == plan(NODES, seconds=SECONDS, seed=7)
    assert plan(NODES, seconds=SECONDS, seed=7) != plan(NODES, seconds=SECONDS, seed=8)


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_faults_begin_one_after_the_other_and_are_over_in_time(count: int) -> None:
    assaults = plan(NODE_NAMES[:count], seconds=SECONDS, seed=1)
    assert [one.begins for one in assaults] == sorted(one.begins for one in assaults)
    assert all(0 < one.begins <= one.ends < SECONDS for one in assaults)


@pytest.mark.parametrize("seed", range(5))
def test_in_ten_minutes_every_kind_comes_and_several_are_there_at_once(seed: int) -> None:
    assaults = plan(NODES, seconds=SECONDS, seed=seed)
    assert {one.kind for one in assaults} == {*NODE_FAULTS, *BY_NAME}
    assert any(overlap(*pair) for pair in combinations(assaults, 2))


@pytest.mark.parametrize("seed", range(5))
def test_no_node_and_no_link_is_broken_twice_at_once(seed: int) -> None:
    for one, other in combinations(plan(NODES, seconds=SECONDS, seed=seed), 2):
        if overlap(one, other):
            assert one.node is None or one.node != other.node
            assert {*one.links}.isdisjoint(other.links)


@pytest.mark.parametrize("seed", range(5))
def test_disks_are_lost_one_after_the_other_with_time_to_come_back(seed: int) -> None:
    lost = [one for one in plan(NODES, seconds=SECONDS, seed=seed) if one.kind in DISK_KINDS]
    assert len(lost) > 1
    assert all(later.begins - one.ends >= 10 for one, later in pairwise(lost))
    assert SECONDS - lost[-1].ends >= 10


def statuses(**changes: Callable[[dict[str, Any]], object]) -> list[Status]:
    """Of three nodes that know each other's present lives and all of one that is over, less the changes."""
    names = ("a", "b", "c")
    found: dict[str, Any] = {
        name: readings.status(
            name, [peer for peer in names if peer != name], heads={"a@0": 7, "a@1": 3, "b@1": 9}
        )
        for name in names
    }
    for status in found.values():
        for peer in status["peers"].values():
            peer["epoch"] = "1"
    for name, change in changes.items():
        change(found[name])
    return list(found.values())


def test_a_disk_may_go_when_the_last_loss_is_known_and_made_up_for_everywhere() -> None:
    assert is_settled(statuses())
    assert is_settled(statuses(c=lambda status: status["heads"].update({"b@1": 4})))  # merely behind


@pytest.mark.parametrize(
    "change",
    [
        lambda status: status.update(ready=False),
        lambda status: status["heads"].update({"a@0": 6}),
        lambda status: status["heads"].pop("a@0"),
        lambda status: status["peers"]["a"].update(epoch="0"),
    ],
    ids=["rebuilding", "behind a dead life", "without a dead life", "believes in a dead life"],
)
def test_no_disk_may_go_before_that(change: Callable[[dict[str, Any]], object]) -> None:
    assert not is_settled(statuses(c=change))


def at(seconds: float, kind: str, **fields: Any) -> Record:
    return {"kind": kind, "at_ns": int(seconds * 1e9), **fields}


def test_a_timeline_shows_what_was_answered_and_which_faults_began_when() -> None:
    lines = timeline(
        [
            at(0.1, "op.invoke", op=1),
            at(0.4, "op.ok", op=1),
            at(0.9, "op.fail", op=2),
            at(1.0, "fault.requested", id=1, fault="kill", target="matriz"),
            at(1.1, "fault.requested", id=2, fault="cut", target="a↔b"),
            at(1.2, "fault.active", id=1),
            at(1.3, "op.info", op=3),
            at(2.5, "fault.healed", id=1),
            at(2.6, "fault.requested", id=3, fault="pause", target="b"),
            at(2.7, "fault.active", id=3),
        ]
    )
    assert lines == [
        "  0:00      1 done    1 refused    0 open",
        "  0:01      0 done    0 refused    1 open  kill matriz (1.3 s)",
        "  0:02      0 done    0 refused    0 open  pause b (to the end)",
    ]


def test_a_long_timeline_has_wider_steps() -> None:
    lines = timeline([at(second, "op.ok", op=second) for second in range(601)])
    assert len(lines) == 31
    assert lines[1] == "  0:20     20 done    0 refused    0 open"


def test_a_fault_that_is_left_after_the_healing_is_told() -> None:
    whole, cut, full, unknown = (readings.status("matriz", ()) for _ in range(4))
    whole["faults"] = {"links": [], "disk": None}
    lease = {"lease_seconds": 60.0, "seconds_left": 30.0}
    link: Any = {"peer": "matriz", "kind": "cut", "seed": 1, **lease, "calls": 2, "hits": 2}
    disk: Any = {"max_bytes": 0, **lease}
    cut["faults"] = {"links": [link], "disk": None}
    full["faults"] = {"links": [], "disk": disk}
    said = left_broken({"a": whole, "b": cut, "c": full, "d": unknown, "e": None})
    assert [line.partition(" ")[0] for line in said] == ["b", "c"]
