"""Orders at a node of which two of five peers are dead, beside the same with all alive."""

from collections.abc import Iterator

from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import press
from loadtests.bench.room import Room, pause

_NODES = 6
_DEAD = 2
_KNOWN_SECONDS = 2.0  # until the node has heard that they are gone
_SETTLED_SECONDS = 20.0


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with own.network(room, _NODES) as node:
        node.warm(room)
        dead = node.peers[-_DEAD:]
        for _ in rounds:
            if node.settle(_SETTLED_SECONDS):
                notes.remark("five peers: some were still behind before a load")
            alive = notes.pressed("five peers", press(room, node.port, node.orders()))
            node.settle(_SETTLED_SECONDS)
            for peer in dead:
                node.bench.driver.kill(peer)
            pause(_KNOWN_SECONDS)
            found = notes.pressed("five peers, two dead", press(room, node.port, node.orders()))
            notes.ratio("dead", found.rate / alive.rate)
            for peer in dead:
                node.start(peer)


PART = Part("dead", ("dead",), 20, 24, _play)
