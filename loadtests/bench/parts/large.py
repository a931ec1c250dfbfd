"""A node whose file has a million orders, beside the no-op and beside a node with few: reads, and orders."""

from collections.abc import Iterator
from contextlib import ExitStack

from branchlab.console import note
from branchlab.nodes.client import get_status
from loadtests.bench import order_texts, own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.orders import NOOP
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import press
from loadtests.bench.rivals import services
from loadtests.bench.room import Room

_FEW = 10_000
_PENDING_ORDERS = 25_000  # of four events each
_READS = {"status": "/status", "list": "/orders?limit=100"}
_SMALL, _LARGE = "node with 10,000 orders", "node with a large file"


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with ExitStack() as stack:
        noop = stack.enter_context(services.noop(room))
        small = stack.enter_context(own.network(room, 2))
        large = stack.enter_context(own.network(room, 2))
        _fill(small, _FEW, pending=0)
        note(f"large: making a file of {room.orders:,} orders…")
        _fill(large, room.orders, pending=min(_PENDING_ORDERS, room.orders))
        for each in (noop, small, large):
            each.warm(room)
        for _ in rounds:
            nothing = press(room, noop.port, noop.orders())
            notes.pressed(NOOP, nothing, of="reads")
            for name, path in _READS.items():
                request = ("order", order_texts.get(path, large.token))
                found = notes.pressed(f"GET {path}", press(room, large.port, [request]), of="reads")
                notes.ratio(name, found.quantile(50) / nothing.quantile(50))
            fast = notes.pressed(_SMALL, press(room, small.port, small.orders()))
            slow = notes.pressed(_LARGE, press(room, large.port, large.orders()))
            notes.ratio("growth", fast.rate / slow.rate)


def _fill(node: own.Own, orders: int, *, pending: int) -> None:
    """So many orders, of which the peer lacks the last `pending`; the peer is down from here on."""
    node.bench.driver.stop(node.peers[0])
    if orders > pending:
        node.fill(orders - pending)
        node.acknowledge_all()
    if pending:
        node.fill(pending)
    node.start(node.bench.donor)
    status = get_status(f"http://127.0.0.1:{node.port}", node.token, timeout=30.0)
    found = (status["counts"]["orders"], status["pending"][node.peers[0]] or 0)
    if found[0] != orders or (found[1] > 0) != (pending > 0) or found[1] < pending:
        raise SystemExit(
            f"a file of {orders} orders, {pending} of them pending, has {found[0]} and {found[1]} events"
        )


PART = Part("large", ("status", "list", "growth"), 300, 22, _play)
