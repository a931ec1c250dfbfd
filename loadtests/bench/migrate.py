"""What a start costs that has to seal every row, and one that has to count every digest anew:

    PYTHONPATH=services/node python loadtests/bench/migrate.py [--orders 100000]

Both are one transaction of the start (app.database.migrations), as after an upgrade; ratio: to reading the
same rows once.
"""

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from app.database import Actor, Transaction
from app.database.identity import begin_start
from app.database.migrations import migrate
from app.database.writer import Writer
from app.domain.customer import Customer, NewCustomer
from app.domain.order import LINE, NAMES
from app.domain.product import NewProduct, Product
from app.state.registry.canonical_forms import FORMS
from app.state.registry.replicated import get
from app.state.tables import customers, order_pages, products

CLUSTER = "6f1f6f4e-3c1d-4a55-9d0e-2f0e5a6b7c8d"
_ACTOR = Actor(user_id="bench", request_id="bench")
_PRODUCTS = 20
_AT_ONCE = 2000


class NextForms:
    """This version's forms, as if that of orders were a new one."""

    revisions: Mapping[str, int] = {**FORMS.revisions, "orders": 2}

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Callable[[str, int], None]
    ) -> None:
        # The file says that orders were counted under revision 1, so they are counted anew.
        connection.execute("UPDATE canonical_forms SET revision = 99 WHERE relation = 'orders'")
        FORMS.recompute(connection, relations, progress)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=100_000)
    orders: int = parser.parse_args().orders
    with tempfile.TemporaryDirectory(prefix="migrate-") as place:
        path = Path(place) / "node.db"
        migrate(path, forms=FORMS)
        _say(f"{orders} orders of two lines made", _timed(lambda: _fill(path, orders)))
        _say(f"file: {path.stat().st_size / (1 << 20):.0f} MiB; memory until here: {_peak_mib():.0f} MiB")
        read = _timed(lambda: _read(path))
        with closing(sqlite3.connect(path)) as connection, connection:
            for relation in FORMS.revisions:
                connection.execute(f"UPDATE {relation} SET checksum = 0")  # names of our own
            connection.execute("DELETE FROM canonical_forms")
        sealed = _timed(lambda: migrate(path, forms=FORMS))
        _say(f"every row sealed, ratio to reading {sealed / read:.1f}", sealed)
        counted = _timed(lambda: migrate(path, forms=NextForms()))
        _say(f"every order counted anew, ratio to reading {counted / read:.1f}", counted)
        _say(f"memory, most of all: {_peak_mib():.0f} MiB")


def _say(words: str, seconds: float | None = None) -> None:
    sys.stdout.write(words if seconds is None else f"{words}: {seconds:.1f} s")
    sys.stdout.write("\n")


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        assert all(stored.is_sound for stored in get("orders").every(connection)), "all rows are as written"


def _fill(path: Path, orders: int) -> None:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    random = Random(1)
    with closing(connect()) as connection:
        identity = begin_start(connection, cluster_id=CLUSTER, name="matriz", random=random)
    writer = Writer(connect, identity=identity, wall=lambda: 1.7e9, random=random)
    buyer = NewCustomer(code="BUYER", name="Buyer")
    customer = _do(writer, lambda tx: customers.create(tx, buyer, actor=_ACTOR))
    made = [NewProduct(sku=f"P-{n}", name=f"Product {n}", price_cents=100) for n in range(_PRODUCTS)]
    sold = [_do(writer, _creating(new)) for new in made]
    for rows in _pages(orders, customer, sold, identity.epoch):
        _do(writer, _merging(rows))
    writer.close()


def _creating(new: NewProduct) -> Callable[[Transaction], Any]:
    return lambda tx: products.create(tx, new, actor=_ACTOR)


def _merging(rows: list[dict[str, Any]]) -> Callable[[Transaction], Any]:
    return lambda tx: order_pages.merge(tx, rows, donor="norte")


def _do(writer: Writer, command: Callable[[Transaction], Any]) -> Any:
    (outcome,), _ = writer.run_group([command])
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def _pages(
    orders: int, customer: Customer, sold: list[Product], epoch: str
) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, orders, _AT_ONCE):
        yield [
            _order(number, customer, sold, epoch) for number in range(first, min(first + _AT_ONCE, orders))
        ]


def _order(number: int, customer: Customer, sold: list[Product], epoch: str) -> dict[str, Any]:
    lines = [_line(line, sold[(number + line) % _PRODUCTS]) for line in (1, 2)]
    values = {
        "id": f"{number:08x}-0000-7000-8000-000000000000",
        "number": f"NORTE-{number}",
        "branch": "norte",
        "epoch": epoch,
        "lamport": number,
        "customer_id": customer.id,
        "user_id": "bench",
        "status": "placed",
        "note": None,
        "total_cents": 200,
        "version": 1,
        "created_at": 1.7e9 + number,
        "idempotency_key": f"bench-{number}",
        "request_hash": "0" * 64,
        "lines": lines,
    }
    return {name: values[name] for name in NAMES}


def _line(number: int, product: Product) -> dict[str, Any]:
    values = {
        "line": number,
        "product_id": product.id,
        "sku": product.sku,
        "name": product.name,
        "quantity": 1,
        "unit_price_cents": product.price_cents,
    }
    return {name: values[name] for name in LINE}


if __name__ == "__main__":
    main()
