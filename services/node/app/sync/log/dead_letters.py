"""Parked events (dead letters): events that this node could not apply. Each is kept whole with the reason,
tried again, shown, and never skipped."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.database import Actor, Transaction, own_rows
from app.domain.errors import Invalid
from app.domain.life import Life
from app.domain.ranges import as_ranges
from app.state.tables import life_table, stock_table
from app.sync.wire import kinds
from app.sync.wire.kinds import KINDS
from app.sync.wire.merging import UNAPPLICABLE
from app.sync.wire.messages import ORDER_KINDS, SCHEMA_VERSION, Batch, HandedEvent, Head, WireEvent

Which = Literal["waiting", "taken", "tried", "all"]
"""The parked events to try again:

- `waiting`: those that refer to something that was not here, which may have arrived by now;
- `taken`: those that a donor handed over and whose rows are in by now;
- `tried`: all but those that were handed over and never tried;
- `all`.
"""

_WHICH: Mapping[Which, str] = {
    "waiting": "waiting = 1 AND attempts > 0",
    "taken": """attempts = 0 AND seq <= COALESCE(
        (SELECT p.seq FROM positions p WHERE p.origin = parked.origin AND p.epoch = parked.epoch), 0)""",
    "tried": "attempts > 0",
    "all": "TRUE",
}

_HANDED_BYTES = 1 << 20

_INTO = own_rows.into("parked", "reason", "waiting", "attempts", "parked_at", "donor")
# Not OR REPLACE, of which the totals of what is kept would not hear (app.database.kept_totals).
_PUT = f"""
    INSERT {_INTO}
    ON CONFLICT DO UPDATE SET kind = excluded.kind, entity = excluded.entity, body = excluded.body,
        checksum = excluded.checksum, reason = excluded.reason, waiting = excluded.waiting,
        attempts = excluded.attempts, parked_at = excluded.parked_at, donor = excluded.donor
"""
_ADD = f"INSERT OR IGNORE {_INTO}"

_EVENT = "origin = ? AND epoch = ? AND seq = ? AND event_id = ?"
_FORGET = f"DELETE FROM parked WHERE {_EVENT}"
_FORGET_KIND = """
    DELETE FROM parked WHERE origin = ? AND epoch = ? AND seq > ? AND seq <= ? AND kind = ? AND entity = ?
"""
_NOTE_ATTEMPT = f"UPDATE parked SET attempts = attempts + 1, waiting = ? WHERE {_EVENT}"

_ANY = "SELECT 1 FROM parked LIMIT 1"
_COUNT = "SELECT COUNT(*) FROM parked"
_LIVES = "SELECT DISTINCT origin, epoch FROM parked ORDER BY origin, epoch"
_SEQS = "SELECT DISTINCT seq FROM parked WHERE origin = ? AND epoch = ? ORDER BY seq"
_MARKED = """
    SELECT origin, epoch, seq, event_id, checksum FROM parked WHERE substr(kind, 1, ?) <> ?
    ORDER BY origin, epoch, seq, event_id
"""
_KEY = "printf('%s@%s/%012d/%s', origin, epoch, seq, event_id)"
_HANDED = f"SELECT {_KEY} AS key, origin, epoch, body, reason FROM parked WHERE key > ? ORDER BY key"
_PAGE = f"""
    SELECT {_KEY} AS key, origin, epoch, seq, kind, entity, reason, waiting, attempts, parked_at
    FROM parked WHERE key > ? ORDER BY key LIMIT ?
"""
_IN_ORDER = "ORDER BY origin, epoch, seq, event_id"
_READABLE = f"""
    SELECT origin, epoch, body FROM parked
    WHERE kind IN (SELECT value FROM json_each(?)) AND json_extract(body, '$.schema_version') <= ?
    {_IN_ORDER}
