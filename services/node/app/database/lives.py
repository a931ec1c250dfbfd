"""Which lives and which decommissioned branches this node knows, inside one command."""

import sqlite3
from collections import Counter
from collections.abc import Mapping

from app.database.deferred import CommandRows
from app.database.effects import Effects

_COUNT_HEARSAY = "SELECT branch, COUNT(*) FROM hearsay_deaths GROUP BY branch"
_NOTE_HEARSAY = "INSERT OR IGNORE INTO hearsay_deaths (branch, epoch) VALUES (?, ?)"
_DROP_HEARSAY = "DELETE FROM hearsay_deaths WHERE branch = ? AND epoch = ?"


class KnownLives:
    """The part of a transaction that reads and stores lives. Each is read once a command."""

    effects: Effects

    def __init__(self, rows: CommandRows) -> None:
        self.rows = rows
        self._lives: dict[tuple[str, str], bool] | None = None
        self._lives_of: dict[str, int] = {}
        self._hearsay_of: Counter[str] | None = None
        self._decommissioned: frozenset[str] | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The file, with everything that the group has done so far."""
        return self.rows.connection

    @property
    def direct(self) -> sqlite3.Connection:
        """The file, to read tables of which no row is ever deferred. Rows that are deferred stay so:
        stock, own_cells, orders, order_lines, events, audit."""
        return self.rows.direct

    @property
    def lives(self) -> Mapping[tuple[str, str], bool]:
        """Every known (branch, epoch), and whether it is over. Read once a command: rows from peers name
        lives all the time, and hardly ever a new one."""
        return self._known_lives()

    def _known_lives(self) -> dict[tuple[str, str], bool]:
        if self._lives is None:
            rows = self.direct.execute("SELECT branch, epoch, dead FROM epochs")
            self._lives = {(row[0], row[1]): bool(row[2]) for row in rows}
            self._lives_of = Counter(branch for branch, _ in self._lives)
        return self._lives

    def lives_of(self, branch: str) -> int:
        """How many lives of a branch are known."""
        self._known_lives()
        return self._lives_of.get(branch, 0)

    def hearsay_of(self, branch: str) -> int:
        """How many of a branch's known lives are over by the word of others only."""
        if self._hearsay_of is None:
            self._hearsay_of = Counter(dict(self.direct.execute(_COUNT_HEARSAY).fetchall()))
        return self._hearsay_of[branch]

    def note_hearsay(self, life: tuple[str, str]) -> None:
        """Store that a known life is over by the word of others only."""
        if self.connection.execute(_NOTE_HEARSAY, life).rowcount and self._hearsay_of is not None:
            self._hearsay_of[life[0]] += 1

    def drop_hearsay(self, life: tuple[str, str]) -> bool:
        """Store that what others said of a life's end counts no more. False if it was no hearsay."""
        was = self.connection.execute(_DROP_HEARSAY, life).rowcount > 0
        if was and self._hearsay_of is not None:
            self._hearsay_of[life[0]] -= 1
        return was

    def revive(self, life: tuple[str, str]) -> None:
        """Store that a life which others called dead lives. Only where its own branch never called it so."""
        self.connection.execute("UPDATE epochs SET dead = 0 WHERE branch = ? AND epoch = ?", life)
        self._lives = None

    @property
    def decommissioned(self) -> frozenset[str]:
        """Every branch known to be decommissioned."""
        if self._decommissioned is None:
            rows = self.direct.execute("SELECT branch FROM decommissioned")
            self._decommissioned = frozenset(row[0] for row in rows)
        return self._decommissioned

    def learn_decommissioned(self, branch: str) -> None:
        """Store that a branch is decommissioned. Every life of it is over, including those that become known
        later."""
        if branch in self.decommissioned:
            return
        self.connection.execute("INSERT INTO decommissioned (branch) VALUES (?)", (branch,))
        self.connection.execute("UPDATE epochs SET dead = 1 WHERE branch = ?", (branch,))
        self._lives = None
        self._decommissioned = self.decommissioned | {branch}
        self.effects.decommissioned.add(branch)

    def learn_life(self, life: tuple[str, str], *, over: bool) -> None:
        """Store a life, or that it is over. A life that is over stays so."""
        known = self.lives.get(life)
        over = over or (known is None and life[0] in self.decommissioned)
        if known is None or (over and not known):
            self.connection.execute(
                "INSERT OR REPLACE INTO epochs (branch, epoch, dead) VALUES (?, ?, ?)", (*life, int(over))
            )
            if known is None:
                self._lives_of[life[0]] = self._lives_of.get(life[0], 0) + 1
            self._known_lives()[life] = over

    def forget_lives(self) -> None:
        """Read the lives anew when they are needed next."""
        self._lives = self._hearsay_of = self._decommissioned = None
