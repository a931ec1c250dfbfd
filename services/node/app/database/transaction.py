"""One command's view of the database while the writer runs it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any

from app.database import digest, own_rows

_EVENT = f"INSERT {own_rows.into('events')}"
_END = "UPDATE events SET command_end = 1, checksum = ? WHERE epoch = ? AND seq = ?"


@dataclass(frozen=True)
class Identity:
    """The identity of a node: one life of one branch of one network."""

    cluster_id: str
    name: str
    epoch: str
    starts: int


@dataclass
class Counters:
    """The counters of the `node` row as they stand inside the running group."""

    lamport: int
    seq: int
    order_counter: int
    founded: int


@dataclass
class Effects:
    """The changes of a group that other parts may wait for. `gone` are newly decommissioned branches.
    `witnessed` says that a peer has stored one, too."""

    emitted: bool = False
    acknowledged: bool = False
    witnessed: bool = False
    gone: set[str] = field(default_factory=set)
    stock: set[str] = field(default_factory=set)
    deltas: digest.Deltas = field(default_factory=dict)

    def absorb(self, other: "Effects") -> None:
        self.emitted = self.emitted or other.emitted
        self.acknowledged = self.acknowledged or other.acknowledged
        self.witnessed = self.witnessed or other.witnessed
        self.gone |= other.gone
        self.stock |= other.stock
        for bucket, change in other.deltas.items():
            self.deltas[bucket] = self.deltas.get(bucket, 0) + change


@dataclass(frozen=True)
class Actor:
    """The author of a request, for the audit: a user's id (or a peer's name), and the request's id."""

    user_id: str
    request_id: str