"""
_SELECT = "SELECT origin, epoch, seq, body, donor FROM parked"
_TO_RETRY: Mapping[Which, str] = {
    which: f"{_SELECT} WHERE {condition} {_IN_ORDER}" for which, condition in _WHICH.items()
}
_UNTRIED = f"{_SELECT} WHERE attempts = 0 AND donor <> '' {_IN_ORDER}"


def park(tx: Transaction, batch: Batch, event: WireEvent, error: Exception) -> None:
    """Store an event that could not be applied, with the error as its reason."""
    kept = HandedEvent(
        origin=batch.origin,
        epoch=batch.epoch,
        event=event,
        reason=f"{type(error).__name__}: {_reason(error)}",
    )
    tx.connection.execute(_PUT, _values(tx, kept, waiting=kinds.is_waiting(error), attempts=1))


def take(tx: Transaction, handed: HandedEvent, *, donor: Life | None, further: bool) -> None:
    """Store an event that a donor keeps parked, as the donor's word. It is first tried when the donor's rows
    are in; before that, an order might show without its effect on the stock.

    With `further` it replaces the copy parked here: the donor has more of that life, so its state may hold
    more. Without `further` the copy parked here stays.
    """
    statement = _PUT if further else _ADD
    tx.connection.execute(statement, _values(tx, handed, waiting=False, attempts=0, donor=donor))


def has_any(connection: sqlite3.Connection) -> bool:
    """Whether anything is parked."""
    return connection.execute(_ANY).fetchone() is not None


def count(connection: sqlite3.Connection) -> int:
    """How many events are parked: hardly ever any."""
    return int(connection.execute(_COUNT).fetchone()[0])


def forget_covered(tx: Transaction, life: Life, event: WireEvent, *, through: int) -> None:
    """Drop the parked events that a state covers which was just applied whole. The state is that of `event`,
    and its life had read it at position `through`.

    Only events of the same life, the same entity and the kinds that this kind covers are dropped. Other
    lives' events have content of their own, and a product's new name does not replace its stock.
    """
    _forget_kinds(tx, life, _covered(event.kind), event.entity, after=0, through=through)


def forget_told(tx: Transaction, batch: Batch) -> None:
    """Drop the parked events that a batch brings again, or of which it brings a newer state. Call it before
    the batch is applied.

    A donor handed these over. Other events parked in the batch's range stay: another process of that life
    wrote them.
    """
    life = batch.life
    for event in batch.events:
        forget(tx, life, event)
        covered = _covered(event.kind)
        _forget_kinds(tx, life, covered, event.entity, after=batch.after.seq, through=batch.through.seq)


def forget(tx: Transaction, life: Life, event: WireEvent) -> None:
    """Drop a parked event: it was applied, or its content is here by other means."""
    tx.connection.execute(_FORGET, (*life, event.seq, event.event_id))


def seqs_of(connection: sqlite3.Connection, life: Life) -> list[tuple[int, int]]:
    """The seqs of one life's events that are parked here, as ranges."""
    return as_ranges(row[0] for row in connection.execute(_SEQS, life))


def seqs(connection: sqlite3.Connection) -> dict[str, list[tuple[int, int]]]:
    """The seqs parked here, as ranges, for every life that has any, keyed "node@epoch"."""
    lives = [Life(*row) for row in connection.execute(_LIVES)]
    return {life.key: seqs_of(connection, life) for life in lives}


def marks(connection: sqlite3.Connection) -> dict[str, str]:
    """A mark of what is parked of each life, keyed "node@epoch", but for events of orders. As long as it
    stays the same, nothing of them came or went, and none was replaced."""
    found: dict[str, Any] = {}
    of_orders = (len(ORDER_KINDS), ORDER_KINDS)
    for origin, epoch, *event in connection.execute(_MARKED, of_orders):
        found.setdefault(Life(origin, epoch).key, hashlib.sha256()).update(repr(event).encode())
    return {life: mark.hexdigest() for life, mark in found.items()}


def handed(connection: sqlite3.Connection, after: str) -> tuple[list[HandedEvent], str | None]:
    """The next parked events after the key `after`, about 1 MiB of them, and the key to continue from. The
    key is None at the end."""
    found: list[HandedEvent] = []
    size = 0
    for row in connection.execute(_HANDED, (after,)):
        found.append(
            HandedEvent(
                origin=row["origin"], epoch=row["epoch"], event=_event(row["body"]), reason=row["reason"]
            )
        )
        size += len(row["body"])
        if size >= _HANDED_BYTES:
            return found, row["key"]
    return found, None


