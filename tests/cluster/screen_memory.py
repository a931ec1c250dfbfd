"""`python -m tests.cluster.screen_memory`: whether a session of two hours stays as small as a short one.

Two hours of a room's records are played into its screens as fast as they take them: what three nodes say four
times a second, orders, faults, questions and opinions; and every picture is drawn as for an open page. Memory
is read after the first half hour, when all that is kept is there: the most within each quarter of an hour.
Exit 0 when that has grown by at most 5 % to the end, else 1.
"""

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.timeline import Timeline
from branchlab.nodes.contract import Status
from branchlab.screens.live.room import KEEP_SECONDS
from branchlab.screens.page import charts
from branchlab.screens.page.colours import LIGHT
from branchlab.screens.page.lines import ChartStyle
from branchlab.screens.page.map_svg import MapStyle, draw
from branchlab.screens.page.space_time import space_time, window_of
from branchlab.screens.page.tables import tables
from branchlab.tests import readings

SECONDS, WARM_SECONDS, QUARTER_SECONDS = 7200, 1800, 900
MOST_GROWTH = 1.05
_NAMES = ("matriz", "filial-norte", "filial-sul")
_A_SECOND = 4
_FAULT_EVERY, _FAULT_SECONDS, _ASK_EVERY, _DRAW_EVERY = 120, 40, 300, 30


def status_of(node: str, second: int, pending: int) -> Status:
    """What a node says at a second: its events grow, and so does what it has of the others."""
    said = readings.status(node, [peer for peer in _NAMES if peer != node], pending=pending, oldest=1.0)
    said["heads"] = {f"{name}@1": 2 * second + 1 for name in _NAMES}
    said["stock"] = {**said["stock"], "here": 1000 - second % 900, "available": 3000 - second % 2700}
    return said


def session() -> Iterator[Record]:
    """The records of the whole session, by time."""
    nodes = dict.fromkeys(_NAMES, "http://127.0.0.1:1")
    yield record(0.0, "run.start", run="room", what="room", policy="escrow", nodes=nodes)
    for second in range(1, SECONDS):
        is_away = second % _FAULT_EVERY < _FAULT_SECONDS
        number = second // _FAULT_EVERY + 1
        if second % _FAULT_EVERY == 0:
            yield record(second, "fault.requested", id=number, fault="stop", target="filial-sul")
            yield record(second, "fault.active", id=number)
        if second % _FAULT_EVERY == _FAULT_SECONDS:
            yield record(second, "fault.healed", id=number)
        if second % _ASK_EVERY == 0:
            yield record(second, "question", question=number, text="?", choices=["a", "b"])
            for voter in range(30):
                yield record(second, "vote", question=number, voter=f"v{voter}", choice=voter % 2)
            yield record(second, "question.closed", question=number)
        yield record(second, "opinion", result="UNKNOWN" if is_away else "PASS", promises={"lost": "PASS"})
        for part in range(_A_SECOND):
            for node in _NAMES:
                gone = is_away and node == "filial-sul"
                said = None if gone else status_of(node, second, (second % 40) * 2 if is_away else 0)
                yield record(second + part / _A_SECOND, "sample", node=node, status=said)
        for order in range(2):
            asked: dict[str, Any] = {
                "action": "order",
                "node": "matriz",
                "request": {},
                "key": "k",
                "attempt": 1,
            }
            yield record(second + 0.9, "op.invoke", op=2 * second + order, **asked)
            yield record(second + 0.95, "op.ok", op=2 * second + order, response={})


def record(at: float, kind: str, **fields: Any) -> Record:
    """A record of a run log."""
    return {"kind": kind, "at_ns": int(at * 1e9), "wall": "", **fields}


def drawn(timeline: Timeline) -> int:
    """Draws all that a page shows; returns about how much it sends."""
    now = timeline.now
    style = ChartStyle("en", LIGHT, charts.window_of(now, length=now, is_live=True), now)
    looks = MapStyle("en", LIGHT)
    diagram = space_time(timeline, window_of(now, is_live=True), looks)
    parts = (draw(timeline, now, looks), tables(timeline, now, "en"), diagram)
    return sum(map(len, parts)) + len(str(charts.update(timeline, style)))


def main() -> int:
    """Plays the session and says how memory went: the most that was held within each quarter of an hour."""
    timeline = Timeline(keep_seconds=KEEP_SECONDS)
    tracemalloc.start()
    most: dict[int, float] = {}
    due, size = 0, 0
    for one in session():
        timeline.add(one)
        if timeline.now < due:
            continue
        size, due = drawn(timeline), due + _DRAW_EVERY
        quarter = int(timeline.now) // QUARTER_SECONDS
        if timeline.now >= WARM_SECONDS:
            gc.collect()
            most[quarter] = max(most.get(quarter, 0.0), tracemalloc.get_traced_memory()[0] / 1e6)
    for quarter, megabytes in most.items():
        hours = (quarter + 1) * QUARTER_SECONDS / 3600
        sys.stdout.write(f"{hours:.2f} h: at most {megabytes:.2f} MB\n")
    readings_made = list(most.values())
    growth = readings_made[-1] / readings_made[0]
    sys.stdout.write(
        f"memory in the last quarter of an hour ÷ in the third: {growth:.3f} (at most {MOST_GROWTH}); a"
        f" picture has {size / 1000:.0f} kB\n"
    )
    return 0 if growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
