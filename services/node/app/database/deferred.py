"""Rows that the commands of a group write: kept in memory until somebody reads the file, or the group ends.

So each table gets them in few statements, and a command that is refused costs the file nothing.
"""

import sqlite3
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from app.database.many_rows import write_rows
from app.database.mirror import Mirror

Finish = Callable[[list[Any]], Sequence[Sequence[Any]]]
"""Makes of all rows that were deferred for a statement the values to write."""


class DeferredRows:
    """Statements with the values of each row, in the order in which they were deferred.

    Of rows with one key only the latest is written; rows without a key follow them. What is noted lets later
    commands find a row before the file has it.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[Finish, dict[Hashable, Any]]] = {}
        self._rows: dict[str, tuple[Finish | None, list[Any]]] = {}
        self._found: dict[Hashable, list[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows or self._latest)

    def add(self, statement: str, row: Sequence[Any]) -> None:
        """Write a row with this statement, all of whose values are there."""
        self.add_all(statement, (row,))

    def add_all(self, statement: str, rows: Sequence[Any], finish: Finish | None = None) -> None:
        """Write rows with this statement."""
        known = self._rows.get(statement)
        if known is None:
            self._rows[statement] = finish, [*rows]
        else:
            known[1].extend(rows)

    def add_latest(self, statement: str, rows: Mapping[Any, Any], finish: Finish) -> None:
        """Write rows, by their keys, with this statement, unless later ones come with the same keys."""
        known = self._latest.get(statement)
        if known is None:
            self._latest[statement] = finish, {**rows}
        else:
            known[1].update(rows)

    def replace_last(self, statement: str, row: Any) -> bool:
        """Put another row in the place of a statement's last. False if that is written already."""
        known = self._rows.get(statement)
        if known is None:
            return False
        known[1][-1] = row
        return True

    def note(self, found_by: Hashable, answer: Any) -> None:
        """Let `found` return this answer until the rows are written."""
        self._found.setdefault(found_by, []).append(answer)

    def found(self, found_by: Hashable) -> list[Any]:
        """The answers that were noted."""
        return self._found.get(found_by, [])

    def absorb(self, later: "DeferredRows") -> None:
        """Take over the rows of a command that succeeded."""
        for statement, (finish, latest) in later._latest.items():
            self._latest.setdefault(statement, (finish, {}))[1].update(latest)
        for statement, (finish_all, rows) in later._rows.items():
            self._rows.setdefault(statement, (finish_all, []))[1].extend(rows)
        for found_by, answers in later._found.items():
            self._found.setdefault(found_by, []).extend(answers)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all rows. They stay deferred if that fails, for their command or group to be undone."""
        for statement, (finish, latest) in self._latest.items():
            write_rows(connection, statement, finish([*latest.values()]))
        for statement, (finish_all, rows) in self._rows.items():
            write_rows(connection, statement, rows if finish_all is None else finish_all(rows))
        self.forget()

    def forget(self) -> None:
        """Write none of them."""
        self._latest.clear()
        self._rows.clear()
        self._found.clear()


class CommandRows:
    """How one command of a group reads and writes rows. What it does can be undone alone.

    Nothing is begun in the file for a command that only defers rows and reads the mirror.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        mirror: Mirror | None = None,
        earlier: DeferredRows | None = None,
    ) -> None:
        self.direct = connection
        self.deferred = DeferredRows()
        self.failed: sqlite3.Error | None = None
        self.mirror = mirror or Mirror()
        self._earlier = earlier
        self._has_begun = False
        self._changes = connection.total_changes

    @property
    def connection(self) -> sqlite3.Connection:
        """The file, with all that was deferred so far."""
        if not self._has_begun:
            self._begin(self._earlier)
        if self.deferred:
            self.settle()
        return self.direct

    def settle(self) -> None:
        """Write what this command has deferred."""
        with self.mirror.writing_deferred():
            self.deferred.write(self.direct)

    def _begin(self, earlier: DeferredRows | None) -> None:
        if earlier is not None:
            try:
                with self.mirror.writing_deferred():
                    earlier.write(self.direct)
            except sqlite3.Error as error:
                self.failed = error  # it is not this command's: the group is void
                raise
            self.direct.execute("SAVEPOINT command")
        self._has_begun = True
        self._changes = self.direct.total_changes

    def found(self, found_by: Hashable) -> list[Any]:
        """What was noted of deferred rows, by this command and by earlier ones."""
        earlier = [] if self._earlier is None else self._earlier.found(found_by)
        return [*earlier, *self.deferred.found(found_by)]

    def keep(self) -> bool:
        """The command succeeded: leave its rows to the group, or write them. Returns whether it wrote
        anything."""
        wrote = bool(self.deferred) or self.direct.total_changes != self._changes
        if self._earlier is None:
            self.settle()  # now, so that a row that does not fit is this command's own error
        else:
            if self._has_begun:
                self.direct.execute("RELEASE command")
            self._earlier.absorb(self.deferred)
        self.mirror.keep()
        return wrote

    def undo_part(self) -> None:
        """A savepoint inside the command failed: undo what was done since it began."""
        self.deferred.forget()  # what was deferred before the savepoint was written when it began
        self.mirror.drop()
        if self.direct.in_transaction:
            self.direct.execute("ROLLBACK TO part")
            self.direct.execute("RELEASE part")

    def undo(self) -> None:
        """The command failed: undo what it did, with the whole transaction if it is alone in it."""
        if self._earlier is None:
            self.direct.execute("ROLLBACK")
        elif self._has_begun:
            self.direct.execute("ROLLBACK TO command")
            self.direct.execute("RELEASE command")
        if self.direct.total_changes == self._changes:
            self.mirror.forget_changes()
        else:
            self.mirror.drop()  # it may have read what it wrote
