"""One command's view of the database while the writer runs it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar

from app.database import digest, own_rows
from app.database.deferred import CommandRows
from app.database.effects import Effects
from app.database.lives import KnownLives
from app.database.mirror import Mirrored
from app.database.node_row import Counters, Identity
from app.database.seals import seal_joined
from app.domain.bounds import lamport_limit
from app.domain.errors import BeyondBounds
from app.domain.values import value

T = TypeVar("T")

_EVENT = f"INSERT {own_rows.into('events')}"
_END = "UPDATE events SET command_end = 1, checksum = ? WHERE epoch = ? AND seq = ?"
_AUDIT = """
    INSERT INTO audit (id, at, actor, action, entity, entity_id, before, after, origin, epoch, version,
        request_id)
    VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def _sealed(events: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of events: their values, each with its seal."""
    # \x1f is what a seal joins its values with (seals.BETWEEN). An order has an event for each of its lines.
    rows = []
    said_of, said = None, ""
    for event in events:
        epoch, seq, event_id, kind, entity, lamport, created_at, ends = event
        if created_at is not said_of:  # all of a group have one time
            said_of, said = created_at, repr(created_at)
        joined = f"{epoch}\x1f{seq}\x1f{event_id}\x1f{kind}\x1f{entity}\x1f{lamport}\x1f{said}\x1f{ends}"
        rows.append((*event, seal_joined(joined)))
    return rows


def _nobody(_branch: str) -> bool:
    return False


@value(frozen=True, slots=True)
class Actor:
    """The author of a request, for the audit: a user's id (or a peer's name), and the request's id."""

    user_id: str
    request_id: str