class Transaction:
    """A command's savepoint inside the writer's group.

    - `connection` reads and writes; everything that the command wrote is undone if it raises.
    - `counters` and `effects` are copies. The writer keeps them only when the savepoint is released, so a
      rolled-back command leaves no hole in `seq`.
    - `now` is wall time, for display only. `lamport` is one logical instant for the whole command.
    - `pending` is the change of the digest by earlier commands of the group. It is written once a group.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        identity: Identity,
        counters: Counters,
        now: float,
        random: Random,
        pending: Mapping[tuple[str, int], int] = MappingProxyType({}),
    ) -> None:
        self.connection = connection
        self.identity = identity
        self.counters = replace(counters)
        self.effects = Effects()
        self.now = now
        self.random = random
        self._pending = pending
        self._ticked = False
        self._last_event: tuple[Any, ...] | None = None
        self._lives: dict[tuple[str, str], bool] | None = None
        self._gone: frozenset[str] | None = None

    @property
    def lamport(self) -> int:
        """This command's logical time: later than everything that this node has seen."""
        if not self._ticked:
            self.counters.lamport += 1
            self._ticked = True
        return self.counters.lamport

    def witness(self, lamport: int) -> None:
        """Raise this node's logical time to at least `lamport`, so that every later command is later than
        that."""
        self.counters.lamport = max(self.counters.lamport, lamport)

    @property
    def lives(self) -> Mapping[tuple[str, str], bool]:
        """Every known (branch, epoch), and whether it is over. Read once a command: rows from peers name
        lives all the time, and hardly ever a new one."""
        if self._lives is None:
            rows = self.connection.execute("SELECT branch, epoch, dead FROM epochs")
            self._lives = {(row[0], row[1]): bool(row[2]) for row in rows}
        return self._lives

    @property
    def gone(self) -> frozenset[str]:
        """Every branch known to be decommissioned."""
        if self._gone is None:
            rows = self.connection.execute("SELECT branch FROM decommissioned")
            self._gone = frozenset(row[0] for row in rows)
        return self._gone

    def learn_gone(self, branch: str) -> None:
        """Store that a branch is decommissioned. Every life of it is over, including those that become known
        later."""
        if branch in self.gone:
            return
        self.connection.execute("INSERT INTO decommissioned (branch) VALUES (?)", (branch,))
        self.connection.execute("UPDATE epochs SET dead = 1 WHERE branch = ?", (branch,))
        self._lives = None
        self._gone = self.gone | {branch}
        self.effects.gone.add(branch)

    def learn_life(self, life: tuple[str, str], *, over: bool) -> None:
        """Store a life, or that it is over. A life that is over stays so."""
        known = self.lives.get(life)
        over = over or (known is None and life[0] in self.gone)
        if known is None or (over and not known):
            self.connection.execute(
                "INSERT OR REPLACE INTO epochs (branch, epoch, dead) VALUES (?, ?, ?)", (*life, int(over))
            )
            self._lives = {**self.lives, life: over}

    def emit(self, kind: str, entity: str) -> int:
        """Append an event to the outbox and return its seq. Its body is read when it is sent."""
        self.counters.seq += 1
        self.effects.emitted = True
        place = (self.identity.epoch, self.counters.seq)
        event_id = self.random.randbytes(16).hex()
        values = (*place, event_id, kind, entity, self.lamport, float(self.now), 0)
        self.connection.execute(_EVENT, (*values, own_rows.sealed("events", *values)))
        self._last_event = values
        return self.counters.seq

    def changed(
        self, relation: str, key: str, *, before: digest.Row | None, after: digest.Row | None
    ) -> None:
        """Count a replicated row's change in the digest. Every write of such a row calls this."""
        digest.add_change(self.effects.deltas, relation, key, before=before, after=after)

    def digest_total(self, relation: str, bucket: int) -> int:
        """A bucket's present total, including this group's changes so far. Do not call it inside an
        `attempt`, which keeps its changes apart."""
        key = (relation, bucket)
        changed = self._pending.get(key, 0) + self.effects.deltas.get(key, 0)
        return (digest.read_total(self.connection, relation, bucket) + changed) % digest.MODULUS

    def set_digest_total(self, relation: str, bucket: int, total: int) -> None:
        """Set a bucket's total, after its rows were counted anew. Not inside an `attempt` either."""
        key = (relation, bucket)
        change = total - self.digest_total(relation, bucket)
        self.effects.deltas[key] = self.effects.deltas.get(key, 0) + change

    def audit(
        self,
        actor: Actor,
        *,
        action: str,
        entity: str,
        entity_id: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        version: int,
    ) -> None:
        """Write an audit entry, in the same transaction as the change. Secrets must not be in the rows."""
        self.connection.execute(
            "INSERT INTO audit (at, actor, action, entity, entity_id, before, after, origin, epoch, version,"
            " request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.now,
                actor.user_id,
                action,
                entity,
                entity_id,
                None if before is None else digest.canonical(before).decode(),
                None if after is None else digest.canonical(after).decode(),
                self.identity.name,
                self.identity.epoch,
                version,
                actor.request_id,
            ),
        )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run a part that may fail alone. If it raises, its writes and effects are undone and the exception
        is passed on; the rest of the command stays."""
        effects = self.effects
        kept = (replace(self.counters), self.identity, self._ticked, self._last_event)
        self.effects = Effects()
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO part")
                self.connection.execute("RELEASE part")
            self.effects = effects
            self.counters, self.identity, self._ticked, self._last_event = kept
            self._lives = self._gone = None
            raise
        self.connection.execute("RELEASE part")
        effects.absorb(self.effects)
        self.effects = effects

    def begin_epoch(self, epoch: str) -> None:
        """End this life of the disk and begin another: the old epoch is dead, the new one has no events yet.

        Later steps of the command, and every later command, belong to the new epoch.
        """
        old = self.identity
        self.identity = replace(old, epoch=epoch)
        self.counters.seq = 0
        self._last_event = None
        self._lives = None
        self.connection.execute("UPDATE node SET epoch = ?", (epoch,))
        self.connection.execute("DELETE FROM own_cells")
        self.connection.execute(
            "UPDATE epochs SET dead = 1 WHERE branch = ? AND epoch = ?", (old.name, old.epoch)
        )
        self.connection.execute(
            "INSERT INTO epochs (branch, epoch, dead) VALUES (?, ?, 0)", (old.name, epoch)
        )

    def finish(self) -> None:
        """Mark the command's last event, so that no batch ends inside the command."""
        if self._last_event is not None:
            epoch, seq, *values, _ = self._last_event
            self.connection.execute(_END, (own_rows.sealed("events", epoch, seq, *values, 1), epoch, seq))
