"""The first of three nodes beside the no-op and beside the first of three plain nodes, all replicating."""

from collections.abc import Iterator
from contextlib import ExitStack

from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.orders import NOOP
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import press
from loadtests.bench.rivals import services
from loadtests.bench.room import Room

_NODES = 3
_NODE, _PLAIN = "one node, two peers", "plain design, two peers"


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with ExitStack() as stack:
        rivals = {
            NOOP: stack.enter_context(services.noop(room)),
            _NODE: stack.enter_context(own.network(room, _NODES)),
            _PLAIN: stack.enter_context(services.plain(room, _NODES)),
        }
        for rival in rivals.values():
            rival.warm(room)
        for _ in rounds:
            rate = {}
            for what, rival in rivals.items():
                rate[what] = notes.pressed(what, press(room, rival.port, rival.orders())).rate
                if what != NOOP and (left := rival.settle()):
                    notes.remark(f"{what}: peers were still behind 10 s after a load")
                    notes.figure("events left", what, left)
            notes.ratio("peers", rate[_NODE] / rate[NOOP])
            notes.ratio("plain", rate[_NODE] / rate[_PLAIN])


PART = Part("peers", ("peers", "plain"), 25, 30, _play)