class Transaction(KnownLives):
    """A command's part of the writer's group.

    - `connection` reads and writes; everything that the command wrote is undone if it raises. To take it
      writes what was deferred so far, so it reads what the commands did.
    - `defer` and `find` leave the file alone: rows are written with those of the whole group, and read from
      the writer's mirror.
    - `counters` and `effects` are copies. The writer keeps them only when the savepoint is released, so a
      rolled-back command leaves no hole in `seq`.
    - `now` is wall time, for display only, and the same for a whole group. `lamport` is one logical instant
      for the whole command.
    - `pending` is the change of the digest by earlier commands of the group. It is written once a group.
    """

    def __init__(
        self,
        rows: CommandRows,
        *,
        identity: Identity,
        counters: Counters,
        now: float,
        random: Random,
        pending: Mapping[tuple[str, int], int] = MappingProxyType({}),
    ) -> None:
        super().__init__(rows)
        self.identity = identity
        self.counters = counters.copy()
        self.effects = Effects()
        self.now = now
        self.random = random
        self._pending = pending
        self._ticked = False
        self._last_event: tuple[Any, ...] | None = None
        self._speaker: tuple[str, str] | None = None
        self._unreached: Callable[[str], bool] = _nobody

    @property
    def lamport(self) -> int:
        """This command's logical time: later than everything that this node has seen."""
        if not self._ticked:
            self.counters.lamport += 1
            self._ticked = True
        return self.counters.lamport

    @property
    def lamport_limit(self) -> int:
        """The highest logical time that this node accepts from others now."""
        return lamport_limit(self.counters.lamport, self.now)

    def require_lamport(self, lamport: int) -> None:
        """Raise BeyondBounds for a logical time that no honest node can have reached. Later commands here
        would have to be later still, and no peer would take those."""
        if lamport > self.lamport_limit:
            raise BeyondBounds("lamport", "far_ahead_of_what_is_known")

    @property
    def speaker(self) -> tuple[str, str] | None:
        """The life (branch, epoch) whose words this command merges. None: they are from this node's own
        disk."""
        return self._speaker

    def stands_in(self, branch: str) -> bool:
        """Whether the speaker's word stands for a branch that cannot be asked: this node has nothing yet and
        rebuilds, and could not reach that branch."""
        return not self.counters.founded and self._unreached(branch)

    @contextmanager
    def hearing(
        self, speaker: tuple[str, str], *, unreached: Callable[[str], bool] | None = None
    ) -> Iterator[None]:
        """Merge the words of another life. `unreached` says of a branch that it could not be asked."""
        before = (self._speaker, self._unreached)
        self._speaker, self._unreached = speaker, unreached or _nobody
        try:
            yield
        finally:
            self._speaker, self._unreached = before

    def advance(self, lamport: int) -> None:
        """Raise this node's logical time to at least `lamport`, so that every later command is later than
        that."""
        self.counters.lamport = max(self.counters.lamport, lamport)

    def emit(self, kind: str, entity: str) -> int:
        """Append an event to the outbox and return its seq. Its body is read when it is sent."""
        self.counters.seq += 1
        self.effects.emitted = True
        place = (self.identity.epoch, self.counters.seq)
        event_id = self.random.randbytes(16).hex()
        self._last_event = (*place, event_id, kind, entity, self.lamport, float(self.now), 0)
        self.rows.deferred.add_all(_EVENT, (self._last_event,), _sealed)
        return self.counters.seq

    def append(self, events: Sequence[tuple[str, str, bytes]]) -> int:
        """Append all events of one more command: the kind, the entity and 16 drawn bytes of each. Returns the
        last one's seq. For what does many commands at once; it counts their logical time itself."""
        epoch, counters, now = self.identity.epoch, self.counters, float(self.now)
        lamport, seq, last = counters.lamport, counters.seq, len(events)
        rows = [
            (epoch, seq + n, drawn.hex(), kind, entity, lamport, now, 1 if n == last else 0)
            for n, (kind, entity, drawn) in enumerate(events, start=1)
        ]
        counters.seq += last
        self.effects.emitted = True
        self.rows.deferred.add_all(_EVENT, rows, _sealed)
        return counters.seq

    def find(self, kind: Mirrored[T], key: str) -> T | None:
        """What the writer's mirror has under a key, or the file. Raises as the kind's `load` does."""
        return self.rows.mirror.find(kind, key, self.rows.direct)

    def mirror(self, kind: Mirrored[T], entries: Mapping[str, T]) -> None:
        """Let the mirror have what this command makes of entries, by their keys. It must defer the same for
        the file."""
        self.rows.mirror.change(kind, entries)

    def changed(
        self,
        relation: str,
        key: str,
        *,
        before: digest.Row | bytes | int | None,
        after: digest.Row | bytes | None,
    ) -> int:
        """Count a replicated row's change in the digest. Every write of such a row calls this. Rows may be
        given as their canonical bytes. Returns what the row counts now, which may be given as `before` the
        next time."""
        return digest.add_change(self.effects.deltas, relation, key, before=before, after=after)

    def digest_total(self, relation: str, bucket: int) -> int:
        """A bucket's present total, including this group's changes so far. Do not call it inside a
        `savepoint`, which keeps its changes apart."""
        key = (relation, bucket)
        changed = self._pending.get(key, 0) + self.effects.deltas.get(key, 0)
        return (digest.read_total(self.connection, relation, bucket) + changed) % digest.MODULUS

    def set_digest_total(self, relation: str, bucket: int, total: int) -> None:
        """Set a bucket's total, after its rows were counted anew. Not inside a `savepoint` either."""
        key = (relation, bucket)
        change = total - self.digest_total(relation, bucket)
        self.effects.recounted = True
        self.effects.deltas[key] = self.effects.deltas.get(key, 0) + change

    def audit(
        self,
        actor: Actor,
        *,
        action: str,
        entity: str,
        entity_id: str,
        before: digest.Row | None,
        after: digest.Row | bytes | None,
        version: int,
    ) -> None:
        """Write an audit entry, in the same transaction as the change. `after` may be a row's canonical
        bytes. Secrets must not be in the rows."""
        if after is not None and not isinstance(after, bytes):
            after = digest.canonical(after)
        self.rows.deferred.add(
            _AUDIT,
            (
                self.now,
                actor.user_id,
                action,
                entity,
                entity_id,
                None if before is None else digest.canonical(before).decode(),
                None if after is None else after.decode(),
                self.identity.name,
                self.identity.epoch,
                version,
                actor.request_id,
            ),
        )

    def audit_new(
        self, entries: Sequence[tuple[Actor, str, bytes]], *, action: str, entity: str, version: int
    ) -> None:
        """Write the audit entries of new rows: the author, the id and the canonical bytes of each."""
        now, name, epoch = self.now, self.identity.name, self.identity.epoch
        rows = [
            (
                now,
                actor.user_id,
                action,
                entity,
                id_,
                None,
                after.decode(),
                name,
                epoch,
                version,
                actor.request_id,
            )
            for actor, id_, after in entries
        ]
        self.rows.deferred.add_all(_AUDIT, rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a part that may fail alone. If it raises, its writes and effects are undone and the exception
        is passed on; the rest of the command stays."""
        effects = self.effects
        kept = (self.counters.copy(), self.identity, self._ticked, self._last_event)
        self.effects = Effects()
        self.connection.execute("SAVEPOINT part")
        try:
            yield
            self.rows.settle()  # a row that does not fit is this part's own error
        except BaseException:
            self.rows.undo_part()
            self.effects = effects
            self.counters, self.identity, self._ticked, self._last_event = kept
            self.forget_lives()
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
        self.forget_lives()
        self.rows.mirror.drop()
        self.connection.execute("UPDATE node SET epoch = ?", (epoch,))
        self.connection.execute("DELETE FROM own_cells")
        self.connection.execute("UPDATE hearsay_cells SET confirmed = 0")  # no grant is to this life yet
        self.connection.execute(
            "UPDATE epochs SET dead = 1 WHERE branch = ? AND epoch = ?", (old.name, old.epoch)
        )
        self.connection.execute(
            "INSERT INTO epochs (branch, epoch, dead) VALUES (?, ?, 0)", (old.name, epoch)
        )

    def finish(self) -> None:
        """Mark the command's last event, so that no batch ends inside the command."""
        if self._last_event is None:
            return
        ended = (*self._last_event[:-1], 1)
        if not self.rows.deferred.replace_last(_EVENT, ended):
            epoch, seq = self._last_event[:2]
            self.rows.deferred.add(_END, (own_rows.sealed("events", *ended), epoch, seq))
