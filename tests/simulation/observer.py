"""Looks into every node's file after every commit and holds it against the true history.

It reads the tables with SQL of its own and does its own sums, so that an error in the node's arithmetic is
not repeated here. It knows more than any node: what every branch really sold, at every instant.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from operator import gt, lt
from pathlib import Path
from typing import Any

from tests.simulation import parked, rollbacks
from tests.simulation.effects import Effects
from tests.simulation.forks import Fork, Forks
from tests.simulation.journal import Journal
from tests.simulation.machine import Machine
from tests.simulation.promises import Promises
from tests.simulation.record import Record
from tests.simulation.rollbacks import CellKey, Life, Rollback, Rollbacks, Stock

GROWING = (
    "received",
    "returned",
    "returned_frozen",
    "recovered",
    "written_off",
    "sold",
    "removed",
    "version",
)
Cell = tuple[int, ...]
"""The values of GROWING, in that order."""
NOTHING: Cell = (0,) * len(GROWING)
NOT_OPEN = Path()
RETURNED, RETURNED_FROZEN = 1, 2
PLACED = 1
"""The version of an order that was not cancelled."""
_LINES = "SELECT product_id, SUM(quantity) FROM order_lines WHERE order_id = ? GROUP BY product_id"
FOUNDED = "SELECT founded FROM node"
Rows = Sequence[Sequence[Any]]

_TABLES = {
    "node": "epoch, seq",
    "positions": "origin, epoch, seq, event_id",
    "cursors": "epoch, peer, peer_epoch, acknowledged",
    "products": "id, lamport, stamp_node, stamp_epoch",
    "customers": "id, lamport, stamp_node, stamp_epoch",
    "stock": f"product_id, branch, epoch, {', '.join(GROWING)}",
    "stock_grants": "product_id, branch, epoch, to_branch, to_epoch, quantity",
    "orders": "id, version",
}
# All of them in one statement, each as one text: what did not change is found equal without becoming rows.
_EVERYTHING = "SELECT " + ", ".join(
    f"(SELECT json_group_array(json_array({columns})) FROM {table})" for table, columns in _TABLES.items()
)


@dataclass
class View:
    """What one file held when it was last looked at. Of a copy that runs beside its first, `events` are those
    that it wrote: its first may have written others at the same places."""

    path: Path
    connection: sqlite3.Connection
    data_version: int = -1
    texts: dict[str, str] = field(default_factory=dict)
    epoch: str = ""
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    grants: dict[tuple[str, ...], int] = field(default_factory=dict)
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    cursors: Rows = ()
    stamps: dict[tuple[str, str], tuple[int, str, str]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    held_orders: dict[str, int] = field(default_factory=dict)
    parked_cells: dict[CellKey, Cell] = field(default_factory=dict)
    seq: int = 0
    events: dict[Life, list[str]] | None = None

    def take_in_parked(self) -> None:
        """Note what parked events tell whole: whoever can read them brings it back. A copy that nobody has
        opened yet holds what its first held."""
        if self.path == NOT_OPEN:
            return
        told = parked.orders(self.connection)
        both = {*told, *self.orders}
        self.held_orders = {key: max(told.get(key, 0), self.orders.get(key, 0)) for key in both}
        self.parked_cells = parked.cells(self.connection, GROWING)


class Observer:
    """The true history, as far as it was committed anywhere.

    Anytime: no product is oversold; no branch has spent rights it did not have; nobody knows more of a cell
    than its own branch, and nothing known is forgotten; an order never shows without its stock effect; the
    outbox has no holes, no position runs ahead of it, and nothing counts as stored by a peer that is not.

    Where the policy `may_oversell`, rights limit nobody; who is short is judged in the end (shortages).
    """

    def __init__(
        self, journal: Journal, promises: Promises, record: Record, *, may_oversell: bool = False
    ) -> None:
        self._may_oversell = may_oversell
        self._journal = journal
        self._promises = promises
        self._record = record
        self._views: dict[str, View] = {}
        self._cells: dict[CellKey, Cell] = {}
        self._grants: dict[tuple[str, ...], int] = {}
        self._events: dict[Life, list[str]] = {}
        self._cancelled: set[str] = set()
        self._given_back: Counter[str] = Counter()
        self._other_events: list[dict[Life, list[str]]] = []
        self.rollbacks = Rollbacks()
        self.forks = Forks()
        self.effects = Effects()

    def look(self, machine: Machine) -> None:
        """Check what a machine's last commit left."""
        view = self._view(machine)
        version = view.connection.execute("PRAGMA data_version").fetchone()[0]
        if version == view.data_version:
            return
        view.data_version = version
        self._journal.note(machine.label, "commits", self._check(machine, view))
        if view.epoch and self._record.is_due():
            self._put_down(machine.name, view)

    def lose(self, machine: Machine, *, kept: Path | None = None, fenced: bool = False) -> None:
        """A machine's disk is about to be lost, or to go back to an older copy of itself (`kept`): note what
        no other disk has, and expect a new epoch. `fenced` says that every other branch is there to be asked.
        """
        lost = self._views.pop(machine.name)
        lost.take_in_parked()
        lost.connection.close()
        self.rollbacks.forget(machine.name)
        left = list(self._views.values())
        for view in left:
            view.take_in_parked()
        self._promises.wiped[machine.name] = self._promises.wiped.get(machine.name, 0) + 1
        if kept is not None:
            self._promises.restored[machine.name] = self._promises.restored.get(machine.name, 0) + 1
            copy = _look_at(kept)
            self._note_rollback((machine.name, copy.epoch), copy, fenced=fenced)
            left.append(copy)
            self._record.went_back(machine.name)
        self._note_what_is_at_risk(lost, left)
        self._record.lost(machine.name, self._promises.at_risk)

    def copy(self, machine: Machine, twin: Machine, *, heard: bool) -> None:
        """A machine's disk was just copied to its twin's, and both are about to run. `heard` says that every
        peer hears both and reaches the first."""
        first = self._views[machine.label]
        first.take_in_parked()
        life = (machine.name, first.epoch)
        # Its file is opened when the twin commits: nobody has it open yet.
        copy = replace(
            first, path=NOT_OPEN, connection=sqlite3.connect(":memory:"), data_version=-1, texts={}
        )
        for name in ("positions", "stamps"):
            setattr(copy, name, dict(getattr(first, name)))
        copy.events = {life: list(self._events.get(life, ()))}
        self._other_events.append(copy.events)
        self._views[twin.label] = copy
        kept = rollbacks.of_life(life, first.cells, first.grants)
        self.forks.add(Fork(life=life, kept=kept, heard=heard, first=machine.label, copy=twin.label))
        for book in (self._promises.wiped, self._promises.restored, self._promises.cloned):
            book[machine.name] = book.get(machine.name, 0) + 1

    def part(self, machine: Machine, twin: Machine, *, keep: bool) -> None:
        """One of two disks is about to be thrown away, the first one if the copy is to `keep`: note what no
        other disk has. Where the other's life goes on, peers may have more of it, and say so."""
        left, lost = self._views[machine.label], self._views.pop(twin.label)
        events = lost.events or {}
        if keep:
            left, lost = lost, left
            self.rollbacks.forget(machine.name)
            mine = {life: self._events[life] for life in events if life in self._events}
            self._other_events.append(mine)
            self._events.update(events)
            self._views[machine.label] = left
        left.events = None
        lost.take_in_parked()
        lost.connection.close()
        self.forks.close(machine.name, keeps_copy=keep)
        life = (machine.name, left.epoch)
        if left.epoch == lost.epoch:
            kept = rollbacks.of_life(life, left.cells, left.grants)
            self.rollbacks.add(
                Rollback(
                    life=life,
                    kept=kept,
                    forgotten=Stock({}, {}),  # what it spent is in the fork's book
                    seen=Stock({}, {}),
                    events={},
                    fenced=False,
                    knowers=self._knowers(life, left, but=machine.name),
                )
            )
        for view in self._views.values():
            view.take_in_parked()
        self._note_what_is_at_risk(lost, list(self._views.values()))
        self._record.lost(machine.name, self._promises.at_risk)

    def leave(self, machine: Machine) -> None:
        """A machine whose disk was lost does not come back: its branch is decommissioned."""
        self._record.gone(machine.name)

    def _note_what_is_at_risk(self, lost: View, left: Sequence[View]) -> None:
        """Orders and units that the lost disk had and none of those that are left, parked or not."""
        for order_id, version in lost.held_orders.items():
            if all(other.held_orders.get(order_id, 0) < version for other in left):
                self._promises.at_risk[order_id] = version
        for key, cell in self._cells.items():
            known = [cells.get(key, NOTHING) for other in left for cells in (other.cells, other.parked_cells)]
            missing = self._promises.units_at_risk.setdefault(key, dict.fromkeys(GROWING, 0))
            for place, column in enumerate(GROWING):
                unknown = cell[place] - max(other[place] for other in known)
                missing[column] = max(missing[column], unknown)

    def _note_rollback(self, life: Life, copy: View, *, fenced: bool) -> None:
        events = self._events.setdefault(life, [])
        kept = rollbacks.of_life(life, copy.cells, copy.grants)
        truth = rollbacks.of_life(life, self._cells, self._grants)
        self.rollbacks.add(
            Rollback(
                life=life,
                kept=kept,
                forgotten=self.rollbacks.forgot(life, truth, kept),
                seen=self._seen(life),
                events=dict(enumerate(events[copy.seq :], start=copy.seq + 1)),
                fenced=fenced,
                knowers=self._knowers(life, copy),
            )
        )
        del events[copy.seq :]

    def _seen(self, life: Life) -> Stock:
        """What the disks that are there know of a life."""
        seen: dict[CellKey, Cell] = {}
        for view in self._views.values():
            for key, cell in rollbacks.of_life(life, view.cells, {}).cells.items():
                seen[key] = tuple(map(max, cell, seen.get(key, NOTHING)))
        return Stock(seen, {})

    def note_what_was_merged_away(self) -> None:
        """In the end: units of lives with two histories that no disk shows."""
        for key, cell in self._cells.items():
            gone = self.rollbacks.merged_away(key, cell)
            missing = self._promises.units_at_risk.setdefault(key, dict.fromkeys(GROWING, 0))
            for place, column in enumerate(GROWING):
                missing[column] = max(missing[column], gone[place])

    def _knowers(self, life: Life, copy: View, *, but: str | None = None) -> set[str]:
        """The branches whose disks have more of a life than this copy of its own."""
        return {
            name
            for name, other in self._views.items()
            if name != but
            and (
                other.positions.get(life, 0) > copy.seq
                or any(
                    cell[-1] > copy.cells.get(key, NOTHING)[-1]
                    for key, cell in other.cells.items()
                    if key[1:] == life
                )
            )
        }

    def _may_end(self, life: Life) -> bool:
        return self.rollbacks.may_end(life) or self.forks.may_end(life)

    def _is_forked(self, branch: str) -> bool:
        return self.rollbacks.may_be_forked(branch) or self.forks.is_split(branch)

    def gone(self, product: str, dead: Collection[Life]) -> int:
        """How many units of a product left the shelf by the hands of these lives, net of what came, without
        any disk that is there knowing: what people find when they count for the first time. An order that is
        cancelled again after its first cancelling was lost with a disk gives back no unit a second time."""
        gone = -self._given_back[product]
        for key, cell in self._cells.items():
            if key[0] == product:
                known = [view.cells.get(key, NOTHING) for view in self._views.values()]
                seen = tuple(max(counts) for counts in zip(*known, strict=True))
                gone += seen[RETURNED] + seen[RETURNED_FROZEN]
                gone += _went(cell) - _went(seen) if key[1:] in dead else 0
        return gone

    def must_have_noticed(self, machine: Machine) -> None:
        """In the end no life goes on of which another disk had more when its own went back."""
        life = (machine.name, self._views[machine.name].epoch)
        if self.rollbacks.unnoticed(life):
            self._violation("unnoticed", machine.name, "it goes on as if its disk had not gone back")

    def is_one_of_two(self, machine: Machine) -> bool:
        """Whether there was a second process of the life that a machine's disk is in."""
        return self.forks.is_known((machine.name, self._views[machine.label].epoch))

    @property
    def may_have_sold_twice(self) -> bool:
        """Whether anything excuses that units were sold twice: a disk that went back, or was copied."""
        return bool(self.rollbacks.excused() or self.forks.excused())

    def is_founded(self, machine: Machine) -> bool:
        """Whether a machine's disk belongs to a network that serves."""
        view = self._views.get(machine.label)
        return view is not None and view.connection.execute(FOUNDED).fetchone() == (1,)

    def connection(self, machine: Machine) -> sqlite3.Connection:
        """A reading connection to a machine's file."""
        return self._view(machine).connection

    def close(self) -> None:
        for view in self._views.values():
            view.connection.close()

    def _view(self, machine: Machine) -> View:
        view = self._views.get(machine.label)
        if view is not None and view.path == machine.path:
            return view
        connection = sqlite3.connect(f"file:{machine.path}?mode=ro", uri=True, isolation_level=None)
        if view is None:
            view = self._views[machine.label] = View(machine.path, connection)
        else:
            # The machine crashed: what was committed before must be there after.
            view.connection.close()
            view.path, view.connection, view.data_version = machine.path, connection, -1
        return view

    def _put_down(self, name: str, view: View) -> None:
        heads = {f"{origin}@{epoch}": seq for (origin, epoch), seq in view.positions.items()}
        cells: dict[CellKey, dict[str, Any]] = {
            key: {**dict(zip(GROWING, cell, strict=True)), "granted": {}} for key, cell in view.cells.items()
        }
        for (*key, branch, epoch), quantity in view.grants.items():
            cells[key[0], key[1], key[2]]["granted"][f"{branch}@{epoch}"] = quantity
        self._record.committed(name, view.epoch, {**heads, f"{name}@{view.epoch}": view.seq}, cells)

    def _check(self, machine: Machine, view: View) -> int:
        name = machine.name
        changed = _changed(view)
        if "node" in changed:
            epoch, seq = changed["node"][0]
        else:
            epoch, seq = view.epoch, view.seq
        if not epoch:
            return 0
        if epoch != view.epoch and view.epoch and not self._may_end((name, view.epoch)):
            self._violation("reborn", name, "it began a new epoch, though its file lost nothing")
        if epoch != view.epoch and view.epoch:
            self._record.began_again(name)
        if epoch != view.epoch:
            view.seq = 0
            self.forks.begin((name, epoch))
        view.epoch = epoch
        self._check_outbox(name, epoch, seq, view)
        self._check_positions(name, view, changed.get("positions", ()))
        view.cursors = changed.get("cursors", view.cursors)
        self._check_cursors(name, epoch, view)
        for table in ("products", "customers"):
            self._check_stamps(name, view, table, changed.get(table, ()))
        if "orders" in changed:
            self._note_given_back(view, changed["orders"])
        if "stock" in changed or "stock_grants" in changed:
            self._take_cells(machine, view, changed.get("stock"), changed.get("stock_grants"))
            if not self._may_oversell:
                self._check_rights(name, epoch, view)
        if "orders" in changed:
            self._check_orders(name, epoch, view, changed["orders"])
        return int(seq)

    def _check_outbox(self, name: str, epoch: str, seq: int, view: View) -> None:
        """Seqs are dense from 1 and end where the node says; an event once written stays as it is."""
        written = self._events if view.events is None else view.events
        events = written.setdefault((name, epoch), [])
        if seq < view.seq:
            self._violation("monotone", name, f"its outbox went back from {view.seq} to {seq}")
        new = view.connection.execute(
            "SELECT seq, event_id FROM events WHERE epoch = ? AND seq > ? ORDER BY seq", (epoch, len(events))
        )
        for found, event_id in new:
            if found != len(events) + 1:
                self._violation("outbox", name, f"event {found} follows event {len(events)}")
            events.append(event_id)
        if len(events) != seq:
            self._violation("outbox", name, f"the outbox holds {len(events)} events and says {seq}")
        view.seq = seq

    def _check_positions(self, name: str, view: View, rows: Rows) -> None:
        for origin, epoch, seq, event_id in rows:
            life = (origin, epoch)
            if seq < view.positions.get(life, 0):
                self._violation("monotone", name, f"its position at {origin} fell to {seq}")
            if seq and not self._wrote(life, seq, event_id):
                written = len(self._events.get(life, ()))
                self._violation("invented", name, f"it has event {seq} of {origin}, which has {written}")
            view.positions[life] = seq

    def _wrote(self, life: Life, seq: int, event_id: str) -> bool:
        """Whether some disk of the life's branch wrote this event, or did and forgot it."""
        logs = (books.get(life, ()) for books in (self._events, *self._other_events))
        written = any(seq <= len(events) and events[seq - 1] == event_id for events in logs)
        return written or self.rollbacks.wrote(life, seq, event_id)

    def _check_cursors(self, name: str, epoch: str, view: View) -> None:
        """What counts as stored by a peer is in that peer's file."""
        for of_epoch, peer, peer_epoch, acknowledged in view.cursors:
            known = self._views.get(peer)
            if of_epoch != epoch or known is None or known.epoch != peer_epoch:
                continue  # of a life that is over
            if self._may_end((peer, peer_epoch)):
                continue  # it went back, or is one of two, and will say so, or end
            stored = known.positions.get((name, epoch), 0)
            if acknowledged > stored:
                self._violation("invented", name, f"{peer} has {stored} of its events, not {acknowledged}")
            told = parked.told(view.connection, (peer, peer_epoch), epoch)
            for seq, order_id in parked.orders_of(known.connection, (name, epoch)):
                if seq <= acknowledged and seq not in told and order_id not in known.orders:
                    self._violation("invented", name, f"{peer} has {order_id} only parked")

    def _check_stamps(self, name: str, view: View, table: str, rows: Rows) -> None:
        """A product or customer never goes back to an older edit."""
        for row_id, *stamp in rows:
            now: tuple[int, str, str] = (stamp[0], stamp[1], stamp[2])
            before = view.stamps.get((table, row_id))
            if before is not None and now < before:
                self._violation("monotone", name, f"{row_id} of {table} went from {before} to {now}")
            view.stamps[table, row_id] = now

    def _take_cells(self, machine: Machine, view: View, stock: Rows | None, granted: Rows | None) -> None:
        """Take in the stock tables, those that changed. Every count only grows, at its owner first."""
        name, label, life = machine.name, machine.label, (machine.name, view.epoch)
        cells, grants = view.cells, view.grants
        if stock is not None:
            cells = {(row[0], row[1], row[2]): tuple(row[3:]) for row in stock}
        if granted is not None:
            grants = {tuple(row[:5]): row[5] for row in granted}
        self._check_growth(name, view, cells, grants)
        view.cells, view.grants = cells, grants
        moved = rollbacks.of_life(life, cells, grants)
        for product in self.rollbacks.overspent(life, moved):
            self._violation("respent", name, f"{product}, though a peer knew that its disk went back")
        self.forks.move(life, label, moved)
        for product in self.forks.overspent(life, label):
            self._violation("respent", name, f"{product} by a copy, though all peers reached the first")
        real, both = self.rollbacks, self.forks
        both_moved = {key: both.real_cell(key, cell, label) for key, cell in moved.cells.items()}
        both_granted = {key: both.real_grant(key, n, label) for key, n in moved.grants.items()}
        self._cells.update({key: real.real_cell(key, cell) for key, cell in both_moved.items()})
        self._grants.update({key: real.real_grant(key, n) for key, n in both_granted.items()})
        for key, cell in cells.items():
            truth = self._cells.get(key, NOTHING)
            if cell != truth and any(map(gt, cell, truth)):
                self._violation("invented", name, f"it holds {cell} of {key}, its branch {truth}")
        for grant, quantity in grants.items():
            if quantity > self._grants.get(grant, 0):
                self._violation("invented", name, f"grant {grant} of {quantity} was never written")
        if not self._may_oversell:
            self._check_truth()

    def _check_growth(
        self, name: str, view: View, cells: Mapping[CellKey, Cell], grants: Mapping[tuple[str, ...], int]
    ) -> None:
        for key, before in view.cells.items():
            now = cells.get(key, (-1,))
            if now != before and any(map(lt, now, before)):
                self._violation("monotone", name, f"cell {key} went from {before} to {cells.get(key)}")
        for grant, quantity in view.grants.items():
            if grants.get(grant, 0) < quantity:
                self._violation("monotone", name, f"grant {grant} fell from {quantity}")

    def _check_truth(self) -> None:
        """Over all lives, also those whose disks are lost: nothing goes that did not come or come back."""
        went: Counter[str] = Counter()
        for (product, _, _), cell in self._cells.items():
            went[product] += _went(cell)
        excused = self.rollbacks.excused() + self.forks.excused()
        for product, units in went.items():
            more = units - self._given_back[product]
            if more > excused[product]:
                self._journal.violation("oversold", f"{more} units of {product} more went than came")

    def _note_given_back(self, view: View, rows: Rows) -> None:
        """An order that any disk ever showed as cancelled gave its units back, once."""
        for order_id, version in rows:
            if version > PLACED and order_id not in self._cancelled:
                self._cancelled.add(order_id)
                self._given_back.update(dict(view.connection.execute(_LINES, (order_id,)).fetchall()))

    def _check_rights(self, name: str, epoch: str, view: View) -> None:
        """The owner's own view never shows it in debt."""
        rights: dict[str, int] = {}
        for (product, branch, of_epoch), cell in view.cells.items():
            if (branch, of_epoch) == (name, epoch):
                received, returned, _, recovered, _, sold, removed, _ = cell
                came = received + returned + recovered
                rights[product] = rights.get(product, 0) + came - sold - removed
        for (product, *lives), quantity in view.grants.items():
            if lives[:2] == [name, epoch]:
                rights[product] = rights.get(product, 0) - quantity
            if lives[2:] == [name, epoch]:
                rights[product] = rights.get(product, 0) + quantity
        for product, units in rights.items():
            if units < 0:
                self._violation("overspent", name, f"it has spent {-units} rights of {product} it never had")

    def _check_orders(self, name: str, epoch: str, view: View, rows: Rows) -> None:
        orders: dict[str, int] = {row[0]: row[1] for row in rows}
        for order_id, version in sorted(view.orders.items() - orders.items()):
            if orders.get(order_id, 0) < version:
                self._violation(
                    "lost", name, f"order {order_id} went from {version} to {orders.get(order_id)}"
                )
        view.orders = orders
        wrong = self.effects.wrong(
            name,
            epoch,
            view.connection,
            view.cells,
            lost=self._promises.wiped,
            forked=self._is_forked,
        )
        for text in wrong:
            self._violation("atomic", name, text)

    def _violation(self, promise: str, name: str, text: str) -> None:
        self._journal.violation(promise, f"{name}: {text}")


def _went(cell: Cell) -> int:
    """Units that left the shelf, net of those that came; not what came back."""
    received, _, _, _, _, sold, removed, _ = cell
    return sold + removed - received


def _look_at(path: Path) -> View:
    """What a file holds that no process has open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        view = View(path, connection)
        found = _changed(view)
        view.orders = {row[0]: row[1] for row in found.get("orders", ())}
        view.take_in_parked()
    ((view.epoch, view.seq),) = found["node"]
    view.cells = {(row[0], row[1], row[2]): tuple(row[3:]) for row in found.get("stock", ())}
    view.grants = {tuple(row[:5]): row[5] for row in found.get("stock_grants", ())}
    return view


def _changed(view: View) -> dict[str, Rows]:
    """The rows of the tables that are not as they were. Nobody commits meanwhile: it is one instant."""
    before = view.texts
    view.texts = dict(zip(_TABLES, view.connection.execute(_EVERYTHING).fetchone(), strict=True))
    return {table: json.loads(text) for table, text in view.texts.items() if text != before.get(table, "[]")}
