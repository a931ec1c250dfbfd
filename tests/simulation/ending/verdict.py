"""The promises that must hold when the network is healed and quiet: every node's file is read, and compared
with the answers that clients got."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulation.ending.files import NOTHING, TABLES, Files, LeftOut, digest, orders
from tests.simulation.journal import Journal
from tests.simulation.machines import next_rows
from tests.simulation.people.promises import OrderAsked, Promises, Received
from tests.simulation.watching import parked

_PARKED = "SELECT origin, epoch, seq, event_id, kind, entity, reason FROM parked"


def judge(files: Files, promises: Promises, journal: Journal, left_out: LeftOut = NOTHING) -> None:
    """Check everything that must hold in the end; what does not becomes a violation."""
    _judge_convergence(files, journal, left_out)
    lost = parked.lost(files)
    for name, file in files.items():
        _judge_orders(name, file, promises, journal, left_out)
        _judge_units(name, file, promises, journal, left_out)
        if left_out.branch is None:  # whom an admin of the liar's lets in again is in
            _judge_staff(name, file, promises, journal)
        _judge_what_is_newer(name, file, promises, journal)
        left = file.execute(_PARKED).fetchall()
        if left := [row for row in left if row[:4] not in lost and not left_out.is_of_liar(row[0])]:
            journal.violation("parked", f"{name}: {left}")


def _judge_convergence(files: Files, journal: Journal, left_out: LeftOut) -> None:
    dumps = {name: left_out.rest(file) for name, file in files.items()}
    first, *others = dumps
    journal.note("ends with", digest(dumps[first]))
    for name in others:
        for table in TABLES:
            ours, theirs = dumps[first][table], dumps[name][table]
            if ours != theirs:
                differing = sorted({*ours} ^ {*theirs})
                journal.violation("diverged", f"{first} and {name} differ in {table}: {differing[:4]}")
    suppliers = {name: next_rows.suppliers(file) for name, file in files.items()}
    if any(found != suppliers[first] for found in suppliers.values()):
        journal.violation("diverged", f"in suppliers: {suppliers}")


def _judge_orders(
    name: str, file: sqlite3.Connection, promises: Promises, journal: Journal, left_out: LeftOut
) -> None:
    found = {key: order for key, order in orders(file).items() if not left_out.is_of_liar(order["branch"])}
    copies = Counter(order["key"] for order in found.values())
    for stored in found.values():
        if stored["key"] not in promises.orders and not left_out.may_be_false(stored):
            journal.violation("invented", f"{name}: nobody asked for order {stored['key']}")
    for asked in promises.orders.values():
        order = found.get(asked.order_id or "")
        if asked.outcome == "ok":
            _judge_order(name, asked, order, promises, journal, left_out=left_out)
        for order_id in asked.earlier:
            if order_id not in found and order_id not in promises.at_risk:
                journal.violation("lost", f"{name}: {asked.key} was acknowledged as {order_id}, too")
        if asked.branch in promises.wiped:
            continue  # a lost disk took its keys along: asked again, such an order may be two
        if copies[asked.key] > 1:
            journal.violation("duplicated", f"{name}: {asked.key} is {copies[asked.key]} orders")
        if asked.outcome == "fail" and copies[asked.key]:
            journal.violation("invented", f"{name}: {asked.key} was refused and is stored")


def _judge_order(
    name: str,
    asked: OrderAsked,
    order: Mapping[str, Any] | None,
    promises: Promises,
    journal: Journal,
    *,
    left_out: LeftOut,
) -> None:
    """Compare an acknowledged order with the stored rows. It may be missing only if no other disk had it."""
    missing = promises.at_risk.get(asked.order_id or "", 0)
    if order is None:
        if not missing:
            journal.violation("lost", f"{name}: {asked.key} was acknowledged as {asked.order_id}")
        return
    if (order["key"], order["units"], order["branch"]) != (asked.key, asked.units, asked.branch):
        journal.violation("lost", f"{name}: {asked} is stored as {order}")
    if asked.cancel == "ok" and order["status"] != "cancelled" and not missing:
        journal.violation("lost", f"{name}: the cancelling of {asked.key} was acknowledged")
    if asked.cancel is None and order["status"] == "cancelled" and not left_out.may_be_false(order):
        journal.violation("invented", f"{name}: nobody asked to cancel {asked.key}")


def _judge_staff(name: str, file: sqlite3.Connection, promises: Promises, journal: Journal) -> None:
    """Check that users who were deactivated and never reactivated are inactive everywhere, whatever else
    changed."""
    out = dict(
        file.execute("SELECT username, deactivations != '{}' AND reactivations = '{}' FROM users").fetchall()
    )
    for username, branch in promises.left.items():
        if not out.get(username) and branch not in promises.wiped:
            journal.violation("let in again", f"{name}: {username} was deactivated at {branch}")


def _judge_what_is_newer(name: str, file: sqlite3.Connection, promises: Promises, journal: Journal) -> None:
    """Check that rows which only the next version writes are here, whichever version has the file now."""
    for order_id, channel in next_rows.channels(file):
        if order_id in promises.newer_orders and channel != next_rows.channel_of(order_id):
            journal.violation("lost field", f"{name}: the channel of {order_id} is {channel}")
    found = next_rows.suppliers(file)
    for code, branches in promises.suppliers.items():
        if code not in found and branches - promises.wiped.keys():
            journal.violation("lost row", f"{name}: supplier {code} was acknowledged at {sorted(branches)}")


def _judge_units(
    name: str, file: sqlite3.Connection, promises: Promises, journal: Journal, left_out: LeftOut
) -> None:
    """Check that no unit was received or removed twice or never, and that no grant went to a life that never
    existed."""
    if left_out.some_ended:
        return  # what everybody may say of an ended life is in the sums
    skus = dict(file.execute("SELECT id, sku FROM products"))
    # A product that only lost disks had: which one it was, no file tells any more.
    forgotten = any(product not in skus for product, _, _ in promises.units_at_risk)
    # Of such a row the clients were told, but it is in no sum.
    unconfirmed = {skus.get(row[0]) for row in left_out.hearsay if not left_out.is_of_liar(row[1])}
    for column, book in (("received", promises.received), ("removed", promises.removed)):
        sums: Counter[str] = Counter()
        for product, branch, epoch, units in file.execute(
            f"SELECT product_id, branch, epoch, {column} FROM stock"
        ):
            sums[skus[product]] += units if left_out.is_judged(product, branch, epoch) else 0
        missing: Counter[str] = Counter()
        for (product, _, _), columns in promises.units_at_risk.items():
            missing[skus.get(product, "")] += columns[column]
        for sku in sorted({*sums, *book}):
            if (forgotten and sku not in skus.values()) or sku in unconfirmed:
                continue
            told = book.get(sku, Received())
            if not told.sure - missing[sku] <= sums[sku] <= told.sure + told.perhaps:
                journal.violation("units", f"{name}: {sums[sku]} of {sku} {column}, clients were told {told}")
    lost = file.execute(
        "SELECT to_branch, to_epoch, SUM(quantity) FROM stock_grants g WHERE NOT EXISTS"
        " (SELECT 1 FROM epochs e WHERE e.branch = g.to_branch AND e.epoch = g.to_epoch)"
        " GROUP BY 1, 2"
    ).fetchall()
    if lost and left_out.branch is None:
        journal.violation("rights", f"{name}: rights were granted to {lost}")
