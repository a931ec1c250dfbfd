"""The single writer: the only connection that writes, commits and checkpoints.

It runs a group of commands in one transaction, each in its own savepoint, and commits once. (SQLite
before 3.51.3 has a WAL-reset race between checkpointing connections; one connection cannot race.)
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from app.database import digest, own_rows
from app.database.errors import OutcomeUnknown, StorageFailed, StorageFull
from app.database.file import damage, read_somehow, reading_somehow, speakable_errors
from app.database.transaction import Counters, Effects, Identity, Transaction

Command = Callable[[Transaction], Any]

_FULL = sqlite3.SQLITE_FULL
_MOST_PAGES = 4_294_967_294  # the most SQLite can count (sqlite.org/limits.html)


@dataclass(frozen=True)
class Outcome:
    """What became of one command: its result, or the exception it ended with; and whether it left
    anything to commit."""

    value: Any = None
    error: BaseException | None = None
    wrote: bool = False


class _GroupVoid(Exception):
    """The transaction is gone; nobody's work of this group is stored."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Writer:
    """Runs groups of commands. Not thread-safe: the executor's writer lane runs one group at a time.

    `connection` is one that `connect` has opened already, if there is one.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        connection: sqlite3.Connection | None = None,
        identity: Identity,
        wall: Callable[[], float],
        random: Random,
    ) -> None:
        self._connect = connect
        self._connection = connection or connect()
        self._lost = False  # after an error of COMMIT, until the file could be opened again
        self._most_bytes: int | None = None
        self.identity = identity
        self._wall = wall
        self._random = random

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
                return [Outcome(error=_storage_error(void.cause))], Effects()
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
                connection.execute("BEGIN IMMEDIATE")
                counters, _ = self._read_counters()
                outcome, *_ = self._run(command, counters, self.identity, pending={}, alone=True)
        except (sqlite3.Error, _GroupVoid) as error:
            failed.__cause__ = error
            return failed
        finally:
            self._roll_back()
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
        try:
            if self._lost:
                self.reopen()
            self._begin()
            before, groups = self._read_counters()
            counters, identity = before, self.identity
            for command in commands:
                outcome, counters, identity, changed = self._run(
                    command, counters, identity, pending=effects.deltas, alone=len(commands) == 1
                )
                outcomes.append(outcome)
                effects.absorb(changed)
            wrote = any(outcome.wrote for outcome in outcomes) or any(effects.deltas.values())
            if counters == before and not wrote:
                # Refusals and readings leave nothing to make durable: no sync for them.
                self._roll_back()
                return outcomes, effects
            digest.flush(self._connection, effects.deltas)
            self._write_counters(identity, counters, groups + 1)
        except sqlite3.Error as error:
            self._roll_back()
            raise _GroupVoid(error) from error
        self._commit(groups + 1)
        self.identity = identity
        return outcomes, effects

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            # A reading that failed half-way may hold this connection to an instant that somebody else's write
            # made an old one; it would be refused as long as the connection lives.
            self._lost = True
            raise

    def _run(
        self,
        command: Command,
        counters: Counters,
        identity: Identity,
        *,
        pending: digest.Deltas,
        alone: bool,
    ) -> tuple[Outcome, Counters, Identity, Effects]:
        """Run one command; if it raises, what it wrote is undone, with the transaction if it is `alone`."""
        connection = self._connection
        transaction = Transaction(
            connection,
            identity=identity,
            counters=counters,
            now=self._wall(),
            random=self._random,
            pending=pending,
        )
        if not alone:
            connection.execute("SAVEPOINT command")
        before = connection.total_changes
        try:
            with speakable_errors():
                value = command(transaction)
                transaction.finish()
        except Exception as error:
            if not connection.in_transaction:
                raise _GroupVoid(error) from error
            if alone:
                connection.execute("ROLLBACK")
            else:
                connection.execute("ROLLBACK TO command")
                connection.execute("RELEASE command")
            full = isinstance(error, sqlite3.Error) and _code(error) == _FULL
            outcome = Outcome(error=_storage_error(error) if full else error)
            return outcome, counters, identity, Effects()
        if not alone:
            connection.execute("RELEASE command")
        wrote = connection.total_changes != before
        outcome = Outcome(value=value, wrote=wrote)
        return outcome, transaction.counters, transaction.identity, transaction.effects

    def _read_counters(self) -> tuple[Counters, int]:
        query = f"SELECT {own_rows.selected('node')} FROM node"
        row = read_somehow(self._connection, lambda: self._connection.execute(query).fetchone())
        if row is None or not own_rows.is_sound("node", row):
            raise damage("the file does not know whose it is any more, or where its counters stand")
        counters = Counters(
            lamport=row["lamport"],
            seq=row["seq"],
            order_counter=row["order_counter"],
            founded=row["founded"],
        )
        return counters, row["groups"]

    def _write_counters(self, identity: Identity, counters: Counters, groups: int) -> None:
        who = (identity.cluster_id, identity.name, identity.epoch, identity.starts)
        where = (counters.founded, counters.lamport, counters.seq, counters.order_counter, groups)
        self._connection.execute(
            "UPDATE node SET founded = ?, lamport = ?, seq = ?, order_counter = ?, groups = ?, checksum = ?",
            (*where, own_rows.sealed("node", *who, *where)),
        )

    def _commit(self, groups: int) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._roll_back()
                raise _GroupVoid(error) from error
            if not self._is_stored(groups):
                raise _GroupVoid(error) from error

    def _is_stored(self, groups: int) -> bool:
        """Reopen the file and read whether the group is in it: only the file knows after a failed COMMIT."""
        try:
            self.reopen()
            row = self._connection.execute("SELECT groups FROM node").fetchone()
        except sqlite3.Error as error:
            raise OutcomeUnknown(str(error)) from error
        return bool(row[0] == groups)

    def reopen(self) -> None:
        """Open the file anew. What it says holds, not what this object remembers."""
        self._connection.close()
        self._lost = True
        self._connection = self._connect()
        self._apply_limit()
        epoch = self._connection.execute("SELECT epoch FROM node").fetchone()[0]
        self.identity = replace(self.identity, epoch=epoch)
        self._lost = False

    def _roll_back(self) -> None:
        if not self._lost and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _code(error: sqlite3.Error) -> int:
    # The low byte of an extended result code is the primary one (sqlite.org/rescode.html).
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _storage_error(cause: BaseException) -> BaseException:
    if not isinstance(cause, sqlite3.Error):
        return cause
    error = StorageFull(str(cause)) if _code(cause) == _FULL else StorageFailed(str(cause))
    error.__cause__ = cause
    return error
