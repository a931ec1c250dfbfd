"""Disks that are lost, go back or are copied: the rows that no disk has any more, and what that excuses."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.simulation.machines.machine import Machine
from tests.simulation.people.promises import Promises
from tests.simulation.people.record import Record
from tests.simulation.watching import rollbacks
from tests.simulation.watching.forks import Fork
from tests.simulation.watching.rollbacks import Life, Rollback, Stock
from tests.simulation.watching.truth import Truth
from tests.simulation.watching.view import GROWING, NOT_OPEN, NOTHING, View, look_at


class Losses:
    """Writes into the truth, the promises and the record what happens to disks."""

    def __init__(self, truth: Truth, promises: Promises, record: Record) -> None:
        self._truth = truth
        self._promises = promises
        self._record = record

    def lose(self, machine: Machine, *, kept: Path | None = None, fenced: bool = False) -> None:
        """A machine's disk is about to be lost, or to go back to an older copy of itself (`kept`). Note what
        no other disk has, and expect a new epoch. `fenced` says that every other branch can be asked."""
        lost = self._truth.views.pop(machine.name)
        lost.take_in_parked()
        lost.connection.close()
        self._truth.rollbacks.forget(machine.name)
        left = list(self._truth.views.values())
        for view in left:
            view.take_in_parked()
        self._promises.wiped[machine.name] = self._promises.wiped.get(machine.name, 0) + 1
        if kept is not None:
            self._promises.restored[machine.name] = self._promises.restored.get(machine.name, 0) + 1
            copy = look_at(kept)
            self._note_rollback((machine.name, copy.epoch), copy, fenced=fenced)
            left.append(copy)
            self._record.went_back(machine.name)
        self._note_what_is_at_risk(lost, left)
        self._record.lost(machine.name, self._promises.at_risk)

    def copy(self, machine: Machine, twin: Machine, *, heard: bool) -> None:
        """A machine's disk was just copied to its twin's, and both are about to run. `heard` says that every
        peer receives messages of both and reaches the first."""
        first = self._truth.views[machine.label]
        first.take_in_parked()
        life = (machine.name, first.epoch)
        # Its file is opened when the twin commits: nobody has it open yet.
        copy = replace(
            first,
            path=NOT_OPEN,
            connection=sqlite3.connect(":memory:"),
            data_version=-1,
            texts={},
            parked_orders={},
        )
        for name in ("positions", "stamps"):
            setattr(copy, name, dict(getattr(first, name)))
        copy.events = {life: list(self._truth.events.get(life, ()))}
        self._truth.other_events.append(copy.events)
        self._truth.views[twin.label] = copy
        kept = rollbacks.of_life(life, first.cells, first.grants)
        self._truth.forks.add(Fork(life=life, kept=kept, heard=heard, first=machine.label, copy=twin.label))
        for book in (self._promises.wiped, self._promises.restored, self._promises.cloned):
            book[machine.name] = book.get(machine.name, 0) + 1

    def part(self, machine: Machine, twin: Machine, *, keep: bool) -> None:
        """One of two disks is about to be thrown away: the first one if the copy is to `keep`. Note what no
        other disk has. If the other's life goes on, peers may have more of it, and report that."""
        left, lost = self._truth.views[machine.label], self._truth.views.pop(twin.label)
        events = lost.events or {}
        if keep:
            left, lost = lost, left
            self._truth.rollbacks.forget(machine.name)
            mine = {life: self._truth.events[life] for life in events if life in self._truth.events}
            self._truth.other_events.append(mine)
            self._truth.events.update(events)
            self._truth.views[machine.label] = left
        left.events = None
        lost.take_in_parked()
        lost.connection.close()
        self._truth.forks.close(machine.name, keeps_copy=keep)
        life = (machine.name, left.epoch)
        if left.epoch == lost.epoch:
            kept = rollbacks.of_life(life, left.cells, left.grants)
            self._truth.rollbacks.add(
                Rollback(
                    life=life,
                    kept=kept,
                    forgotten=Stock({}, {}),  # what it spent is in the fork's book
                    seen=Stock({}, {}),
                    events={},
                    fenced=False,
                    knowers=self._truth.knowers(life, left, but=machine.name),
                )
            )
        for view in self._truth.views.values():
            view.take_in_parked()
        self._note_what_is_at_risk(lost, list(self._truth.views.values()))
        self._record.lost(machine.name, self._promises.at_risk)

    def leave(self, machine: Machine) -> None:
        """A machine whose disk was lost does not come back: its branch is decommissioned."""
        self._record.gone(machine.name)

    def note_what_was_merged_away(self) -> None:
        """At the end: note the units of lives with two histories that no disk shows."""
        for key, cell in self._truth.cells.items():
            gone = self._truth.rollbacks.merged_away(key, cell)
            missing = self._promises.units_at_risk.setdefault(key, dict.fromkeys(GROWING, 0))
            for place, column in enumerate(GROWING):
                missing[column] = max(missing[column], gone[place])

    def _note_what_is_at_risk(self, lost: View, left: Sequence[View]) -> None:
        """Note the orders and units that the lost disk had and no remaining disk has, parked or not."""
        for order_id, version in lost.held_orders.items():
            if all(other.held_orders.get(order_id, 0) < version for other in left):
                self._promises.at_risk[order_id] = version
        for key, cell in self._truth.cells.items():
            known = [cells.get(key, NOTHING) for other in left for cells in (other.cells, other.parked_cells)]
            missing = self._promises.units_at_risk.setdefault(key, dict.fromkeys(GROWING, 0))
            for place, column in enumerate(GROWING):
                unknown = cell[place] - max(other[place] for other in known)
                missing[column] = max(missing[column], unknown)

    def _note_rollback(self, life: Life, copy: View, *, fenced: bool) -> None:
        events = self._truth.events.setdefault(life, [])
        kept = rollbacks.of_life(life, copy.cells, copy.grants)
        truth = rollbacks.of_life(life, self._truth.cells, self._truth.grants)
        self._truth.rollbacks.add(
            Rollback(
                life=life,
                kept=kept,
                forgotten=self._truth.rollbacks.forgot(life, truth, kept),
                seen=self._truth.seen(life),
                events=dict(enumerate(events[copy.seq :], start=copy.seq + 1)),
                fenced=fenced,
                knowers=self._truth.knowers(life, copy),
            )
        )
        del events[copy.seq :]
