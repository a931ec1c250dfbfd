"""Repair of a node's own altered rows: what they said is replaced by the weaker claim that less is known.

A peer then sends again what it had sent, or fetches whole rows as after a trimmed log. Merging takes nothing
back, so nothing is lost, even if all members repair at once.
"""

import sqlite3
from dataclasses import dataclass

from app.database import Transaction, own_rows
from app.database.file import reading_somehow
from app.database.pieces import Pieces
from app.domain.life import Life
from app.state.registry import replicated
from app.state.tables import life_table

_LOOKED_AT = 100  # rows, for one that is sound
_ROWS = 1000  # read in one piece: some milliseconds


@dataclass(frozen=True)
class Repaired:
    """What a repair did. `removed` counts the rows it removed, by table. Peers that lack own events up to
    `cut_at` must fetch whole rows instead; it is 0 where the log is whole."""

    removed: dict[str, int]
    cut_at: int = 0

    def __str__(self) -> str:
        parts = [f"{count} rows of {table} removed" for table, count in sorted(self.removed.items())]
        if self.cut_at:
            parts.append(f"peers that lack events up to {self.cut_at} fetch whole rows")
        return ", ".join(parts)


def look_whether_needed() -> Pieces[bool]:
    """Find out whether one of this node's own rows is altered, or its log lacks an event. It reads all of
    these rows."""
    for table in own_rows.REPLACED:
        is_altered = yield from own_rows.look_through(table, rows=_ROWS)
        if is_altered:
            return True
    is_whole: bool = yield _is_whole
    return not is_whole


def repair(tx: Transaction) -> Repaired:
    """Remove every altered own row, in this transaction.

    - `events`: all up to the last altered or missing one are removed, so peers that lack them fetch whole
      rows. If the log would be empty, it gets an event about a row that all nodes have.
    - `positions`: that life's events are sent again, from the first one that its node still has.
    - `cursors`: the peer reports its position anew, with its next hello or receipt.
    - `parked`: that life's events are sent again, the lost one included. If the row no longer names a known
      life, every life's events are.

    Raises sqlite3.IntegrityError where two rows have one key by now, because no index leads to both.
    """
    removed: dict[str, int] = {}
    with reading_somehow(tx.connection):
        for table in own_rows.REPLACED:
            tx.connection.execute(f"REINDEX {table}")
        lacking = _last_lacking(tx.connection)
        for table in own_rows.REPLACED:
            for number, row in list(own_rows.altered(tx.connection, table)):
                if table == "parked":
                    _let_come_again(tx, Life(row["origin"], row["epoch"]))
                tx.connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (number,))
                removed[table] = removed.get(table, 0) + 1
    if lacking:
        _cut(tx, lacking)
    return Repaired(removed, lacking)


def _is_whole(connection: sqlite3.Connection) -> bool:
    """Whether this epoch's log, all of whose rows are sound, goes to its end without a gap."""
    count, first, last, seq = connection.execute(
        "SELECT COUNT(*), MIN(e.seq), MAX(e.seq), (SELECT seq FROM node) FROM events e"
        " WHERE e.epoch = (SELECT epoch FROM node)"
    ).fetchone()
    return bool(seq == 0 if count == 0 else (last == seq and count == last - first + 1))


def _last_lacking(connection: sqlite3.Connection) -> int:
    """The last event of this epoch that should be in the log and is altered or missing; 0 where none is."""
    epoch, last = connection.execute("SELECT epoch, seq FROM node").fetchone()
    query = f"SELECT {own_rows.selected('events')} FROM events WHERE epoch = ? ORDER BY seq DESC"
    expected = last
    for row in connection.execute(query, (epoch,)):
        if own_rows.is_sound("events", row):
            if row["seq"] != expected:
                return int(expected)
            expected -= 1
    return int(last) if expected == last else 0  # of a log that was trimmed its last dropped one stays


def _cut(tx: Transaction, lacking: int) -> None:
    tx.connection.execute("DELETE FROM events WHERE epoch = ? AND seq <= ?", (tx.identity.epoch, lacking))
    if lacking == tx.counters.seq and (known := _sound_row(tx.connection)) is not None:
        tx.emit(*known)


def _sound_row(connection: sqlite3.Connection) -> tuple[str, str] | None:
    """The event kind and key of a row that can be sent, whatever its content is; None where there is none."""
    for entity in replicated.entities():
        if not entity.of_branch:
            for key in entity.page_keys(connection, limit=_LOOKED_AT):
                if all(row.is_sound for row in entity.stored(connection, [key])):
                    return entity.event_kind, key
    return None


def _let_come_again(tx: Transaction, life: Life) -> None:
    if life in tx.lives and life != life_table.me(tx):
        tx.connection.execute("DELETE FROM positions WHERE origin = ? AND epoch = ?", life)
    else:
        tx.connection.execute("DELETE FROM positions")
