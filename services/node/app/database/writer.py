"""The single writer: the only connection that writes, commits and checkpoints.

It runs a group of commands in one transaction, each to be undone alone, and commits once. What the commands
defer is written for the whole group, many rows a statement. (SQLite before 3.51.3 has a WAL-reset race
between checkpointing connections; one connection cannot race.)
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from app.database import digest, node_row
from app.database.commands import Command, Outcome, joint
from app.database.deferred import CommandRows, DeferredRows
from app.database.effects import Effects
from app.database.errors import OutcomeUnknown, StorageFailed, is_full, is_refusal_by_rule, storage_error
from app.database.file import reading_somehow, speakable
from app.database.kept_totals import KeptTotals
from app.database.mirror import Mirror, StaleMirror
from app.database.node_row import Counters, Identity
from app.database.transaction import Transaction

_MOST_PAGES = 4_294_967_294  # the most SQLite can count (sqlite.org/limits.html)


class _GroupVoid(Exception):
    """The transaction is gone; nobody's work of this group is stored."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Writer:
    """Runs groups of commands. Not thread-safe: the executor's writer lane runs one group at a time.

    `connection` is one that `connect` has opened already, if there is one. With `compares`, the mirror is
    compared with the file after each group, and `run_group` raises StaleMirror: for tests, which it slows.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        connection: sqlite3.Connection | None = None,
        identity: Identity,
        wall: Callable[[], float],
        random: Random,
        compares: bool = False,
    ) -> None:
        self._connect = connect
        self._connection = connection or connect()
        self._lost = False  # after an error of COMMIT, until the file could be opened again
        self._most_bytes: int | None = None
        self.identity = identity
        self._wall = wall
        self._random = random
        self._compares = compares
        self._mirror = Mirror()
        self._followed: sqlite3.Connection | None = None
        self._stood: tuple[int, int] | None = None  # where the file stood after the last group
        self._kept = KeptTotals()
        self._counters: tuple[Counters, int] | None = None
        self._totals: digest.Totals = {}

    def run_group(self, commands: Sequence[Command]) -> tuple[list[Outcome], Effects]:
        """Run the commands in order and commit once; return an outcome for each and what changed.

        A command that raises is undone alone. If the transaction itself is voided (disk full, I/O
        error), nothing of the group is stored, and each command is run again in a group of its own,
        so that one command's trouble is not another's. OutcomeUnknown stands for every command of a group
        of which even the file could not be asked whether it is stored.
        """
        try:
            return self._commit_group(commands)
        except OutcomeUnknown as unknown:
            return [Outcome(error=unknown) for _ in commands], Effects()
        except _GroupVoid as void:
            if len(commands) == 1:
                return [Outcome(error=storage_error(void.cause))], Effects()
        outcomes: list[Outcome] = []
        effects = Effects()
        for command in commands:
            alone, changed = self.run_group([command])
            outcomes += alone
            effects.absorb(changed)
        return outcomes, effects

    def explain(self, command: Command) -> BaseException:
        """Why a command failed on a text that is not UTF-8: it runs once more, is given such texts with marks
        for what is wrong in them, and is undone whatever it does. The error then is its own, of the row it
        met, or StorageFailed."""
        failed = StorageFailed("a text in the database cannot be read")
        connection = self._connection
        try:
            with reading_somehow(connection):
                self._kept.follow(connection)
                connection.execute("BEGIN IMMEDIATE")
                counters, _ = node_row.read_counters(connection)
                outcome, *_ = self._run(
                    command, counters, self.identity, now=self._wall(), pending={}, earlier=None
                )
        except (sqlite3.Error, _GroupVoid) as error:
            failed.__cause__ = error
            return failed
        finally:
            self._roll_back()
            self._mirror.drop()  # it read texts with marks
        return failed if outcome.error is None else outcome.error

    def limit_bytes(self, most: int | None) -> None:
        """Let the file grow to `most` bytes, or to its present size if that is more; None lifts the limit.

        What needs more is refused as on a full disk.
        """
        self._most_bytes = most
        if not self._lost:
            self._apply_limit()

    def close(self) -> None:
        self._connection.close()

    def _apply_limit(self) -> None:
        size = self._connection.execute("PRAGMA page_size").fetchone()[0]
        pages = _MOST_PAGES if self._most_bytes is None else max(1, self._most_bytes // size)
        self._connection.execute(f"PRAGMA max_page_count = {pages}")

    def _commit_group(self, commands: Sequence[Command]) -> tuple[list[Outcome], Effects]:
        outcomes: list[Outcome] = []
        effects = Effects()
        deferred = DeferredRows() if len(commands) > 1 else None
        try:
            if self._lost:
                self.reopen()
            before, groups = self._begin()
            counters, identity, now = before, self.identity, self._wall()
            while len(outcomes) < len(commands):
                done, counters, identity, changed = self._run_next(
                    commands[len(outcomes) :],
                    counters,
                    identity,
                    now=now,
                    pending=effects.deltas,
                    earlier=deferred,
                )
                outcomes += done
                effects.absorb(changed)
            wrote = any(outcome.wrote for outcome in outcomes) or any(effects.deltas.values())
            if counters == before and not wrote:
                # Refusals and readings leave nothing to make durable: no sync for them.
                self._roll_back()
                return outcomes, effects
            if deferred:
                with self._mirror.writing_deferred():
                    deferred.write(self._connection)
            if effects.recounted:
                self._totals.clear()  # a change that sets a total was counted from the one in the file
            totals = digest.flush(self._connection, effects.deltas, self._totals)
            node_row.write_counters(self._connection, identity, counters, groups=groups + 1)
        except sqlite3.Error as error:
            self._void()
            raise _GroupVoid(error) from error
        except _GroupVoid:
            self._void()
            raise
        self._commit(groups + 1)
        self.identity = identity
        self._remember(counters, groups + 1, totals)
        return outcomes, effects

    def _begin(self) -> tuple[Counters, int]:
        """Begin the group's transaction. Returns the counters, and how many groups there were. Only what the
        mirror has of this very state of the file is kept."""
        connection = self._connection
        if self._followed is not connection:
            self._mirror.follow(connection)
            self._followed, self._stood = connection, None
        self._kept.follow(connection)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            # A reading that failed half-way may hold this connection to an instant that somebody else's write
            # made an old one; it would be refused as long as the connection lives.
            self._lost = True
            raise
        if self._stood != self._stands() or self._counters is None:
            self._mirror.drop()
            self._totals.clear()
            self._stood, self._counters = self._stands(), node_row.read_counters(self._connection)
        return self._counters

    def _stands(self) -> tuple[int, int]:
        """Two numbers that change when another connection writes to the file, and when this one does."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version, self._connection.total_changes

    def _remember(self, counters: Counters, groups: int, totals: digest.Totals) -> None:
        """The group is committed: the mirror has what the file has now."""
        self._counters = counters, groups
        self._totals.update(totals)
        self._mirror.shrink()
        if self._stood is not None:
            self._stood = self._stood[0], self._connection.total_changes
        if self._compares:
            self._mirror.require_true(self._connection)
            if (stored := node_row.read_counters(self._connection)) != self._counters:
                raise StaleMirror(f"the counters are {self._counters}, in the file {stored}")
            if not self._totals.items() <= digest.read_every_total(self._connection).items():
                raise StaleMirror("the totals of the digest are not those of the file")
            if not self._kept.is_true(self._connection):
                raise StaleMirror("the totals of what is kept are not the sums of the rows")

    def _run_next(
        self, commands: Sequence[Command], counters: Counters, identity: Identity, **group: Any
    ) -> tuple[Sequence[Outcome], Counters, Identity, Effects]:
        """Run the first of these commands; together with those after it, as far as they can be."""
        several = joint(commands)
        if several is not None:
            outcome, *_ = ran = self._run(several, counters, identity, **group)
            if outcome.value:
                return [Outcome(value=each, wrote=outcome.wrote) for each in outcome.value], *ran[1:]
        outcome, *_ = ran = self._run(commands[0], counters, identity, **group)
        return [outcome], *ran[1:]

    def _run(
        self,
        command: Command,
        counters: Counters,
        identity: Identity,
        *,
        now: float,
        pending: digest.Deltas,
        earlier: DeferredRows | None,
    ) -> tuple[Outcome, Counters, Identity, Effects]:
        """Run one command; if it raises, what it wrote is undone, with the transaction if it is alone.
        `earlier` takes the rows that the commands of a group defer; it is None for one that is alone."""
        connection = self._connection
        rows = CommandRows(connection, mirror=self._mirror, earlier=earlier)
        transaction = Transaction(
            rows,
            identity=identity,
            counters=counters,
            now=now,
            random=self._random,
            pending=pending,
        )
        try:
            value = command(transaction)
            transaction.finish()
            wrote = rows.keep()
            if rows.failed is not None:
                raise rows.failed  # the command went on as if it was nothing
        except Exception as raised:
            error = speakable(raised)
            if rows.failed is not None or not connection.in_transaction:
                raise _GroupVoid(rows.failed or error) from error
            rows.undo()
            if is_refusal_by_rule(error):
                error.__traceback__ = None  # nobody asks where it arose, and its frames would stay with it
            outcome = Outcome(error=storage_error(error) if is_full(error) else error)
            return outcome, counters, identity, Effects()
        outcome = Outcome(value=value, wrote=wrote)
        return outcome, transaction.counters, transaction.identity, transaction.effects

    def _commit(self, groups: int) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._mirror.drop()
            if self._connection.in_transaction:
                self._roll_back()
                raise _GroupVoid(error) from error
            if not self._is_stored(groups):
                raise _GroupVoid(error) from error

    def _is_stored(self, groups: int) -> bool:
        """Reopen the file and read whether the group is in it: only the file knows after a failed COMMIT."""
        try:
            self.reopen()
            stored = node_row.groups_of(self._connection)
        except sqlite3.Error as error:
            raise OutcomeUnknown(str(error)) from error
        return stored == groups

    def reopen(self) -> None:
        """Open the file anew. What it says holds, not what this object remembers."""
        self._connection.close()
        self._lost = True
        self._connection = self._connect()
        self._apply_limit()
        self.identity = replace(self.identity, epoch=node_row.epoch_of(self._connection))
        self._lost = False

    def _void(self) -> None:
        """Undo the whole group, and forget what the mirror has of it."""
        self._mirror.drop()
        self._roll_back()

    def _roll_back(self) -> None:
        if not self._lost and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
