"""One node beside the no-op, PostgreSQL and the plain design: orders a second and their times."""

from collections.abc import Iterator
from contextlib import ExitStack

from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.pressing import press
from loadtests.bench.ratios import BY_NAME
from loadtests.bench.rivals import postgres, services
from loadtests.bench.room import Room

NODE, NOOP = "one node", "no-op"
_POSTGRES, _PLAIN, _NORMAL = "FastAPI + PostgreSQL", "plain design", "one node at NORMAL"
_HOT, _SPREAD = "one-line orders, one SKU", "one-line orders, 200 SKUs"


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with ExitStack() as stack:
        rivals = {
            NOOP: stack.enter_context(services.noop(room)),
            NODE: stack.enter_context(own.alone(room)),
            _PLAIN: stack.enter_context(services.plain(room, 1)),
            _NORMAL: stack.enter_context(own.alone(room, durable=False)),
        }
        if why_not := postgres.why_not():
            notes.remark(f"{BY_NAME['postgres'].what}: skipped; {why_not}")
        else:
            (cluster,) = stack.enter_context(postgres.clusters(room, [room.cores.both]))
            rivals[_POSTGRES] = stack.enter_context(services.on_postgres(room, cluster))
        for rival in rivals.values():
            rival.warm(room)
        node = rivals[NODE]
        hot, spread = node.orders(lines=1, products=[0]), node.orders(lines=1)
        for _ in rounds:
            found = {
                what: notes.pressed(what, press(room, rival.port, rival.orders()))
                for what, rival in rivals.items()
            }
            found[_HOT] = notes.pressed(_HOT, press(room, node.port, hot))
            found[_SPREAD] = notes.pressed(_SPREAD, press(room, node.port, spread))
            rate = {what: one.rate for what, one in found.items()}
            notes.ratio("orders", rate[NODE] / rate[NOOP])
            notes.ratio("plain-alone", rate[NODE] / rate[_PLAIN])
            notes.ratio("full", rate[NODE] / rate[_NORMAL])
            notes.ratio("hot", rate[_HOT] / rate[_SPREAD])
            notes.ratio("p99", found[NODE].quantile(99) / found[NOOP].quantile(99))
            notes.ratio("stretch", found[NODE].quantile(99) / found[NODE].quantile(50))
            if _POSTGRES in rate:
                notes.ratio("postgres", rate[NODE] / rate[_POSTGRES])


def _play_quick(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with services.noop(room) as noop, own.alone(room) as node:
        noop.warm(room)
        node.warm(room)
        for _ in rounds:
            nothing = notes.pressed(NOOP, press(room, noop.port, noop.orders()))
            order = notes.pressed(NODE, press(room, node.port, node.orders()))
            notes.ratio("orders", order.rate / nothing.rate)
            notes.ratio("p99", order.quantile(99) / nothing.quantile(99))
            notes.ratio("stretch", order.quantile(99) / order.quantile(50))


_ORDERS = ("orders", "p99", "stretch")
PART = Part("orders", (*_ORDERS, "postgres", "plain-alone", "hot", "full"), 25, 29, _play)
QUICK = Part("orders", _ORDERS, 10, 9, _play_quick)