def readable(connection: sqlite3.Connection) -> list[tuple[Life, WireEvent]]:
    """The parked events whose kind and schema version this version knows, with their lives. If this version
    cannot apply one, no version can."""
    rows = connection.execute(_READABLE, (json.dumps(list(KINDS)), SCHEMA_VERSION))
    return [(Life(row["origin"], row["epoch"]), _event(row["body"])) for row in rows]


def retry(tx: Transaction, which: Which) -> stock_table.Merged:
    """Try parked events again in order, each by itself, and drop those that apply. Returns what merging them
    found."""
    return _try_each(tx, tx.connection.execute(_TO_RETRY[which]).fetchall())


def try_beyond(
    tx: Transaction, heads: Mapping[str, Head], *, donor: str, lives: Callable[[Life], bool]
) -> stock_table.Merged:
    """Try the events that any life of the branch `donor` handed over, of the chosen lives that are over,
    where they lie beyond its present `heads`. Call it when its rows of those lives are in: no position will
    ever say so. Returns what merging them found."""
    untried: list[sqlite3.Row] = []
    for row in tx.connection.execute(_UNTRIED).fetchall():
        life = Life(row["origin"], row["epoch"])
        head = heads.get(life.key)
        beyond = head is None or row["seq"] > head.seq
        chosen = lives(life) and life_table.is_over(tx, life)  # a living one tells its events itself
        if beyond and chosen and Life.parse(row["donor"]).branch == donor:
            untried.append(row)
    return _try_each(tx, untried)


def _try_each(tx: Transaction, rows: Sequence[sqlite3.Row]) -> stock_table.Merged:
    merged = stock_table.Merged()
    for row in rows:
        life, event = Life(row["origin"], row["epoch"]), _event(row["body"])
        try:
            with tx.savepoint(), tx.hearing(Life.parse(row["donor"]) if row["donor"] else life):
                merged.absorb(kinds.apply(tx, event, origin=row["origin"]))
                forget(tx, life, event)
        except UNAPPLICABLE as error:
            key = (*life, event.seq, event.event_id)
            tx.connection.execute(_NOTE_ATTEMPT, (int(kinds.is_waiting(error)), *key))
    return merged


def replay(tx: Transaction, which: Which = "all", *, actor: Actor) -> dict[str, int]:
    """Try parked events again on an admin's request, and record it in the audit. Returns `{applied, left}`,
    two counts."""
    before = count(tx.connection)
    retry(tx, which)
    left = count(tx.connection)
    outcome = {"applied": before - left, "left": left}
    tx.audit(
        actor,
        action="replayed_parked",
        entity="node",
        entity_id=tx.identity.name,
        before=None,
        after=outcome,
        version=tx.lamport,
    )
    return outcome


@dataclass(frozen=True)
class ParkedView:
    """A parked event as clients see it, without its body. `key` orders the list."""

    key: str
    origin: str
    epoch: str
    seq: int
    kind: str
    entity: str
    reason: str
    waiting: bool
    attempts: int
    parked_at: float


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[ParkedView]:
    """Up to `limit` parked events after the key `after`."""
    rows = connection.execute(_PAGE, (after, limit))
    return [ParkedView(**{**dict(row), "waiting": bool(row["waiting"])}) for row in rows]


def _covered(name: str) -> tuple[str, ...]:
    kind = KINDS.get(name)
    return kind.covers if kind else (name,)


def _forget_kinds(
    tx: Transaction, life: Life, kinds: Iterable[str], entity: str, *, after: int, through: int
) -> None:
    for kind in kinds:
        tx.connection.execute(_FORGET_KIND, (*life, after, through, kind, entity))


def _event(body: str) -> WireEvent:
    return WireEvent.model_validate(json.loads(body))


def _values(
    tx: Transaction, kept: HandedEvent, *, waiting: bool, attempts: int, donor: Life | None = None
) -> tuple[Any, ...]:
    event = kept.event
    key = (kept.origin, kept.epoch, event.seq, event.event_id, event.kind, event.entity)
    row = (*key, event.model_dump_json())
    return (
        *row,
        own_rows.sealed("parked", *row),
        kept.reason,
        int(waiting),
        attempts,
        tx.now,
        donor.key if donor else "",
    )


def _reason(error: Exception) -> str:
    return f"{error.field} {error.reason}" if isinstance(error, Invalid) else str(error)
