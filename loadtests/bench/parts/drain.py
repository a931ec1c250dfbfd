"""A peer that was away takes a backlog: how fast, beside PostgreSQL's logical replication."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from branchlab.poll import poll_blocking
from loadtests.bench import own
from loadtests.bench.notes import Notes
from loadtests.bench.parts.part import Part
from loadtests.bench.ratios import BY_NAME
from loadtests.bench.rivals import postgres
from loadtests.bench.rivals.postgres import Cluster
from loadtests.bench.room import Room
from loadtests.bench.watching import orders_in

_EVENTS = 100_000
_EVENTS_OF_AN_ORDER = 4  # three stock rows and the order
_ORDERS = _EVENTS // _EVENTS_OF_AN_ORDER
_EVERY_SECONDS = 0.005
_MOST_SECONDS = 120.0
_READY = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
_FILL = """
SET synchronous_commit = off;
DO $$
DECLARE placed bigint;
BEGIN
  FOR n IN 1..ORDERS LOOP
    UPDATE products SET stock = stock - 1
      WHERE sku IN ('P-' || n % 200, 'P-' || (n + 1) % 200, 'P-' || (n + 2) % 200);
    INSERT INTO orders (customer, total_cents) VALUES ('C-0', 300) RETURNING id INTO placed;
    INSERT INTO order_lines (order_id, sku, quantity, price_cents)
      SELECT placed, 'P-' || (n + line) % 200, 1, 100 FROM generate_series(0, 2) line;
    INSERT INTO audit (who, action, reference) VALUES ('admin', 'order.placed', placed::text);
    COMMIT;
  END LOOP;
END $$;
"""


def _play(room: Room, notes: Notes, rounds: Iterator[int]) -> None:
    with ExitStack() as stack:
        node = stack.enter_context(own.network(room, 2))
        clusters = None
        if why_not := postgres.why_not():
            notes.remark(f"{BY_NAME['drain'].what}: skipped; {why_not}")
        else:
            cores = [room.cores.measured, room.cores.others]
            clusters = stack.enter_context(postgres.clusters(room, cores))
            _subscribe(*clusters)
        orders = min(_ORDERS, room.orders)
        for _ in rounds:
            ours = _own_drain(node, orders)
            notes.figure("drained orders/s", "our node", ours)
            notes.figure("drained events/s", "our node", ours * _EVENTS_OF_AN_ORDER)
            if clusters:
                theirs = _postgres_drain(clusters[0], clusters[1], orders)
                notes.figure("drained orders/s", "PostgreSQL", theirs)
                notes.ratio("drain", ours / theirs)
                notes.ratio("drain-events", ours * _EVENTS_OF_AN_ORDER / theirs)


def _own_drain(node: own.Own, orders: int) -> float:
    (peer,) = node.peers
    file = node.bench.database(peer)
    goal = orders_in(file) + orders
    node.bench.driver.stop(peer)
    node.fill(orders)  # and nothing is sent meanwhile
    node.bench.driver.start(peer)
    with ThreadPoolExecutor(1) as pool:  # for it may all be over before a start returns
        rate = pool.submit(_rate, lambda: orders_in(file), goal)
        node.start(node.bench.donor)
        return rate.result()


def _subscribe(publisher: Cluster, subscriber: Cluster) -> None:
    """Returns when the subscriber has the catalogue."""
    publisher.ask("CREATE PUBLICATION everything FOR ALL TABLES")
    where = " ".join(
        f"{name}={publisher.environment[variable]}"
        for name, variable in (("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"))
    )
    subscriber.ask(f"CREATE SUBSCRIPTION of_all CONNECTION '{where} dbname=postgres' PUBLICATION everything")
    if not poll_blocking(lambda: subscriber.ask(_READY) == "0", seconds=60.0, every=0.1):
        raise SystemExit("PostgreSQL's subscriber did not begin")


def _postgres_drain(publisher: Cluster, subscriber: Cluster, orders: int) -> float:
    with subscriber.session() as ask:

        def count() -> int:
            return int(ask("SELECT coalesce(max(id), 0) FROM orders"))

        goal = count() + orders
        subscriber.ask("ALTER SUBSCRIPTION of_all DISABLE")
        publisher.ask(_FILL.replace("ORDERS", str(orders)))
        subscriber.ask("ALTER SUBSCRIPTION of_all ENABLE")
        return _rate(count, goal)


def _rate(count: Callable[[], int], goal: int) -> float:
    """Orders a second from the first look at which some have arrived until all have, or until so many minutes
    are over. Neither a start nor the pause before a connection counts."""
    first = count()
    end = time.monotonic() + _MOST_SECONDS
    began, arrived = time.monotonic(), first
    while (now := count()) < goal:
        if arrived == first and now > first:
            began, arrived = time.monotonic(), now
        if time.monotonic() > end:
            break
        time.sleep(_EVERY_SECONDS)
    return (now - arrived) / max(time.monotonic() - began, _EVERY_SECONDS)


PART = Part("drain", ("drain", "drain-events"), 20, 30, _play)
