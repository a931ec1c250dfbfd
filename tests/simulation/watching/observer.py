"""Reads every node's file after every commit, and compares it with the true history.

It reads the tables with its own SQL and does its own sums, so that an error in the node's arithmetic is not
repeated here. It knows more than any node: what every branch really sold, at every instant.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from operator import gt, lt
from typing import Any

from tests.simulation.journal import Journal
from tests.simulation.machines.machine import Machine
from tests.simulation.people.promises import Promises
from tests.simulation.people.record import Record
from tests.simulation.watching import parked, rollbacks
from tests.simulation.watching.claims import Claims
from tests.simulation.watching.effects import Effects
from tests.simulation.watching.losses import Losses
from tests.simulation.watching.rollbacks import CellKey, Life, Stock
from tests.simulation.watching.truth import Truth
from tests.simulation.watching.view import GROWING, NOTHING, Cell, Rows, View


class Observer:
    """The true history, as far as it was committed on any disk. These must hold at any time:

    - No product is oversold, and no branch has spent rights that it did not have.
    - No node has more of a cell than its own branch, and nothing known is forgotten.
    - An order never shows without its stock effect.
    - The outbox has no holes, no position is beyond it, and nothing counts as stored by a peer that is not.

    With `may_oversell`, rights limit no branch; the orders that are short are judged at the end (shortages).
    Of a branch that lies no file is read. What it says of itself limits what the others may sell (`claims`).
    """

    def __init__(
        self,
        journal: Journal,
        promises: Promises,
        record: Record,
        *,
        may_oversell: bool = False,
        claims: Claims | None = None,
    ) -> None:
        self._may_oversell = may_oversell
        self._journal = journal
        self._promises = promises
        self._record = record
        self.truth = Truth(claims=claims or Claims())
        self.losses = Losses(self.truth, promises, record)
        self.effects = Effects()

    def look(self, machine: Machine) -> None:
        """Check the result of a machine's last commit."""
        view = self._view(machine)
        version = view.connection.execute("PRAGMA data_version").fetchone()[0]
        if version == view.data_version:
            return
        view.data_version = version
        self._journal.note(machine.label, "commits", self._check(machine, view))
        if view.epoch and self._record.is_due():
            self._put_down(machine.name, view)

    def must_have_noticed(self, machine: Machine) -> None:
        """At the end, no life may continue if its disk went back and another disk had more of it."""
        view = self.truth.views[machine.name]
        life = (machine.name, view.epoch)
        if self.truth.rollbacks.unnoticed(life, rollbacks.of_life(life, view.cells, view.grants)):
            self._violation("unnoticed", machine.name, "it goes on as if its disk had not gone back")

    def is_one_of_two(self, machine: Machine) -> bool:
        """Whether there was a second process of the present life of a machine's disk."""
        return self.truth.forks.is_known((machine.name, self.truth.views[machine.label].epoch))

    def is_founded(self, machine: Machine) -> bool:
        """Whether a machine's disk belongs to a network that serves, by the last commit that is certainly on
        it."""
        view = self.truth.views.get(machine.label)
        return view is not None and view.founded

    def connection(self, machine: Machine) -> sqlite3.Connection:
        """A reading connection to a machine's file."""
        return self._view(machine).connection

    def close(self) -> None:
        for view in self.truth.views.values():
            view.connection.close()

    def _view(self, machine: Machine) -> View:
        view = self.truth.views.get(machine.label)
        if view is not None and view.path == machine.path:
            return view
        connection = sqlite3.connect(f"file:{machine.path}?mode=ro", uri=True, isolation_level=None)
        if view is None:
            view = self.truth.views[machine.label] = View(machine.path, connection)
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
        heads[f"{name}@{view.epoch}"] = view.seq
        self._record.committed(name, view.epoch, heads, cells, view.hearsay)

    def _check(self, machine: Machine, view: View) -> int:
        name = machine.name
        changed = view.changed()
        if "node" in changed:
            epoch, seq, founded = changed["node"][0]
            view.founded = bool(founded)
        else:
            epoch, seq = view.epoch, view.seq
        if not epoch:
            return 0
        may_end = self.truth.may_end((name, view.epoch)) or self.truth.claims.may_end_lives
        if epoch != view.epoch and view.epoch and not may_end:
            self._violation("reborn", name, "it began a new epoch, though its file lost nothing")
        ended = view.epoch if epoch != view.epoch else ""
        if ended:
            self._record.began_again(name)
        if epoch != view.epoch:
            view.seq = 0
            self.truth.forks.begin((name, epoch))
        view.epoch = epoch
        self.truth.claims.lives.add((name, epoch))
        self._check_outbox(name, epoch, seq, view)
        self._check_positions(name, view, changed.get("positions", ()))
        view.cursors = changed.get("cursors", view.cursors)
        if "parked" in changed:
            view.take_in_parked_orders(changed["parked"])
        self._check_cursors(name, epoch, view)
        for table in ("products", "customers"):
            self._check_stamps(name, view, table, changed.get(table, ()))
        if "orders" in changed:
            self.truth.note_given_back(view, changed["orders"])
        if "stock" in changed or "stock_grants" in changed:
            # One group's commit may hold the last commands of a life and the beginning of the next.
            lives = [(name, life) for life in (ended, epoch) if life]
            self._take_cells(machine, view, changed.get("stock"), changed.get("stock_grants"), lives=lives)
            if not self._may_oversell:
                self._check_rights(name, epoch, view)
        if "orders" in changed:
            self._check_orders(name, epoch, view, changed["orders"])
        return int(seq)

    def _check_outbox(self, name: str, epoch: str, seq: int, view: View) -> None:
        """Seqs must be dense from 1 and end at the node's counter; a written event must never change."""
        written = self.truth.events if view.events is None else view.events
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
            if seq and not (self.truth.wrote(life, seq, event_id) or self.truth.may_be_lied_about(life)):
                written = len(self.truth.events.get(life, ()))
                self._violation("invented", name, f"it has event {seq} of {origin}, which has {written}")
            view.positions[life] = seq

    def _check_cursors(self, name: str, epoch: str, view: View) -> None:
        """Everything that counts as stored by a peer must be in that peer's file."""
        for of_epoch, peer, peer_epoch, acknowledged in view.cursors:
            known = self.truth.views.get(peer)
            if of_epoch != epoch or known is None or known.epoch != peer_epoch:
                continue  # of a life that is over
            if self.truth.may_end((peer, peer_epoch)):
                continue  # it went back, or is one of two, and will say so, or end
            stored = known.positions.get((name, epoch), 0)
            if acknowledged > stored:
                self._violation("invented", name, f"{peer} has {stored} of its events, not {acknowledged}")
            only_parked = [
                (seq, order_id)
                for seq, order_id in known.parked_orders.get((name, epoch), ())
                if seq <= acknowledged and order_id not in known.orders
            ]
            told = parked.told(view.connection, (peer, peer_epoch), epoch) if only_parked else ()
            for seq, order_id in only_parked:
                if seq not in told:
                    self._violation("invented", name, f"{peer} has {order_id} only parked")

    def _check_stamps(self, name: str, view: View, table: str, rows: Rows) -> None:
        """A product or customer must never go back to an older edit."""
        for row_id, *stamp in rows:
            now: tuple[int, str, str] = (stamp[0], stamp[1], stamp[2])
            before = view.stamps.get((table, row_id))
            if before is not None and now < before:
                self._violation("monotone", name, f"{row_id} of {table} went from {before} to {now}")
            view.stamps[table, row_id] = now

    def _take_cells(
        self, machine: Machine, view: View, stock: Rows | None, granted: Rows | None, *, lives: Sequence[Life]
    ) -> None:
        """Read the stock tables that changed: what the machine's own `lives` moved is the truth. Every count
        must only grow, at its owner first."""
        name = machine.name
        cells, grants = view.cells, view.grants
        if stock is not None:
            cells = {(row[0], row[1], row[2]): tuple(row[3:]) for row in stock}
        if granted is not None:
            grants = {tuple(row[:5]): row[5] for row in granted}
        self._check_growth(name, view, cells, grants)
        view.cells, view.grants = cells, grants
        view.take_in_hearsay()
        for life in lives:
            self._take_moved(machine, life, rollbacks.of_life(life, cells, grants))
        for key, cell in cells.items():
            truth = self.truth.cells.get(key, NOTHING)
            invented = cell != truth and any(map(gt, cell, truth))
            if invented and not self.truth.may_be_lied_about(key[1:], view, key):
                self._violation("invented", name, f"it holds {cell} of {key}, its branch {truth}")
        for grant, quantity in grants.items():
            invented = quantity > self.truth.grants.get(grant, 0)
            if invented and not self.truth.may_be_lied_about((grant[1], grant[2]), view, grant[:3]):
                self._violation("invented", name, f"grant {grant} of {quantity} was never written")
        self.truth.claims.take(grants)
        if not self._may_oversell:
            self._check_truth()

    def _take_moved(self, machine: Machine, life: Life, moved: Stock) -> None:
        """Store all that a machine moved in a life of its own. It must have spent nothing that a peer could
        have reported as spent."""
        name, label = machine.name, machine.label
        real, both = self.truth.rollbacks, self.truth.forks
        for product in real.overspent(life, moved):
            self._violation("respent", name, f"{product}, though a peer knew that its disk went back")
        both.move(life, label, moved)
        for product in both.overspent(life, label):
            self._violation("respent", name, f"{product} by a copy, though all peers reached the first")
        both_moved = {key: both.real_cell(key, cell, label) for key, cell in moved.cells.items()}
        both_granted = {key: both.real_grant(key, n, label) for key, n in moved.grants.items()}
        self.truth.cells.update({key: real.real_cell(key, cell) for key, cell in both_moved.items()})
        self.truth.grants.update({key: real.real_grant(key, n) for key, n in both_granted.items()})

    def _check_growth(
        self, name: str, view: View, cells: Mapping[CellKey, Cell], grants: Mapping[tuple[str, ...], int]
    ) -> None:
        for key, before in view.cells.items():
            now = cells.get(key, (-1,))
            fell = now != before and any(map(lt, now, before))
            if fell and key not in view.hearsay and not self.truth.was_a_lie(key, before):
                self._violation("monotone", name, f"cell {key} went from {before} to {cells.get(key)}")
        for grant, quantity in view.grants.items():
            fell = grants.get(grant, 0) < quantity and grant[:3] not in view.hearsay
            if fell and not self.truth.was_a_lie(grant, (quantity,)):
                self._violation("monotone", name, f"grant {grant} fell from {quantity}")

    def _check_truth(self) -> None:
        """Over all lives, also those of lost disks: no unit may leave that did not arrive or come back."""
        for product, units in self.truth.oversold():
            self._journal.violation("oversold", f"{units} units of {product} more went than came")

    def _check_rights(self, name: str, epoch: str, view: View) -> None:
        """The owner's own view must never show negative rights."""
        for product, units in view.rights_of((name, epoch)).items():
            if units < 0:
                self._violation("overspent", name, f"it has spent {-units} rights of {product} it never had")

    def _check_orders(self, name: str, epoch: str, view: View, rows: Rows) -> None:
        orders: dict[str, int] = {row[0]: row[1] for row in rows}
        for order_id, version in sorted(view.orders.items() - orders.items()):
            if orders.get(order_id, 0) < version and not self.truth.was_false(order_id, version):
                self._violation(
                    "lost", name, f"order {order_id} went from {version} to {orders.get(order_id)}"
                )
        view.orders = orders
        wrong = self.effects.wrong(
            name,
            epoch,
            view.connection,
            self.truth.claims.lived(view.cells),
            lost=self._promises.wiped,
            forked=lambda branch: self.truth.is_forked(branch) or self.truth.claims.may_be_false(branch),
            nobody_lies=self.truth.claims.liar is None,
        )
        for text in wrong:
            self._violation("atomic", name, text)

    def _violation(self, promise: str, name: str, text: str) -> None:
        self._journal.violation(promise, f"{name}: {text}")
