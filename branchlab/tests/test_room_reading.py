"""What the live room notices by itself: silent nodes, faults that others made, runs beside it."""

import json
from pathlib import Path
from typing import Any

from branchlab.checking.runlog import RunLog, read_records
from branchlab.checking.timeline.model import Band
from branchlab.networks.drivers import NodeState
from branchlab.nodes.contract import Status
from branchlab.screens.live.follower import Follower
from branchlab.screens.live.judging import Kept
from branchlab.screens.live.seen import SETTLE_SECONDS, Shown, Watcher, covers, is_over, shown_by
from branchlab.tests import readings

LATER = SETTLE_SECONDS + 0.1
STOPPED: dict[str, NodeState] = {"matriz": "running", "filial-sul": "stopped"}


def band(fault: str, target: str, *, active: float | None = 1.0) -> Band:
    return Band(1, fault, target, requested=0.0, active=active)


def said(node: str, *faults: Any) -> Status:
    return readings.with_faults(readings.status(node, ["filial-sul"]), *faults)


def test_states_and_statuses_tell_of_faults() -> None:
    statuses = {"matriz": said("matriz", readings.link_fault("filial-sul", "cut")), "filial-sul": None}
    assert shown_by(STOPPED, statuses) == {Shown("stop", "filial-sul"), Shown("cut", "matriz→filial-sul")}


def test_a_fault_of_which_the_log_knows_is_not_told_twice() -> None:
    assert covers(band("kill", "filial-sul"), Shown("stop", "filial-sul"))
    assert covers(band("cut", "matriz↔filial-sul"), Shown("cut", "filial-sul→matriz"))
    assert not covers(band("slow", "matriz↔filial-sul"), Shown("cut", "matriz→filial-sul"))
    assert not covers(band("stop", "matriz"), Shown("stop", "filial-sul"))


def test_a_fault_that_somebody_else_made_is_noticed_when_it_lasts() -> None:
    watcher, shown = Watcher(), {Shown("stop", "filial-sul")}
    assert watcher.differences(10, [], shown, {"filial-sul"}) == ([], [])
    assert watcher.differences(10 + LATER, [], shown, {"filial-sul"}) == ([*shown], [])


def test_a_difference_that_goes_away_is_forgotten() -> None:
    watcher, shown = Watcher(), {Shown("stop", "filial-sul")}
    watcher.differences(10, [], shown, set())
    watcher.differences(11, [], set(), set())
    assert watcher.differences(11 + SETTLE_SECONDS / 2, [], shown, set()) == ([], [])


def test_a_band_ends_when_its_node_answers_again_and_not_before() -> None:
    stop, watcher = band("stop", "filial-sul"), Watcher()
    assert not is_over(stop, set(), {"filial-sul"})
    watcher.differences(10, [stop], set(), set())
    assert watcher.differences(10 + LATER, [stop], set(), set()) == ([], [stop])


def test_a_link_is_not_healed_as_long_as_a_sender_is_silent() -> None:
    cut = band("cut", "matriz↔filial-sul")
    assert not is_over(cut, set(), {"matriz"})
    assert not is_over(cut, {Shown("cut", "filial-sul→matriz")}, set())
    assert is_over(cut, set(), set())


def test_a_fault_that_is_only_asked_for_is_not_over() -> None:
    asked, watcher = band("cut", "matriz↔filial-sul", active=None), Watcher()
    watcher.differences(10, [asked], set(), set())
    assert watcher.differences(20, [asked], set(), set()) == ([], [])


def test_a_lost_disk_is_over_only_when_its_maker_says_so() -> None:
    assert not is_over(band("wipe", "matriz"), set(), set())


def room_log(folder: Path) -> RunLog:
    log = RunLog(folder / "room.jsonl")
    log.fault_requested("stop", "matriz")
    return log


def write_run(path: Path, *records: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps({"at_ns": 1, "wall": "", **record}) + "\n")


def test_what_another_run_does_is_copied_with_numbers_of_this_log(tmp_path: Path) -> None:
    with room_log(tmp_path) as log:
        follower = Follower(tmp_path, log)
        write_run(
            tmp_path / "demo.jsonl",
            {"kind": "run.start", "run": "demo-1", "nodes": {}},
            {"kind": "fault.requested", "id": 1, "fault": "pause", "target": "filial-sul"},
            {"kind": "op.invoke", "op": 7, "action": "order", "node": "matriz", "key": "k", "request": {}},
            {"kind": "read.order", "node": "matriz", "phase": "before", "order": {}},
        )
        follower.look()
        assert follower.under_way == ["demo-1"]
        write_run(
            tmp_path / "demo.jsonl",
            {"kind": "op.ok", "op": 7, "response": {}},
            {"kind": "fault.healed", "id": 1},
            {"kind": "verdict", "result": "PASS"},
        )
        follower.look()
        assert follower.under_way == []

    told = [(one["kind"], one.get("op"), one.get("id")) for one in read_records(log.path)]
    assert told == [
        ("fault.requested", None, 1),
        ("run.followed", None, None),
        ("fault.requested", None, 2),
        ("op.invoke", 1, None),
        ("op.ok", 1, None),
        ("fault.healed", None, 2),
        ("run.over", None, None),
    ]


def test_a_line_that_is_not_whole_yet_waits_for_its_end(tmp_path: Path) -> None:
    with room_log(tmp_path) as log:
        follower = Follower(tmp_path, log)
        path = tmp_path / "demo.jsonl"
        path.write_text('{"kind": "run.start", "at_ns": 1, "ru')
        follower.look()
        assert follower.under_way == []
        with path.open("a") as file:
            file.write('n": "demo-1", "nodes": {}}\n')
        follower.look()
        assert follower.under_way == ["demo-1"]


def test_runs_from_before_the_room_was_open_are_left_alone(tmp_path: Path) -> None:
    write_run(tmp_path / "old.jsonl", {"kind": "run.start", "run": "old", "nodes": {}})
    with room_log(tmp_path) as log:
        follower = Follower(tmp_path, log)
        follower.look()
        assert follower.under_way == []


def test_requests_under_way_while_the_nodes_are_read_may_have_had_their_effect() -> None:
    kept = Kept()
    for kind, op in (("op.invoke", 1), ("op.ok", 1)):
        kept.add({"kind": kind, "op": op, "at_ns": 1})
    place = len(kept.records)
    kept.add({"kind": "op.invoke", "op": 2, "at_ns": 2})
    kept.add({"kind": "op.ok", "op": 2, "at_ns": 3})
    assert [(one["kind"], one["op"]) for one in kept.until(place)] == [
        ("op.invoke", 1),
        ("op.ok", 1),
        ("op.invoke", 2),
    ]


def test_the_checker_keeps_few_samples_and_nothing_that_it_does_not_need() -> None:
    kept = Kept()
    for at in range(100):
        kept.add({"kind": "sample", "node": "matriz", "at_ns": int(at * 1e9)})
        kept.add({"kind": "heard", "node": "matriz", "at_ns": int(at * 1e9)})
    assert (len(kept.records), kept.changes) == (20, 0)
