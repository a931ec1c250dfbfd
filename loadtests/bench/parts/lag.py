"""How long an order that is committed here takes to be committed at a peer, beside what its client waits."""

from collections.abc import Iterator

from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import percentile, press
from loadtests.bench.room import Room
from loadtests.bench.watching import watched

_RATE = 100.0
_SECONDS = 6.0  # so that a p99 has some hundred orders


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with own.network(room, 3) as node:
        files = [node.database, *map(node.bench.database, node.peers)]
        node.warm(room)
        for _ in rounds:
            node.settle()
            with watched(files) as (here, *there):
                found = press(room, node.port, node.orders(), seconds=_SECONDS, rate=_RATE)
                node.settle()
            notes.doubt("100 orders/s", found)
            lags = sorted(
                max(0.0, peer.seen[order] - moment)
                for peer in there
                for order, moment in here.seen.items()
                if order in peer.seen
            )
            if not lags:
                notes.remark("lag: in a round no order was taken, so it does not count")
                continue
            waited = found.quantile(99)
            notes.figure("p99 ms at 100 orders/s", "client's order", 1000 * waited)
            notes.figure("p99 ms at 100 orders/s", "lag", 1000 * percentile(lags, 99))
            notes.figure("p50 ms at 100 orders/s", "lag", 1000 * percentile(lags, 50))
            notes.ratio("lag", percentile(lags, 99) / waited)


PART = Part("lag", ("lag",), 15, 9, _play)
